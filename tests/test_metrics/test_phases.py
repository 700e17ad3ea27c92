"""Phases and state intervals: how a run is divided in time."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from test_metrics.building import TraceBuilder

from simcb.metrics import Phase, phases, state_intervals


def windows(*faults: tuple[str, float, float], duration: float = 100.0) -> dict[str, object]:
    """Return the phases of a run with those faults, name to windows."""
    trace = TraceBuilder(duration, faults=faults).trace()
    return {phase.name: phase.windows for phase in phases(trace)}


def test_a_run_without_faults_is_of_one_piece() -> None:
    """A run in which nothing goes wrong has no phases but the whole."""
    assert windows() == {"whole": ((0.0, 100.0),)}


def test_one_fault_divides_a_run_in_three() -> None:
    """Before, during and after one fault; a single fault gets no phase of its own name."""
    assert windows(("hang", 20.0, 50.0)) == {
        "whole": ((0.0, 100.0),),
        "healthy": ((0.0, 20.0),),
        "fault": ((20.0, 50.0),),
        "recovery": ((50.0, 100.0),),
    }


def test_several_faults_have_a_union_and_a_phase_each() -> None:
    """Overlapping and adjoining windows melt together; the gap is between faults."""
    found = windows(("a", 10.0, 30.0), ("b", 20.0, 40.0), ("c", 60.0, 70.0), ("d", 70.0, 75.0))
    assert found["fault"] == ((10.0, 40.0), (60.0, 75.0))
    assert found["fault:b"] == ((20.0, 40.0),)
    assert found["healthy"] == ((0.0, 10.0),)
    assert found["between"] == ((40.0, 60.0),)
    assert found["recovery"] == ((75.0, 100.0),)


def test_a_repeated_fault_is_one_phase_of_several_windows() -> None:
    """Windows of one name belong together, and alone they need no phase beside `fault`."""
    found = windows(("flap", 10.0, 20.0), ("flap", 30.0, 40.0))
    assert found["fault"] == ((10.0, 20.0), (30.0, 40.0))
    assert "fault:flap" not in found
    assert found["between"] == ((20.0, 30.0),)


def test_time_before_a_fault_that_outlives_the_run_is_between() -> None:
    """The second fault never ends: the gap before it is between two, and there is no recovery."""
    found = windows(("a", 10.0, 20.0), ("b", 50.0, 500.0))
    assert found["between"] == ((20.0, 50.0),)
    assert "recovery" not in found


def test_faults_that_are_never_active_make_no_phase() -> None:
    """A fault of no length and one after the end change nothing."""
    assert list(windows(("a", 20.0, 20.0), ("b", 100.0, 200.0))) == ["whole"]


def test_a_fault_that_outlives_the_run_leaves_no_recovery() -> None:
    """The fault's window ends with the run, and a fault from the start leaves nothing healthy."""
    found = windows(("a", 0.0, 500.0))
    assert found == {"whole": ((0.0, 100.0),), "fault": ((0.0, 100.0),)}


def test_a_phase_is_as_long_as_its_windows() -> None:
    """Seconds of a phase are those of all its windows."""
    assert Phase("fault", ((10.0, 40.0), (60.0, 75.0))).seconds == 45.0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.floats(0.0, 120.0, allow_nan=False),
            st.floats(0.0, 60.0, allow_nan=False),
        ),
        max_size=6,
    )
)
def test_windows_of_every_phase_are_ordered_and_inside_the_run(
    drawn: list[tuple[str, float, float]],
) -> None:
    """No phase has overlapping windows, an empty one, or time outside the run."""
    trace = TraceBuilder(faults=[(name, at, at + lasts) for name, at, lasts in drawn]).trace()
    for phase in phases(trace):
        edges = [edge for window in phase.windows for edge in window]
        assert edges == sorted(edges)
        assert all(start < end for start, end in phase.windows)
        assert edges[0] >= 0.0
        assert edges[-1] <= 100.0


@given(
    st.lists(st.tuples(st.floats(0.0, 120.0), st.floats(0.0, 60.0)), max_size=6),
)
def test_the_phases_share_out_every_moment_of_the_run(drawn: list[tuple[float, float]]) -> None:
    """Healthy, fault, between and recovery lie side by side from 0 to the end."""
    trace = TraceBuilder(faults=[("x", at, at + lasts) for at, lasts in drawn]).trace()
    named = {phase.name: phase.windows for phase in phases(trace)}
    parts = [each for name, windows in named.items() if name != "whole" for each in windows]
    edges = [edge for window in sorted(parts or named["whole"]) for edge in window]
    assert (edges[0], edges[-1]) == (0.0, 100.0)
    assert edges[1:-1:2] == edges[2::2]


def test_states_cover_the_run_exactly() -> None:
    """A breaker's intervals go from 0 to the end, each beginning where the last one ended."""
    build = TraceBuilder(breakers=[(0, -1), (0, -1)])
    build.transition(10.0, "closed", "open")
    build.transition(40.0, "open", "half_open")
    build.transition(41.0, "half_open", "closed")
    first, second = state_intervals(build.trace())
    assert first == (
        (0.0, 10.0, "closed"),
        (10.0, 40.0, "open"),
        (40.0, 41.0, "half_open"),
        (41.0, 100.0, "closed"),
    )
    assert second == ((0.0, 100.0, "closed"),)


def test_a_state_of_no_length_is_left_out() -> None:
    """A probe that fails at the moment it starts leaves no half-open interval."""
    build = TraceBuilder(breakers=[(0, -1)])
    build.transition(10.0, "closed", "open")
    build.transition(40.0, "open", "half_open")
    build.transition(40.0, "half_open", "open")
    (life,) = state_intervals(build.trace())
    assert [interval.state for interval in life] == ["closed", "open", "open"]
    assert math.fsum(interval.end - interval.start for interval in life) == 100.0
