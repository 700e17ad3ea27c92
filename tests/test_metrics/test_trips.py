"""How soon breakers see a fault, how often in vain, and when goodput is back."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from test_metrics.building import TraceBuilder

from simcb.metrics import measure


def trips(
    *openings: float,
    faults: tuple[tuple[str, float, float], ...] = (("x", 20.0, 40.0),),
    timeout: float | None = None,
    breakers: int = 1,
) -> TraceBuilder:
    """A run in which breaker 0 opens at those moments and closes one second later.

    Of ten requests a second all fail under a fault.
    """
    build = TraceBuilder(
        calls=[("shop", "db", timeout)], breakers=[(0, -1)] * breakers, faults=faults
    )
    for at in openings:
        build.transition(at, "closed", "open")
        build.transition(at + 0.5, "open", "half_open")
        build.transition(at + 1.0, "half_open", "closed")
    for tenth in range(1000):
        moment = tenth / 10
        harmed = any(start <= moment < end for _, start, end in faults)
        build.request(moment, 0.0, "failed" if harmed else "ok")
    return build


def test_time_to_trip_starts_with_the_fault() -> None:
    """The first opening under the fault counts, from the fault's begin."""
    measures = measure(trips(10.0, 23.0, 30.0).trace())
    assert measures.value("time_to_trip") == 3.0
    assert measures.value("time_to_trip", "fault") == 3.0
    assert measures.value("time_to_trip", "recovery") is None
    assert measures.value("missed_trips") == 0.0


def test_a_fault_without_an_opening_is_missed() -> None:
    """Never is a value, and the miss is counted."""
    measures = measure(trips(10.0).trace())
    assert measures.value("time_to_trip") == math.inf
    assert measures.value("missed_trips") == 1.0


def test_a_harmless_fault_without_an_opening_is_not_missed() -> None:
    """Nobody is hurt by the first fault and everybody by the second; neither opens a breaker."""
    build = TraceBuilder(breakers=[(0, -1)], faults=[("a", 20.0, 40.0), ("b", 60.0, 80.0)])
    for tenth in range(1000):
        at = tenth / 10
        build.request(at, 0.0, "failed" if 60.0 <= at < 80.0 else "ok")
    measures = measure(build.trace())
    assert measures.value("missed_trips") == 1.0
    assert measures.value("missed_trips", "fault:a") == 0.0
    assert measures.value("missed_trips", "fault:b") == 1.0
    assert measures.value("time_to_trip", "fault:a") == math.inf


def test_a_fault_that_harms_only_once_it_is_over_is_missed() -> None:
    """All requests of the ten seconds after the fault fail, and those of no other time."""
    build = TraceBuilder(breakers=[(0, -1)], faults=[("a", 20.0, 20.5), ("b", 60.0, 80.0)])
    for tenth in range(1000):
        at = tenth / 10
        build.request(at, 0.0, "failed" if 20.5 <= at < 30.0 else "ok")
    measures = measure(build.trace())
    assert measures.value("missed_trips", "fault:a") == 1.0
    assert measures.value("missed_trips", "fault:b") == 0.0


def test_the_slowest_of_several_faults_speaks_for_all() -> None:
    """Two faults noticed after 2 s and 5 s: 5 s for the run, each its own in its phase."""
    faults = (("a", 20.0, 40.0), ("b", 60.0, 80.0))
    measures = measure(trips(22.0, 65.0, faults=faults).trace())
    assert measures.value("time_to_trip") == 5.0
    assert measures.value("time_to_trip", "fault:a") == 2.0
    assert measures.value("missed_trips", "fault:b") == 0.0


def test_one_missed_fault_of_two_makes_the_run_never() -> None:
    """A fault nobody noticed is not averaged away."""
    faults = (("a", 20.0, 40.0), ("b", 60.0, 80.0))
    measures = measure(trips(22.0, faults=faults).trace())
    assert measures.value("time_to_trip") == math.inf
    assert measures.value("missed_trips") == 1.0


def test_a_breaker_still_open_has_noticed_the_next_fault() -> None:
    """The breaker opened under the first fault and still is open when the second begins."""
    build = TraceBuilder(breakers=[(0, -1)], faults=[("a", 20.0, 40.0), ("b", 50.0, 60.0)])
    build.transition(22.0, "closed", "open")
    build.transition(70.0, "open", "half_open")
    measures = measure(build.trace())
    assert measures.value("missed_trips") == 0.0
    assert measures.value("time_to_trip", "fault:b") == 0.0
    assert measures.value("time_to_trip") == 2.0


def test_openings_without_a_fault_are_false() -> None:
    """One before and one after; the one under the fault is not."""
    measures = measure(trips(10.0, 30.0, 90.0).trace())
    assert measures.value("false_trips") == 2.0
    assert measures.value("false_trips", "healthy") == 1.0
    assert measures.value("false_trips", "fault") == 0.0
    assert measures.value("false_trips", "recovery") == 1.0


def test_a_fault_is_felt_for_one_timeout_longer() -> None:
    """Attempts made under the fault may time out after it: at its end plus 5 s, not later."""
    late = measure(trips(45.0, timeout=5.0).trace())
    assert late.value("false_trips") == 0.0
    assert late.value("time_to_trip") == 25.0
    too_late = measure(trips(45.1, timeout=5.0).trace())
    assert too_late.value("false_trips") == 1.0
    assert too_late.value("time_to_trip") == math.inf


def test_without_a_timeout_a_fault_ends_when_it_ends() -> None:
    """At the very moment of the end no fault is active any more."""
    measures = measure(trips(40.0).trace())
    assert measures.value("false_trips") == 1.0


def test_closing_and_opening_again_under_one_fault_is_a_flap() -> None:
    """Three openings of a breaker during a fault are two flaps."""
    measures = measure(trips(22.0, 25.0, 30.0).trace())
    assert measures.value("flaps") == 2.0
    assert measures.value("flaps", "fault") == 2.0


FLAPPING = (("x", 20.0, 25.0), ("x", 40.0, 45.0), ("x", 60.0, 65.0))


def test_one_opening_in_each_window_of_a_fault_is_no_flap() -> None:
    """A fault that comes three times may open the breaker three times; a fourth is a flap."""
    once_each = measure(trips(22.0, 41.0, 64.0, faults=FLAPPING).trace())
    assert once_each.value("flaps") == 0.0
    assert once_each.value("missed_trips") == 0.0
    assert once_each.value("time_to_trip") == 4.0
    again = measure(trips(22.0, 41.0, 43.0, 64.0, faults=FLAPPING).trace())
    assert again.value("flaps") == 1.0


def test_each_window_of_a_fault_can_be_missed() -> None:
    """Opened in the first window only: two are missed, in the fault's own phase too."""
    faults = (*FLAPPING, ("y", 80.0, 90.0))
    measures = measure(trips(22.0, 82.0, faults=faults).trace())
    assert measures.value("missed_trips") == 2.0
    assert measures.value("missed_trips", "fault:x") == 2.0
    assert measures.value("missed_trips", "fault:y") == 0.0
    assert measures.value("time_to_trip", "fault:x") == math.inf


def test_a_window_is_felt_until_the_next_begins() -> None:
    """With a timeout of 30 s an opening in the second window is not the first's as well."""
    measures = measure(trips(22.0, 41.0, 61.0, faults=FLAPPING, timeout=30.0).trace())
    assert measures.value("flaps") == 0.0
    assert measures.value("false_trips") == 0.0


def test_windows_that_touch_are_one() -> None:
    """A fault in three adjoining windows is one fault of three times the length."""
    touching = (("x", 20.0, 30.0), ("x", 30.0, 40.0), ("x", 40.0, 50.0))
    parts = measure(trips(25.0, 35.0, faults=touching).trace())
    whole = measure(trips(25.0, 35.0, faults=(("x", 20.0, 50.0),)).trace())
    for name in ("flaps", "missed_trips", "time_to_trip", "false_trips"):
        assert parts.value(name) == whole.value(name), name
    assert whole.value("flaps") == 1.0


def test_a_fault_is_felt_after_a_wait_for_a_place_too() -> None:
    """An attempt admitted under the fault may wait 2 s to be sent and then 5 s for its answer."""
    build = trips(46.5, timeout=5.0)
    call = replace(build.layout.calls[0], max_concurrent=1, max_wait=2.0)
    build.layout = replace(build.layout, calls=(call,))
    assert measure(build.trace()).value("false_trips") == 0.0


def recovering(
    *bad: tuple[float, float],
    faults: tuple[tuple[str, float, float], ...],
    duration: float = 300.0,
    every: float = 0.1,
) -> float | None:
    """Return the time to recover of a run whose requests fail in those windows."""
    build = TraceBuilder(duration, faults=faults)
    for number in range(round(duration / every)):
        at = number * every
        build.request(at, 0.0, "failed" if any(a <= at < b for a, b in bad) else "ok")
    return measure(build.trace()).value("time_to_recover")


TWICE = (("a", 60.0, 70.0), ("b", 150.0, 160.0))


def test_the_slowest_recovery_of_several_faults_counts() -> None:
    """30 s after the first fault and 5 s after the second: 30 s."""
    found = recovering((60.0, 100.0), (150.0, 165.0), faults=TWICE)
    assert found == pytest.approx(30.0)


def test_a_fault_that_begins_before_the_last_is_overcome_makes_it_never() -> None:
    """Everything fails until the second fault is over, and nothing after it."""
    assert recovering((60.0, 160.0), faults=TWICE) == math.inf


def test_healthy_until_the_next_fault_is_healthy_again() -> None:
    """Five good seconds before the next fault show that the first was overcome in 15 s."""
    faults = (("x", 60.0, 70.0), ("x", 90.0, 100.0))
    assert recovering((60.0, 85.0), (90.0, 100.0), faults=faults) == pytest.approx(15.0)
    assert recovering((60.0, 100.0), faults=faults) == math.inf


def test_a_chance_answer_before_the_next_fault_is_no_recovery() -> None:
    """The last nine requests before the next fault are answered: too few to show anything."""
    faults = (("x", 60.0, 70.0), ("x", 90.0, 100.0))
    assert recovering((60.0, 89.05), (90.0, 100.0), faults=faults) == math.inf


def test_faults_with_hardly_a_request_between_them_are_counted_as_one() -> None:
    """Five seconds of rest with a request each: what matters is when it is over."""
    faults = tuple(("x", 60.0 + 10 * n, 65.0 + 10 * n) for n in range(5))
    found = recovering((60.0, 125.0), faults=faults, every=1.0, duration=600.0)
    assert found == pytest.approx(20.0)


def test_a_run_that_is_only_too_short_to_show_a_recovery_has_none_to_tell() -> None:
    """All is well for the last 8 s, which is less than ten: undefined, and 12 s are told."""
    faults = (("x", 60.0, 100.0),)
    assert recovering((60.0, 105.0), faults=faults, duration=113.0) is None
    assert recovering((60.0, 105.0), faults=faults, duration=117.0) == pytest.approx(5.0)
    assert recovering((60.0, 112.5), faults=faults, duration=113.0) == math.inf


def test_an_earlier_fault_that_was_never_overcome_is_told_even_if_the_run_is_too_short() -> None:
    """What comes after the second fault cannot undo what was seen after the first."""
    assert recovering((60.0, 160.0), faults=TWICE, duration=165.0) == math.inf


def test_several_breakers_opening_once_do_not_flap() -> None:
    """A flap is one breaker's, not the crowd's."""
    build = trips(22.0, breakers=2)
    build.transition(25.0, "closed", "open", breaker=1)
    assert measure(build.trace()).value("flaps") == 0.0


def test_a_failed_probe_is_not_an_opening() -> None:
    """Half-open to open continues the outage: neither a flap nor a false trip."""
    build = TraceBuilder(breakers=[(0, -1)], faults=[("x", 20.0, 40.0)])
    build.transition(25.0, "closed", "open")
    for at in (30.0, 35.0, 45.0):
        build.transition(at, "open", "half_open")
        build.transition(at + 0.1, "half_open", "open")
    measures = measure(build.trace())
    assert measures.value("flaps") == 0.0
    assert measures.value("false_trips") == 0.0


def steady(
    rate: float,
    bad_until: float,
    *,
    seed: int | None = None,
    errors: float = 0.0,
    duration: float = 300.0,
    latency: float = 0.1,
) -> TraceBuilder:
    """Requests from 0 on, all failing from 60 s until `bad_until`, the fault being over at 100.

    With a seed arrivals are Poisson and a share `errors` fails at any time.
    """
    build = TraceBuilder(duration, faults=[("x", 60.0, 100.0)])
    lots = random.Random(seed)
    at, number = 0.0, 0
    while at < duration:
        harmed = 60.0 <= at < bad_until
        fails = harmed or (errors > 0.0 and lots.random() < errors)
        end = min(latency, duration - at)
        build.request(at, end, "failed" if fails else "ok")
        number += 1
        at = number / rate if seed is None else at + lots.expovariate(rate)
    return build


def test_recovery_is_immediate_if_the_fault_leaves_nothing_behind() -> None:
    """Goodput is back at the fault's end: 0 s."""
    assert measure(steady(10.0, 100.0).trace()).value("time_to_recover") == 0.0


def test_recovery_begins_with_the_first_good_request() -> None:
    """Requests fail for 30 s more: 30 s to the first that does not."""
    assert measure(steady(10.0, 130.0).trace()).value("time_to_recover") == 30.0


def test_a_short_good_spell_is_no_recovery() -> None:
    """Five good seconds in the middle of bad ones do not count."""
    build = TraceBuilder(300.0, faults=[("x", 60.0, 100.0)])
    for tenth in range(3000):
        at = tenth / 10
        bad = 60.0 <= at < 110.0 or 115.0 <= at < 140.0
        build.request(at, 0.05, "failed" if bad else "ok")
    assert measure(build.trace()).value("time_to_recover") == pytest.approx(40.0)


def test_a_run_that_stays_ill_never_recovers() -> None:
    """No window is good: never."""
    assert measure(steady(10.0, 300.0).trace()).value("time_to_recover") == math.inf


def test_recovery_that_cannot_be_seen_is_undefined() -> None:
    """The run ends with the fault, or less than a window after it, or has no fault at all."""
    assert measure(steady(10.0, 100.0, duration=100.0).trace()).value("time_to_recover") is None
    assert measure(steady(10.0, 100.0, duration=105.0).trace()).value("time_to_recover") is None
    assert measure(TraceBuilder().trace()).value("time_to_recover") is None


@pytest.mark.parametrize("rate", [0.2, 1.0, 5.0, 40.0])
@pytest.mark.parametrize("errors", [0.0, 0.02, 0.2])
def test_chance_does_not_look_like_harm(rate: float, errors: float) -> None:
    """With Poisson arrivals and errors as before the fault, recovery is immediate.

    Chance may delay it in one run of ten, then by less than one window; it is never `never`.
    """
    duration = 4000.0 if rate < 1.0 else 200.0
    times = []
    for seed in range(10):
        build = steady(rate, 60.0, seed=seed, errors=errors, duration=duration)
        found = measure(build.trace()).value("time_to_recover")
        assert found is not None
        times.append(found)
    assert sum(time > 0.0 for time in times) <= 1
    assert max(times) <= max(10.0, 20.0 / rate)


def test_late_answers_are_no_recovery() -> None:
    """Requests that are ok but take a hundred times as long as before the fault are not good."""
    build = TraceBuilder(300.0, faults=[("x", 60.0, 100.0)])
    for tenth in range(2800):
        at = tenth / 10
        build.request(at, 20.0 if 60.0 <= at < 150.0 else 0.2)
    assert measure(build.trace()).value("time_to_recover") == pytest.approx(50.0)
