"""Asking for a number by name: a slip of the pen is told, what merely is not there is None."""

from __future__ import annotations

from typing import Any

import pytest
from test_metrics.building import TraceBuilder
from test_studies.sweep_cases import swept

from simcb.errors import SimcbError
from simcb.metrics import Measures, UnknownNumberError, measure, summarise


def measured() -> Measures:
    """Return the measures of a run whose last fault outlives it, so that it has no recovery."""
    build = TraceBuilder(faults=[("latency:db", 20.0, 50.0), ("hang:db", 60.0, 200.0)])
    build.request(1.0, 1.1)
    return measure(build.trace())


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("sucess", "fault"), "there is no metric `sucess`; did you mean `success`?"),
        (("success", "recvery"), "there is no phase `recvery`; did you mean `recovery`?"),
        (("success", "fault:hang:bd"), "did you mean `fault:hang:db`?"),
        (("success", "db"), "there is no phase `db`; write one of: whole, healthy, fault"),
        (("success", None), "the phase is `None`, which is no text; write one of: whole"),
        (([],), "the metric is `[]`, which is no text; write one of: offered_rate"),
        (
            ("utilisation", "whole", "bd"),
            "there is no service or client group `bd`; write one of: db, shop",
        ),
    ],
)
def test_a_name_that_means_nothing_is_refused(asked: tuple[Any, ...], told: str) -> None:
    """Metric, phase and service are looked at in one run and in a summary of several."""
    run = measured()
    summary = summarise([run, run])
    for ask in (run.value, summary.value, summary.estimate):
        with pytest.raises(UnknownNumberError) as caught:
            ask(*asked)
        assert told in str(caught.value)
        assert isinstance(caught.value, SimcbError)


@pytest.mark.parametrize(
    "asked",
    [
        ("success", "recovery"),
        ("success_p50", "fault:latency:db"),
        ("time_to_recover", "fault"),
        ("utilisation", "whole"),
        ("p99", "whole", "db"),
    ],
)
def test_what_could_be_there_and_is_not_is_none(asked: tuple[str, ...]) -> None:
    """A phase that the run lacks, and a number that is not measured there, are undefined."""
    run = measured()
    assert run.value(*asked) is None
    assert summarise([run]).value(*asked) is None


def test_the_outcome_of_a_setting_answers_alike() -> None:
    """A setting of a sweep also knows how likely it collapses."""
    outcome = swept().outcome(0)
    assert outcome.value("collapse") is not None
    assert outcome.value("p99", "whole", "store") is None
    with pytest.raises(UnknownNumberError, match="did you mean `collapse`"):
        outcome.value("colapse")
    with pytest.raises(UnknownNumberError, match="there is no phase `fualt`"):
        outcome.value("success", "fualt")
