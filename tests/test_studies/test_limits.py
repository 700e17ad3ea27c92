import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcb.scenario import Scenario, parse_scenario
from simcb.scenario.arrivals import ARRIVALS, Arrivals, Poisson, RatePoint, Replay
from simcb.scenario.faults import Surge
from simcb.studies.limits import (
    MEASURING_BYTES,
    MOST_REQUESTS,
    TooLargeError,
    check_size,
    estimate_size,
    expected_arrivals,
    in_words,
    rate_at,
)
from simcb.trace.rows_file import ROWS_HELD
from simcb.world import simulate

CHAIN = """
name: chain
duration: 100s
clients:
  web:
    arrivals: {kind: constant, rate: 10/s}
    refresh: {after: 5s, times: 2}
    calls:
      front: {timeout: 1s, retry: {max_retries: 3}}
services:
  front:
    workers: 4
    work: 5ms
    calls:
      back: {timeout: 1s, retry: {max_retries: 1}}
  back: {workers: 4, work: 5ms}
"""


def scenario(text: str = CHAIN, **changes: object) -> Scenario:
    """Return the scenario with some places changed."""
    return parse_scenario(text).with_(changes)


def test_the_worst_case_multiplies_along_the_chain() -> None:
    """Three presses of four tries, each of which makes two tries below: 36 for a request."""
    size = estimate_size(scenario())
    assert size.requests == pytest.approx(1000)
    assert size.worst_attempts == pytest.approx(1000 * 3 * 4 * (1 + 2))


def test_runs_add_up() -> None:
    """Replicates and baseline are counted, and their traces are held together."""
    one, ten = estimate_size(scenario()), estimate_size(scenario(), runs=10)
    assert ten.requests == pytest.approx(10 * one.requests)
    assert ten.worst_attempts == pytest.approx(10 * one.worst_attempts)
    assert one.megabytes < ten.megabytes < 10 * one.megabytes


def test_rows_beyond_those_held_take_no_memory_but_when_they_are_measured() -> None:
    """Ten times the requests, and ten runs of them, take little more than one: rows are filed."""
    text = CHAIN.replace("    refresh: {after: 5s, times: 2}\n", "")
    few = scenario(text, **{"arrivals.rate": "20000/s", "front.retry.max_retries": 0})
    many = few.with_({"arrivals.rate": "100000/s"})
    rows = estimate_size(few).worst_attempts + estimate_size(few).requests
    assert rows > 2 * ROWS_HELD
    ten = estimate_size(few, runs=10).megabytes
    assert ten == pytest.approx(estimate_size(few).megabytes, rel=0.001)
    more = estimate_size(many).megabytes - estimate_size(few).megabytes
    assert more == pytest.approx(4 * rows * MEASURING_BYTES / 1e6)


def test_the_expected_requests_are_those_that_come() -> None:
    """With steps, a ramp and a surge the estimate is within chance of a real run."""
    points = "[{at: 0s, rate: 20/s}, {at: 20s, rate: 60/s, ramp: 20s}, {at: 60s, rate: 5/s}]"
    text = CHAIN.replace("{kind: constant, rate: 10/s}", f"{{kind: poisson, rate: {points}}}")
    text += "faults:\n  - {kind: surge, on: web, times: 3, at: 70s, for: 20s}\n"
    expected = 20 * 20 + 20 * 40 + 20 * 60 + (40 - 20) * 5 + 20 * 5 * 3
    size = estimate_size(scenario(text))
    assert size.requests == pytest.approx(expected)
    came = len(simulate(scenario(text)).requests)
    assert abs(came - expected) < 4 * math.sqrt(expected)


@given(
    st.lists(
        st.tuples(st.floats(0.5, 20.0), st.floats(0.0, 100.0), st.floats(0.0, 1.0)), max_size=5
    ),
    st.floats(1.0, 100.0),
    st.floats(0.0, 1.0),
)
def test_two_halves_of_a_run_add_up_to_it(
    steps: list[tuple[float, float, float]], duration: float, cut: float
) -> None:
    """The expected arrivals are an integral of the rate, wherever the run is cut."""
    points, at = [RatePoint(at=0.0, rate=10.0)], 0.0
    for gap, rate, ramp in steps:
        at += gap
        # The ramp takes a part of the shortest gap, so it ends before the next point.
        points.append(RatePoint(at=at, rate=rate, ramp=ramp * 0.5))
    arrivals = Poisson(rate=tuple(points))
    whole = expected_arrivals(arrivals, [], duration)
    part = expected_arrivals(arrivals, [], duration * cut)
    slices = 500
    width = duration * (1 - cut) / slices
    middles = (duration * cut + (n + 0.5) * width for n in range(slices))
    rest = math.fsum(rate_at(arrivals.rate, middle) * width for middle in middles)
    # A step of the rate inside a slice is missed by up to half a slice.
    assert whole == pytest.approx(part + rest, abs=1e-6 + 100.0 * width / 2 * len(points))


def test_a_surge_of_no_length_changes_nothing() -> None:
    """A fault that lasts for nothing brings nobody."""
    surge = Surge(on="web", at=1.0, lasts=0.0, times=1000.0)
    arrivals = Poisson(rate=(RatePoint(at=0.0, rate=10.0),))
    assert expected_arrivals(arrivals, [surge], 10.0) == pytest.approx(100.0)


KINDS = {
    "poisson": ({"rate": "10/s"}, 1000.0),
    "constant": ({"rate": [{"at": "0s", "rate": "5/s"}, {"at": "50s", "rate": "20/s"}]}, 1250.0),
    # Ten users, each of whom thinks for 0.9 s and waits 0.1 s: a request a second.
    "closed": ({"users": 10, "think": "900ms"}, 1010.0),
    "backlog": ({"rate": "10/s", "initial": 500, "consumers": 3}, 1500.0),
    "replay": ({"file": "calls.csv", "moments": [1.0, 2.0, 99.0, 101.0]}, 3.0),
}


@pytest.mark.parametrize("kind", ARRIVALS)
def test_every_kind_of_arrivals_can_be_estimated(kind: str) -> None:
    """A kind without an estimate could not be refused for its size."""
    words, expected = KINDS[kind]
    arrivals = ARRIVALS[kind].model_validate({"kind": kind, **words})
    assert isinstance(arrivals, Arrivals)
    assert expected_arrivals(arrivals, [], 100.0, answer=0.1) == pytest.approx(expected)


def test_replayed_rates_are_added_up_to_the_end_of_the_run() -> None:
    """Intervals beyond the end of the run bring nobody, nor does the time after the last."""
    arrivals = Replay(file="rates.csv", interval=10.0, rates=(1.0, 3.0, 5.0))
    assert expected_arrivals(arrivals, [], 15.0) == pytest.approx(10.0 + 15.0)
    assert expected_arrivals(arrivals, [], 1000.0) == pytest.approx(90.0)


def test_users_who_never_pause_are_refused() -> None:
    """A loop in which time cannot advance is endless, and is said to be."""
    closed = "{kind: closed, users: 5, think: 0s}"
    text = CHAIN.replace("{kind: constant, rate: 10/s}", closed).replace("5ms", "0ms")
    size = estimate_size(scenario(text))
    assert size.requests == math.inf
    with pytest.raises(TooLargeError, match="endlessly many"):
        check_size(size)


def test_a_repeated_surge_counts_each_time() -> None:
    """Three surges of ten seconds are thirty seconds at twice the rate."""
    surge = Surge(on="web", at=10.0, lasts=10.0, times=2.0, repeat={"every": "20s", "times": 3})
    arrivals = Poisson(rate=(RatePoint(at=0.0, rate=10.0),))
    assert expected_arrivals(arrivals, [surge], 100.0) == pytest.approx(1300.0)


def test_a_huge_scenario_is_refused_with_its_numbers() -> None:
    """The message has the numbers, the limit and the flag to go on."""
    with pytest.raises(TooLargeError, match="--allow-large") as refused:
        check_size(estimate_size(scenario(**{"arrivals.rate": "1e6/s"})))
    assert "100 million requests" in str(refused.value)
    assert in_words(MOST_REQUESTS) in str(refused.value)
    assert type(refused.value)(*refused.value.args).args == refused.value.args


def test_endless_retries_are_refused_for_their_memory() -> None:
    """Few requests can still make too many attempts."""
    retries = {"front.retry.max_retries": 100, "back.retry.max_retries": 100}
    deep = scenario(**retries, rate="100/s")
    with pytest.raises(TooLargeError):
        check_size(estimate_size(deep))


def test_a_thousand_million_users_are_refused() -> None:
    """They are more than fit, however rarely they ask."""
    text = CHAIN.replace("{kind: constant, rate: 10/s}", "{kind: closed, users: 1e9, think: 1d}")
    with pytest.raises(TooLargeError, match="users"):
        check_size(estimate_size(scenario(text)))


def test_a_million_million_arrivals_are_refused() -> None:
    """The number that would come is in the message."""
    with pytest.raises(TooLargeError, match=r"1e\+12 requests"):
        check_size(estimate_size(scenario(**{"arrivals.rate": "1e9/s", "duration": "1000s"})))


def test_instances_and_their_breakers_are_counted_as_they_are_used() -> None:
    """100,000 instances with a breaker for each of 1,000 replicas cost what their requests cost."""
    text = CHAIN.replace("    refresh: {after: 5s, times: 2}\n", "    instances: 100000\n")
    text = text.replace("    workers: 4\n", "    workers: 4\n    replicas: 1000\n")
    each = scenario(text.replace("{timeout: 1s, retry", "{breaker: {per_replica: true}, retry", 1))
    small = estimate_size(each)
    check_size(small)
    busy = each.with_({"arrivals.rate": "10000/s", "front.retry.max_retries": 0})
    one = busy.with_({"web.instances": 1})
    # A million requests use all the instances: 4 kB each, and as much for each breaker.
    assert estimate_size(busy).megabytes - estimate_size(one).megabytes > 800.0


STUCK = """
name: stuck
duration: 10m
clients:
  u:
    arrivals: {kind: closed, users: 100, think: 30s}
    calls: {s: {timeout: 5s, retry: {max_retries: 1000, backoff: {kind: fixed, delay: 1s}}}}
services:
  s: {workers: 10, work: {kind: exponential, mean: 500ms}}
faults:
  - {kind: hang, on: s, at: 1m, for: 9m}
"""


def test_users_stuck_in_retries_make_as_many_as_the_time_allows() -> None:
    """A thousand tries of six seconds are no thousand tries in ten minutes: told and true agree."""
    told = estimate_size(scenario(STUCK)).worst_attempts
    happened = len(simulate(scenario(STUCK)).attempts)
    assert happened <= told <= 2.0 * happened
    left = scenario(STUCK.replace("u:\n", "u:\n    deadline: 13s\n"))
    happened = len(simulate(left).attempts)
    assert happened <= 1.1 * estimate_size(left).worst_attempts <= 2.0 * happened


def test_what_cannot_fail_is_not_retried() -> None:
    """Without a timeout, a limit or errors there is nothing to retry; a fault changes that."""
    text = STUCK.replace("timeout: 5s, ", "")
    calm = estimate_size(scenario(text))
    assert calm.worst_attempts == calm.requests
    erring = text + "  - {kind: errors, on: s, rate: 10%, at: 0s, for: 1s}\n"
    assert estimate_size(scenario(erring)).worst_attempts > 10 * calm.requests


def test_users_who_are_turned_away_at_once_are_told_of() -> None:
    """With a millisecond to think an open breaker lets them ask a thousand times a second."""
    text = """
name: spinning
duration: 10s
clients:
  u:
    arrivals: {kind: closed, users: 10, think: 1ms}
    calls: {s: {breaker: {failure_threshold: 1, recovery_timeout: 1m}}}
services: {s: {workers: 10, work: 1s, errors: 100%}}
"""
    size = estimate_size(scenario(text))
    assert size.requests == pytest.approx(10 * 10, rel=0.2)
    happened = len(simulate(scenario(text)).requests)
    assert 0.8 * size.most_requests < happened <= size.most_requests
    assert estimate_size(scenario()).most_requests == estimate_size(scenario()).requests


def test_a_baseline_is_counted_with_the_run() -> None:
    """A run with its baseline is twice as large as one, and is refused by the same limit."""
    one, both = estimate_size(scenario()), estimate_size(scenario(), runs=2)
    assert both.requests == pytest.approx(2 * one.requests)
    retries = {"front.retry.max_retries": 0, "back.retry.max_retries": 0}
    large = scenario(rate="150000/s", times=0, **retries).with_({"duration": "100s"})
    with pytest.raises(TooLargeError, match="30 million requests"):
        check_size(estimate_size(large, runs=2))


def test_network_and_share_count_in_a_closed_loop() -> None:
    """A cycle is the thinking, the ways there and back, and the calls that are needed."""
    text = CHAIN.replace("{kind: constant, rate: 10/s}", "{kind: closed, users: 10, think: 1s}")
    plain = estimate_size(scenario(text)).requests
    slow = text.replace("front: {timeout: 1s,", "front: {timeout: 9s, network: 500ms,")
    assert plain == pytest.approx(10 * (1 + 100 / 1.01))
    assert estimate_size(scenario(slow)).requests == pytest.approx(10 * (1 + 100 / 2.01))
    rare = slow.replace("network: 500ms", "network: 500ms, share: 50%")
    assert estimate_size(scenario(rare)).requests == pytest.approx(10 * (1 + 100 / 1.505))


def test_a_usual_scenario_is_not() -> None:
    """What people write runs without a question."""
    check_size(estimate_size(scenario(), runs=20))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (28_800.0, "28,800"),
        (4.6e6, "4.6 million"),
        (2.1e10, "21 billion"),
        (2.1e15, "2.1e+15"),
    ],
)
def test_large_numbers_are_written_in_words(number: float, text: str) -> None:
    """Three digits are enough for an estimate."""
    assert in_words(number) == text
