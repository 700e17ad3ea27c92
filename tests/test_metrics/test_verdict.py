"""Verdicts on runs whose fate is plain to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from test_metrics.building import TraceBuilder

from simcb.metrics import Judgement, Verdict, verdict

Fate = Callable[[float], tuple[float | None, str]]


def judged(
    fate: Fate,
    faults: tuple[tuple[str, float, float], ...] = (("x", 60.0, 100.0),),
    duration: float = 300.0,
) -> Judgement:
    """Judge a run of ten requests a second whose latency and outcome `fate` decides."""
    build = TraceBuilder(duration, faults=faults)
    for tenth in range(int(duration * 10)):
        at = tenth / 10
        latency, outcome = fate(at)
        if latency is not None and at + latency > duration:
            latency = None
        build.request(at, latency, outcome)
    trace = build.trace()
    return verdict(trace)


def fails(*windows: tuple[float, float]) -> Fate:
    """Requests of those windows fail, all others are answered in 0.1 s."""
    return lambda at: (0.1, "failed" if any(a <= at < b for a, b in windows) else "ok")


def test_a_fault_without_harm_leaves_a_run_unharmed() -> None:
    """Nothing fails: unharmed, although the last requests are unfinished."""
    found = judged(fails())
    assert found.verdict is Verdict.UNHARMED
    assert "100.0% of requests ok within 1 s (the least) under fault" in found.reason


def test_harm_that_passes_is_recovered() -> None:
    """Requests fail under the fault and for 20 s after; then all is well."""
    found = judged(fails((60.0, 120.0)))
    assert found.verdict is Verdict.RECOVERED
    assert "healthy again 20.0 s after the last fault" in found.reason


def test_goodput_below_half_at_the_end_is_a_collapse() -> None:
    """The fault is over, the requests still fail."""
    found = judged(fails((60.0, 300.0)))
    assert found.verdict is Verdict.COLLAPSED
    assert "0.0% of requests" in found.reason


def test_a_run_frozen_in_the_end_has_collapsed() -> None:
    """Requests that never end, and are old enough to be missed, count as not answered."""
    assert judged(lambda at: (None if at >= 60.0 else 0.1, "ok")).verdict is Verdict.COLLAPSED


def test_goodput_between_half_and_all_is_degraded() -> None:
    """A third of the requests keeps failing."""
    found = judged(lambda at: (0.1, "failed" if at >= 60.0 and int(at * 10) % 3 == 0 else "ok"))
    assert found.verdict is Verdict.DEGRADED
    assert "never came back" in found.reason


def test_a_relapse_is_degraded() -> None:
    """Goodput comes back for a minute and a third of it is lost again."""
    fate: Fate = lambda at: (  # noqa: E731
        0.1,
        "failed" if 60 <= at < 100 or (at > 200 and int(at * 10) % 3 == 0) else "ok",
    )
    found = judged(fate)
    assert found.verdict is Verdict.DEGRADED
    assert "at the end" in found.reason


def test_a_harmful_fault_that_outlives_the_run_is_degraded() -> None:
    """With the fault still active nobody can say that the run has collapsed."""
    found = judged(fails((60.0, 300.0)), faults=(("x", 60.0, 1000.0),))
    assert found.verdict is Verdict.DEGRADED
    assert "until the end" in found.reason


def test_the_worst_fault_counts() -> None:
    """Ten harmful seconds in an hour of harmless fault are harm."""
    found = judged(fails((60.0, 70.0)), faults=(("a", 60.0, 70.0), ("b", 100.0, 290.0)))
    assert found.verdict is Verdict.RECOVERED


def test_harm_after_the_fault_is_harm() -> None:
    """Nothing happens under the fault, but ten seconds after it are lost."""
    assert judged(fails((100.0, 110.0))).verdict is Verdict.RECOVERED


def test_answers_that_come_a_minute_late_are_harm() -> None:
    """Every request is answered, but under the fault after 60 s instead of 0.1 s."""
    found = judged(lambda at: (60.0 if 60 <= at < 100 else 0.1, "ok"))
    assert found.verdict is Verdict.RECOVERED
    assert found.reason.startswith("0.0% of requests ok within 1 s (the least) under fault")


def test_fallback_answers_are_harm() -> None:
    """An answer of second choice is better than none and worse than before."""
    found = judged(lambda at: (0.1, "degraded" if 60 <= at < 100 else "ok"))
    assert found.verdict is Verdict.RECOVERED


def test_fallback_answers_are_told_beside_the_good_ones() -> None:
    """Of ten requests under the fault one is ok and nine come from a fallback, one too late."""

    def fate(at: float) -> tuple[float | None, str]:
        tenth = round(at * 10) % 10
        if not 60 <= at < 100 or tenth == 0:
            return 0.1, "ok"
        return 5.0 if tenth == 1 else 0.1, "degraded"

    assert judged(fate).reason.startswith(
        "10.0% of requests ok within 1 s (the least) under fault and 80.0% more from a fallback, "
        "100.0% when healthy; "
    )


def test_a_fallback_is_told_wherever_it_answers() -> None:
    """One answer in twenty is a fallback's at all times; after the fault nothing else is left."""
    second_best: Fate = lambda at: (  # noqa: E731
        0.1,
        "degraded" if at >= 60 or round(at * 10) % 20 == 0 else "ok",
    )
    found = judged(second_best)
    assert found.verdict is Verdict.COLLAPSED
    assert "0.0% of requests" in found.reason
    assert "with no fault active and 100.0% more from a fallback" in found.reason
    assert found.reason.endswith("95.0% when healthy and 5.0% more from a fallback")
    steady: Fate = lambda at: (0.1, "degraded" if round(at * 10) % 20 == 0 else "ok")  # noqa: E731
    assert "95.0% of finished requests ok and 5.0% more from" in judged(steady, faults=()).reason


def test_without_a_fallback_none_is_spoken_of() -> None:
    """Nothing from a fallback, no word of it."""
    assert "fallback" not in judged(fails((60.0, 120.0))).reason


def test_without_a_healthy_phase_perfection_is_the_measure() -> None:
    """A fault from the start that everybody survives, and one that everybody hangs in."""
    faults = (("x", 0.0, 100.0),)
    assert judged(fails(), faults).verdict is Verdict.UNHARMED
    assert judged(fails((0.0, 100.0)), faults).verdict is Verdict.RECOVERED
    assert judged(fails((0.0, 300.0)), faults).verdict is Verdict.COLLAPSED
    assert judged(lambda at: (None, "ok"), faults).verdict is Verdict.COLLAPSED


def test_a_quiet_run_is_unharmed() -> None:
    """No fault and no failure; without a request nothing is known."""
    assert judged(fails(), faults=()).verdict is Verdict.UNHARMED
    assert verdict(TraceBuilder().trace()).verdict is Verdict.UNDECIDED


def asked(fault: tuple[float, float], *asking: tuple[float, float]) -> Judgement:
    """Judge a run in which ten requests a second come at some times only, all answered."""
    build = TraceBuilder(300.0, faults=(("x", *fault),))
    for tenth in range(3000):
        if any(a <= tenth / 10 < b for a, b in asking):
            build.request(tenth / 10, 0.1 if tenth < 2999 else None, "ok")
    return verdict(build.trace())


@pytest.mark.parametrize("after", [(), ((100.0, 300.0),)])
def test_a_fault_under_which_nobody_asks_is_undecided(
    after: tuple[tuple[float, float], ...],
) -> None:
    """Whoever came before it, or after, shows nothing of it."""
    found = asked((60.0, 100.0), (0.0, 60.0), *after)
    assert found.verdict is Verdict.UNDECIDED
    assert found.reason.startswith("no request arrived under fault, 100.0%")


def test_a_fault_shorter_than_a_gap_is_judged_by_what_follows() -> None:
    """A cache is flushed between two requests, and the next ten seconds are as ever."""
    found = asked((60.03, 60.04), (0.0, 300.0))
    assert found.verdict is Verdict.UNHARMED
    assert "no request arrived under fault" in found.reason
    assert asked((60.03, 60.04), (0.0, 60.0)).verdict is Verdict.UNDECIDED


def test_a_fault_of_whose_requests_nothing_is_known_is_undecided() -> None:
    """The run ends before any of them is overdue."""
    found = judged(lambda at: (0.1 if at < 99.5 else None, "ok"), (("x", 99.5, 300.0),), 100.0)
    assert found.verdict is Verdict.UNDECIDED
    assert "not known how any request ends" in found.reason


@pytest.mark.parametrize(
    ("served", "expected"),
    [(0.97, Verdict.UNHARMED), (0.7, Verdict.DEGRADED), (0.3, Verdict.COLLAPSED)],
)
def test_overload_from_the_start_shows_without_a_fault(served: float, expected: Verdict) -> None:
    """A queue that serves a share of the arrivals falls behind without failing anybody.

    Request n is answered when n / (served · 10) s have passed: later and later.
    """
    found = judged(lambda at: (at / served - at + 0.1, "ok"), faults=())
    assert found.verdict is expected
    assert "no fault" in found.reason


def test_errors_without_a_fault_are_degraded() -> None:
    """One request in ten fails all the time and nothing is to blame."""
    found = judged(lambda at: (0.1, "failed" if int(at * 10) % 10 == 0 else "ok"), faults=())
    assert found.verdict is Verdict.DEGRADED
    assert "90.0% of finished requests ok" in found.reason


def test_a_run_that_never_worked_cannot_be_excused_by_its_fault() -> None:
    """Nothing was answered even before the fault: collapsed, and the reason says since when."""
    found = judged(fails((0.0, 300.0)))
    assert found.verdict is Verdict.COLLAPSED
    assert "before any fault" in found.reason


def test_a_fault_after_which_nobody_asks_cannot_be_recovered_from() -> None:
    """Harm under the fault and silence after it: degraded, for lack of evidence."""
    build = TraceBuilder(300.0, faults=(("x", 60.0, 100.0),))
    for tenth in range(1000):
        build.request(tenth / 10, 0.1, "failed" if tenth >= 600 else "ok")
    trace = build.trace()
    found = verdict(trace)
    assert found.verdict is Verdict.DEGRADED
    assert "no request after it" in found.reason


def test_just_after_a_fault_it_is_too_early_to_speak_of_a_collapse() -> None:
    """The run ends 4 s after the fault and nothing works yet: degraded."""
    found = judged(fails((60.0, 104.0)), duration=104.0)
    assert found.verdict is Verdict.DEGRADED
    assert found.reason.endswith("only 0.0% in the last 4.0 s after it")


def test_a_short_healthy_phase_excuses_nothing() -> None:
    """Five healthy requests are little to go by, but half of the users lost is harm."""
    faults = (("x", 0.5, 100.0),)
    found = judged(lambda at: (0.1, "failed" if int(at * 10) % 2 and at >= 0.5 else "ok"), faults)
    assert found.verdict is not Verdict.UNHARMED
    healthy = judged(lambda at: (0.1, "failed" if int(at * 10) % 50 == 7 else "ok"), faults)
    assert healthy.verdict is Verdict.UNHARMED


def test_requests_caught_by_the_fault_do_not_speak_for_the_time_before_it() -> None:
    """Those that arrive in the last second before the fault hang in it for most of a minute."""
    found = judged(lambda at: (40.0 if 59.0 <= at < 100.0 else 0.1, "ok"))
    assert found.verdict is Verdict.RECOVERED
    assert (
        "0.0% of requests ok within 1 s (the least) under fault, 100.0% when healthy"
        in found.reason
    )


def two_groups(fast: Fate, slow: Fate) -> Judgement:
    """Judge nine fast requests a second and a slow one, with a fault from 60 to 100 s of 300."""
    build = TraceBuilder(300.0, groups=("fast", "slow"), faults=(("x", 60.0, 100.0),))
    for tenth in range(3000):
        at, group = tenth / 10, int(tenth % 10 == 0)
        latency, outcome = (slow if group else fast)(at)
        build.request(at, latency, outcome, group)
    trace = build.trace()
    return verdict(trace)


def test_a_slow_group_lends_a_fast_one_no_patience() -> None:
    """Users of the fast group wait 20 s instead of 0.1 s; those of the slow one always did 6 s."""
    found = two_groups(lambda at: (20.0 if 60 <= at < 100 else 0.1, "ok"), lambda _: (6.0, "ok"))
    assert found.verdict is Verdict.RECOVERED
    assert found.reason.startswith(
        "10.0% of requests ok within 1 to 60 s (10 × each group's healthy p99, at least 1 s) "
        "under fault, 100.0% when healthy"
    )


def test_a_fast_group_takes_no_patience_from_a_slow_one() -> None:
    """A slow group of one request in ten that takes 50 s instead of 6 s takes what it may."""
    found = two_groups(lambda _: (0.1, "ok"), lambda at: (50.0 if 60 <= at < 100 else 6.0, "ok"))
    assert found.verdict is Verdict.UNHARMED


def test_groups_of_the_same_patience_are_told_as_one() -> None:
    """Both are fast enough for the least: the sentence is that of a run with one group."""
    found = two_groups(fails((60.0, 100.0)), fails())
    assert found.reason.startswith("10.0% of requests ok within 1 s (the least) under fault")


def test_a_group_without_healthy_answers_has_no_limit() -> None:
    """Nothing is known of the slow group, so any ok answer of it is good; the fast one's are."""
    found = two_groups(lambda _: (0.1, "ok"), lambda at: (50.0, "ok" if at >= 60 else "failed"))
    assert found.verdict is Verdict.UNHARMED


def test_of_several_fault_windows_the_worst_is_named() -> None:
    """A third is lost in one, all in the other: the number is of that one, and says so."""
    faults = (("a", 60.0, 70.0), ("a", 100.0, 112.5))
    found = judged(fails((63.0, 66.0), (100.0, 112.5)), faults=faults)
    assert found.reason.startswith(
        "0.0% of requests ok within 1 s (the least) in the worst fault window (100 to 112.5 s), "
    )


def test_the_worst_time_without_a_fault_is_named_too() -> None:
    """Nobody is served between the two faults, everybody after them: that is no recovery."""
    faults = (("a", 60.0, 70.0), ("b", 150.0, 160.0))
    found = judged(fails((60.0, 160.0)), faults=faults)
    assert found.verdict is Verdict.DEGRADED
    assert "0.0% in the worst time without a fault (70 to 150 s), 100.0% when" in found.reason
    assert found.reason.endswith(
        "not healthy again before the next fault, at 150 s, 100.0% at the end"
    )


def test_harm_between_faults_is_harm() -> None:
    """Only 20 s between two harmless faults are lost; the slowest recovery is told."""
    faults = (("a", 60.0, 70.0), ("b", 150.0, 160.0))
    found = judged(fails((70.0, 90.0)), faults=faults)
    assert found.verdict is Verdict.RECOVERED
    assert "75.0% in the worst time without a fault (70 to 150 s)" in found.reason
    assert found.reason.endswith("healthy again 20.0 s after the fault until 70 s, the slowest")


def test_a_run_too_short_to_be_sure_says_by_how_much() -> None:
    """All is well for the last 8 s of a run: 2 s more would make it ten."""
    found = judged(fails((60.0, 105.0)), duration=113.0)
    assert found.verdict is Verdict.RECOVERED
    assert found.reason.endswith(
        "healthy for the last 8.0 s; a run longer by 2 s would show whether it lasts"
    )


def closed_group(stuck: int, faults: tuple[tuple[str, float, float], ...]) -> Judgement:
    """Judge 100 users who ask every 10 s, the first of whom are stuck from 60 s on for ever."""
    build = TraceBuilder(300.0, faults=faults)
    build.layout = replace(build.layout, users=(100,))
    for user in range(100):
        for turn in range(30):
            at = user / 10 + 10.0 * turn
            if user < stuck and at >= 60.0:
                build.request(at, None)
                break
            build.request(at, 0.1)
    return verdict(build.trace())


def test_closed_users_who_are_all_stuck_have_collapsed() -> None:
    """Nobody asks at the end, for everybody waits: with a fault to blame, and with none."""
    found = closed_group(100, (("x", 60.0, 100.0),))
    assert found.verdict is Verdict.COLLAPSED
    assert found.reason.startswith("0.0% of requests ok within 1 s (the least) at the end")
    assert found.reason.endswith("; 100 requests are still open and overdue")
    alone = closed_group(100, ())
    assert alone.verdict is Verdict.COLLAPSED
    assert "0 answers to" in alone.reason


def test_stuck_users_count_for_what_they_would_have_asked() -> None:
    """With 60 of 100 stuck the others' answers are two fifths, with 20 four fifths."""
    most = closed_group(60, (("x", 60.0, 100.0),))
    assert most.verdict is Verdict.COLLAPSED
    assert most.reason.startswith("40.0% of requests")
    some = closed_group(20, (("x", 60.0, 100.0),))
    assert some.verdict is Verdict.DEGRADED
    assert some.reason.endswith("80.0% at the end")


def test_a_window_that_is_all_of_the_fault_phase_is_not_named() -> None:
    """The second fault lies within the first: more is lost under the first, which is all."""
    found = judged(fails((60.0, 100.0)), faults=(("a", 60.0, 100.0), ("b", 70.0, 80.0)))
    assert found.reason.startswith("0.0% of requests ok within 1 s (the least) under fault, ")
