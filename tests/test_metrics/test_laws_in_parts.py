"""The audit looks at a run part by part, and says what it says of the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.measure_cost import repeated
from benchmarks.world_speed import storm
from test_metrics import test_laws, test_laws_whole_grammar

from simcb.metrics import Law, audit
from simcb.metrics.laws import case, in_time
from simcb.trace import Trace
from simcb.world import simulate


def forged(forge: Callable[[Trace], Trace], honest: Callable[[], Trace]) -> Callable[[], Trace]:
    """Return what makes an honest trace and forges it."""
    return lambda: forge(honest())


FORGERIES: list[tuple[str, Callable[[], Trace]]] = [
    ("a good run", test_laws.honest),
    ("a good run of rarer words", test_laws_whole_grammar.honest),
    ("too much work while capacity is low", lambda: test_laws.with_shrunk_capacity(33.0)),
    *(
        (name, forged(forge, honest))
        for forgeries, honest in (
            (test_laws.FORGERIES, test_laws.honest),
            (test_laws_whole_grammar.FORGERIES, test_laws_whole_grammar.honest),
        )
        for name, forge, _ in forgeries
    ),
]


def audit_in_parts(patch: pytest.MonkeyPatch, trace: Trace, rows: int) -> tuple[Law, ...]:
    """Audit a trace in parts of so many rows, which are settled as soon as they can be."""
    with patch.context() as small:
        small.setattr(case, "PIECE", rows)
        small.setattr(case, "ROWS_FOR_EACH", 0)
        small.setattr(in_time, "LEAST", 1)
        return audit(trace)


@pytest.mark.parametrize("rows", [1, 2, 7])
@pytest.mark.parametrize(
    "make", [make for _, make in FORGERIES], ids=[name for name, _ in FORGERIES]
)
def test_parts_say_what_the_whole_says(
    make: Callable[[], Trace], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts, first rows and moments are those of the whole run."""
    trace = make()
    assert audit_in_parts(monkeypatch, trace, rows) == audit(trace)


def test_rows_out_of_order_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose attempts stand in the reverse order of time obeys the same laws."""
    trace = simulate(storm(2000))
    backwards = replace(trace, attempts=trace.attempts[::-1])
    found = audit_in_parts(monkeypatch, backwards, 100)
    assert [law for law in found if not law.holds] == []


def test_what_is_wrong_late_in_a_long_run_is_found_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker who idles in the last of many parts is told with the moment."""
    trace = repeated(simulate(storm(2000)), 20)
    attempts = trace.attempts.copy()
    waited = np.flatnonzero(attempts["begin"] > attempts["arrive"])
    row = int(waited[-1])
    attempts["begin"][row] = np.nextafter(attempts["begin"][row], np.inf)
    (idle,) = (
        law
        for law in audit_in_parts(monkeypatch, replace(trace, attempts=attempts), 512)
        if law.name.startswith("no idle")
    )
    assert idle.detail.endswith(f"beside a queue at {float(trace.attempts['begin'][row])!r} s")
