"""The world's numbers are those of theory."""

from __future__ import annotations

import pytest
from test_world.closed_forms import CLOSED_FORMS
from test_world.examining import examine
from test_world.formulas import (
    calls_to_trip,
    erlang_b,
    erlang_c,
    probe_cycle,
    refused_by_full_queue,
    sojourn_gm1,
    sojourn_quantile_mm1,
    wait_mg1,
)


@pytest.mark.parametrize(
    ("formula", "known"),
    [
        (erlang_b(5, 4.0), 0.1991),
        (erlang_c(4, 3.2), 0.5964),
        (0.1 + erlang_c(4, 3.2) / (40 - 32), 0.17455),
        (refused_by_full_queue(2, 2.5, 10), 0.2214),
        (wait_mg1(5, 0.1, 2.0), 0.25),
        (wait_mg1(8, 0.1, 0.0), 0.2),
        (sojourn_quantile_mm1(8, 10, 0.5), 0.3466),
        (sojourn_quantile_mm1(8, 10, 0.95), 1.4979),
        (sojourn_quantile_mm1(8, 10, 0.99), 2.3026),
        (sojourn_gm1(lambda s: 8.0 / (8.0 + s), 10.0), 0.5),
        (calls_to_trip(0.5, 5), 62.0),
        (calls_to_trip(0.3, 3), 51.48),
        (1 / probe_cycle(10, 5.0, 0.2), 0.18868),
    ],
)
def test_formulas_give_the_published_numbers(formula: float, known: float) -> None:
    """The formulas themselves give the values found in textbooks."""
    assert formula == pytest.approx(known, rel=3e-4)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_world_agrees_with_theory(name: str) -> None:
    """A few replicates agree with theory within four standard errors."""
    findings = examine(name, CLOSED_FORMS[name], replicates=8)
    assert all(finding.holds for finding in findings), "\n".join(map(str, findings))


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_world_agrees_closely_with_theory(name: str) -> None:
    """Many long replicates with other luck agree with theory within four standard errors."""
    findings = examine(name, CLOSED_FORMS[name], replicates=24, times=2.0, seed=1)
    assert all(finding.holds for finding in findings), "\n".join(map(str, findings))
