"""The models behave as their projects document: limits reached or passed, late results, clamps."""

from __future__ import annotations

from asyncio import CancelledError
from typing import Any

import pytest
from test_adapters.story import STORY, steps, told

from simcb.adapters import CallFailed, adapter
from simcb.scenario import parse_scenario


class Bench:
    """A breaker and a clock that is set by hand."""

    def __init__(self, use: str, **settings: object) -> None:
        self.now = 0.0
        self.breaker = adapter(use).build(lambda: self.now, settings, lambda: 0.5)

    def at(self, now: float) -> Bench:
        """Set the clock."""
        self.now = now
        return self

    def enter(self) -> Any:
        """Begin a call; None if it is rejected."""
        return self.breaker.enter()

    def end(self, entry: object, *, failed: bool) -> None:
        """End a call that was let through."""
        assert entry is not None
        self.breaker.leave(entry, CallFailed() if failed else None)

    def calls(self, outcomes: str, took: float = 0.0) -> str:
        """Make calls one after the other, `f` for one that fails; return the states after each."""
        states = ""
        for outcome in outcomes:
            entry = self.enter()
            self.now += took
            if entry is not None:
                self.end(entry, failed=outcome == "f")
            states += self.state[0]
        return states

    @property
    def state(self) -> str:
        """The state."""
        return self.breaker.state


def test_gobreaker_opens_at_the_sixth_failure_in_a_row() -> None:
    """More than five, and a success in between begins anew."""
    bench = Bench("gobreaker")
    assert bench.calls("fffff.ffffff") == "ccccccccccco"


def test_gobreakers_timeout_has_to_be_over() -> None:
    """At exactly its end a call is still rejected."""
    bench = Bench("gobreaker", ConsecutiveFailures=0, Timeout=10)
    bench.calls("f")
    assert bench.at(10.0).enter() is None
    assert bench.at(10.0001).enter() is not None
    assert bench.state == "half_open"
    assert bench.enter() is None


def test_gobreaker_lets_so_many_through_in_all_and_wants_as_many_successes() -> None:
    """`MaxRequests` bounds and closes; a failure among them opens it again."""
    bench = Bench("gobreaker", ConsecutiveFailures=0, Timeout=10, MaxRequests=2)
    bench.calls("f")
    assert bench.at(11.0).calls("..") == "hc"
    bench.calls("f")
    assert bench.at(22.0).calls(".f") == "ho"


def test_gobreaker_drops_results_of_an_earlier_generation() -> None:
    """A call of before the opening changes nothing, nor does one of before an interval's end."""
    bench = Bench("gobreaker", ConsecutiveFailures=1, Timeout=10)
    early = bench.enter()
    bench.calls("ff")
    probe = bench.at(11.0).enter()
    bench.end(early, failed=False)
    assert bench.state == "half_open"
    bench.end(probe, failed=False)
    assert bench.state == "closed"
    bench = Bench("gobreaker", ConsecutiveFailures=1, Interval=5)
    early = bench.enter()
    bench.end(bench.at(4.0).enter(), failed=True)
    bench.end(bench.at(6.0).enter(), failed=True)
    bench.end(early, failed=True)
    assert bench.state == "closed"


def test_resilience4j_clamps_the_minimum_to_a_count_window() -> None:
    """A minimum of a hundred in a window of four means four."""
    bench = Bench("resilience4j", slidingWindowSize=4)
    assert bench.calls("f.f") == "ccc"
    assert bench.calls(".") == "o"


def test_resilience4js_wait_has_to_be_over_and_half_open_is_a_rate() -> None:
    """Ten calls in all are permitted, and half of them failing opens it again."""
    bench = Bench("resilience4j", slidingWindowSize=2, waitDurationInOpenState=10_000)
    bench.calls("ff")
    assert bench.at(10.0).enter() is None
    entries = [bench.at(10.001).enter() for _ in range(12)]
    assert [entry is None for entry in entries] == [False] * 10 + [True] * 2
    for place, entry in enumerate(entries[:10]):
        bench.end(entry, failed=place < 5)
    assert bench.state == "open"
    for _ in range(6):
        bench.end(bench.at(21.0).enter(), failed=False)
    for _ in range(4):
        bench.end(bench.enter(), failed=True)
    assert bench.state == "closed"


def test_resilience4j_takes_a_late_result_for_a_probes() -> None:
    """A call of before the opening that fails now opens it once more."""
    words = {"slidingWindowSize": 2, "waitDurationInOpenState": 10_000}
    bench = Bench("resilience4j", **words, permittedNumberOfCallsInHalfOpenState=1)
    early = bench.enter()
    bench.calls("ff")
    assert bench.at(11.0).enter() is not None
    bench.end(early, failed=True)
    assert bench.state == "open"


def test_resilience4j_calls_slow_what_takes_more_than_the_threshold() -> None:
    """Exactly as long is not slow."""
    words = {"slidingWindowSize": 2, "slowCallDurationThreshold": 1000}
    assert Bench("resilience4j", **words).calls("..", took=1.0) == "cc"
    assert Bench("resilience4j", **words).calls("..", took=1.5) == "co"


def test_an_ignored_call_gives_its_permission_back_in_resilience4j() -> None:
    """A cancelled probe leaves room for another."""
    words = {"slidingWindowSize": 1, "waitDurationInOpenState": 10_000}
    bench = Bench("resilience4j", **words, permittedNumberOfCallsInHalfOpenState=1)
    bench.calls("f")
    bench.breaker.leave(bench.at(11.0).enter(), CancelledError())
    assert bench.enter() is not None


def test_polly_reaches_its_ratio_and_lets_one_through_at_the_end_of_the_break() -> None:
    """A tenth of a hundred opens it, on a failure; at exactly five seconds one call passes."""
    bench = Bench("polly")
    assert bench.calls("f" * 9 + "." * 90) == "c" * 99
    assert bench.calls("f") == "o"
    assert bench.at(4.999).enter() is None
    assert bench.at(5.0).enter() is not None
    assert bench.enter() is None


def test_polly_forgets_after_the_sampling_duration() -> None:
    """A call counts for thirty seconds from the beginning of its window of three."""
    bench = Bench("polly", MinimumThroughput=4)
    bench.calls("f..")
    assert bench.at(30.0).calls("f") == "c"


def test_a_late_result_decides_in_polly_and_in_hystrix() -> None:
    """While the probe is out, a success of before the opening closes it."""
    for use, words in (
        ("polly", {"MinimumThroughput": 2}),
        ("hystrix", {"requestVolumeThreshold": 2}),
    ):
        bench = Bench(use, **words)
        early = bench.enter()
        bench.calls("ff")
        assert bench.at(6.0).enter() is not None
        assert bench.state == "half_open"
        bench.end(early, failed=False)
        assert bench.state == "closed"


def test_a_cancelled_probe_closes_polly_and_opens_hystrix() -> None:
    """What Polly does not handle is a success; an unsubscribed command is none to Hystrix."""
    for use, words, after in (
        ("polly", {"MinimumThroughput": 2}, "closed"),
        ("hystrix", {"requestVolumeThreshold": 2}, "open"),
    ):
        bench = Bench(use, **words)
        bench.calls("ff")
        bench.breaker.leave(bench.at(6.0).enter(), CancelledError())
        assert bench.state == after


def test_hystrix_looks_every_half_second_at_whole_percentages() -> None:
    """It opens with the snapshot after the twentieth call, not with the call."""
    bench = Bench("hystrix")
    assert bench.calls("f." * 10) == "c" * 20
    assert bench.at(0.499).enter() is not None
    assert bench.at(0.5).enter() is None
    assert bench.at(5.5).enter() is None
    assert bench.at(5.501).enter() is not None


def test_opossum_wants_more_than_its_percentage_of_the_calls_asked_for() -> None:
    """Exactly half does not open it, and calls in progress count among what it divides by."""
    bench = Bench("opossum")
    assert bench.calls(".f.f") == "cccc"
    assert bench.calls("f") == "o"
    assert bench.calls("....") == "oooo"
    assert bench.at(1.0).enter() is None
    bench = Bench("opossum", resetTimeout=1000)
    early = [bench.enter() for _ in range(3)]
    bench.end(early[0], failed=True)
    assert bench.state == "closed"
    bench.end(early[1], failed=True)
    assert bench.state == "open"
    bench = Bench("opossum", resetTimeout=1000, volumeThreshold=10)
    bench.calls("f" * 9)
    assert bench.state == "closed"
    assert bench.calls("f") == "o"
    assert bench.at(1.0).state == "half_open"
    assert bench.enter() is not None
    assert bench.enter() is None


def test_opossums_one_call_decides_and_a_late_failure_extends_nothing() -> None:
    """A failure while open does not start its timer anew."""
    bench = Bench("opossum", resetTimeout=10_000)
    early = bench.enter()
    bench.calls("ff")
    bench.at(9.0).end(early, failed=True)
    assert bench.at(10.0).state == "half_open"
    assert bench.calls("f") == "o"
    assert bench.at(20.0).calls(".") == "c"


def test_envoy_ejects_longer_each_time_and_brings_back_at_a_sweep() -> None:
    """Thirty seconds, then sixty, each until the next tenth second; no call probes it."""
    bench = Bench("envoy")
    assert bench.at(1.0).calls("fffff") == "cccco"
    assert bench.at(39.9).enter() is None
    assert bench.at(40.0).state == "closed"
    assert bench.at(41.0).calls("fffff") == "cccco"
    assert bench.at(109.0).state == "open"
    assert bench.at(110.0).state == "closed"
    assert bench.at(400.0).calls("fffff") == "cccco"
    assert bench.at(440.0).state == "closed"


def test_nginx_counts_failures_that_no_check_has_cleared() -> None:
    """A success between two failures clears nothing; one after the timeout does."""
    bench = Bench("nginx", max_fails=2, fail_timeout=10)
    assert bench.at(20.0).calls("f.f") == "cco"
    assert bench.at(30.0).enter() is None
    trial = bench.at(31.0).enter()
    assert trial is not None
    assert bench.enter() is None
    bench.end(trial, failed=False)
    assert bench.state == "closed"
    assert bench.calls("f") == "c"


@pytest.mark.parametrize("use", ["envoy", "nginx", "hystrix"])
def test_models_of_other_rules_run_in_a_scenario(use: str) -> None:
    """They open under a fault and are closed again after it."""
    longer = STORY.replace("rate: 1/s", "rate: 10/s").replace("25s", "60s")
    scenario = parse_scenario(longer.replace("for: 3s", "for: 8s"))
    trace = told(scenario.with_({"shop.calls.payments.breaker": {"use": use}}))
    states = [state for _, state in steps(trace)]
    assert "open" in states
    assert states[-1] == "closed"
