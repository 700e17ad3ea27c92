"""What can never matter is told before a run, and what can is left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simcb.metrics import judge, measure, no_effect_warnings
from simcb.scenario import Scenario, list_shipped, parse_scenario, read_scenario
from simcb.scenario.arrivals import Replay
from simcb.trace import Flag
from simcb.world import simulate


def scenario(faults: str, *thresholds: str, call: str = "timeout: 1s") -> Scenario:
    """Return ten seconds of a shop with these faults and thresholds, and a call of these words."""
    lines = "".join(f"\n  - {each}" for each in thresholds)
    return parse_scenario(f"""
name: short
duration: 10s
clients:
  shop: {{arrivals: {{kind: poisson, rate: 5/s}}, calls: {{store: {{{call}}}}}}}
services:
  store: {{workers: 2, work: 20ms}}
faults: {faults}
thresholds: {lines or "[]"}
""")


@pytest.mark.parametrize(
    ("faults", "threshold", "told"),
    [
        ("[]", "p99{fault} < 1s", "no fault is ever active in it"),
        ("[]", "p99{recovery} < 1s", "no fault is ever active in it"),
        ("[{kind: hang, on: store, at: 4s, for: 1s}]", "p99{between} < 1s", "lies between two"),
        ("[{kind: hang, on: store, at: 0s, for: 2s}]", "p99{healthy} < 1s", "from the first"),
        ("[{kind: hang, on: store, at: 4s, for: 9s}]", "success{recovery} > 1%", "until the run"),
        (
            "[{kind: hang, on: store, at: 4s, for: 1s}, {kind: loss, on: store, at: 7s, for: 0s}]",
            "success{fault:loss:store} > 1%",
            "the fault `loss:store` is never active",
        ),
    ],
)
def test_a_threshold_on_a_phase_that_cannot_be_can_only_fail(
    faults: str, threshold: str, told: str
) -> None:
    """It is told before the run with the reason, and the run fails it."""
    made = scenario(faults, threshold, "success > 1%")
    (sentence,) = no_effect_warnings(made)
    assert sentence.startswith(f"threshold `{threshold}` can only fail: ")
    assert told in sentence
    one, other = judge(made.thresholds, measure(simulate(made)))
    assert not one.passed
    assert one.value is None
    assert other.value is not None


def test_a_fault_after_the_end_never_strikes() -> None:
    """At the very end is too late as well; one that begins before it is in time."""
    late = scenario("[{kind: hang, on: store, at: 10s, for: 5s}]")
    (sentence,) = no_effect_warnings(late)
    assert "fault `hang:store` begins at 10s and the run ends at 10s" in sentence
    assert no_effect_warnings(scenario("[{kind: hang, on: store, at: 9.9s, for: 5s}]")) == ()
    assert len(no_effect_warnings(late, scenario("[]", "p99{fault} < 1s").thresholds)) == 2


@pytest.mark.parametrize(
    "threshold",
    ["p99{healthy} < 1s", "p99{fault} < 1s", "p99{fault:hang:store} < 9s", "p99{recovery} < 1s"],
)
def test_what_a_run_can_have_is_not_told(threshold: str) -> None:
    """Every phase of a run with a fault in its middle, and `healthy` of one without any."""
    assert (
        no_effect_warnings(scenario("[{kind: hang, on: store, at: 4s, for: 1s}]", threshold)) == ()
    )
    assert no_effect_warnings(scenario("[]", "p99{healthy} < 1s")) == ()


TROUBLE = """[{kind: hang, on: store, at: 2s, for: 4s},
  {kind: errors, on: store, rate: 50%, at: 7s, for: 2s}]"""
"""Calls wait and fail, so that whatever can matter does."""


@pytest.mark.parametrize(
    ("call", "without", "told"),
    [
        (
            "retry: {max_retries: 2, on: [timeout]}",
            "",
            "`shop->store` is never retried: `retry.on` names only `timeout`, and the call has no "
            "timeout; give it one, or name another outcome",
        ),
        (
            "timeout: 1s, retry: {max_retries: 2, on: [rejected, shed]}",
            "timeout: 1s",
            "`shop->store` is never retried: `retry.on` names only `rejected` and `shed`, and the "
            "call has no breaker and no bulkhead, rate limit or throttle; give it one, or name "
            "another outcome",
        ),
        (
            "breaker: {failure_threshold: 1, recovery_timeout: 1s, counts: [timeout]}",
            "",
            "the breaker of `shop->store` never opens: `counts` names only `timeout`, and the "
            "call has no timeout; give it one, or name another outcome",
        ),
        (
            "timeout: 1s, retry: {max_retries: 2, jitter: full}",
            "timeout: 1s, retry: {max_retries: 2}",
            "`jitter` changes nothing in the retries of `shop->store`, which do not wait; leave "
            "it out, or add a backoff like `backoff: {kind: fixed, delay: 100ms}`",
        ),
        (
            "timeout: 1s, breaker: {failure_threshold: 2, recovery_timeout: 1s, per_replica: true}",
            "timeout: 1s, breaker: {failure_threshold: 2, recovery_timeout: 1s}",
            "`per_replica` changes nothing in the breaker of `shop->store`, whose service has one "
            "replica; leave it out, or give the service more like `replicas: 3`",
        ),
    ],
)
def test_a_guard_that_cannot_matter_is_told_and_leaving_it_out_changes_nothing(
    call: str, without: str, told: str
) -> None:
    """Its sentence has the place and the remedy, and no request is other without it."""
    made, plain = scenario(TROUBLE, call=call), scenario(TROUBLE, call=without)
    assert no_effect_warnings(made) == (told,)
    assert no_effect_warnings(plain) == ()
    ours, theirs = (simulate(each).requests for each in (made, plain))
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize(
    "call",
    [
        "timeout: 1s, retry: {max_retries: 2, on: [timeout]}",
        "retry: {max_retries: 2, on: [timeout, error]}",
        "retry: {max_retries: 0, on: [timeout], jitter: full}",
        "timeout: 1s, breaker: {enabled: false}, retry: {max_retries: 2, on: [rejected]}",
        "bulkhead: {max_concurrent: 1}, retry: {max_retries: 2, on: [shed]}",
        "throttle: {kind: adaptive}, retry: {max_retries: 2, on: [shed]}",
        "breaker: {counts: [timeout], per_replica: true, enabled: false}",
        "breaker: {counts: [timeout], recovery_timeout: 1s, "
        "trip: {kind: slow_call_rate, slow: 1s, window: 5s}}",
        "retry: {max_retries: 2, jitter: full, backoff: {kind: exponential, base: 10ms}}",
        "retry: {max_retries: 2, backoff: {kind: decorrelated, base: 10ms, max: 1s}}",
    ],
)
def test_a_guard_that_can_matter_or_is_switched_off_is_not_told(call: str) -> None:
    """One outcome within reach is enough, and what is switched off is so on purpose."""
    made = scenario(TROUBLE, call=call)
    assert no_effect_warnings(made) == ()
    assert no_effect_warnings(made.without_breakers()) == ()


def test_a_bulkhead_for_each_of_one_replica_is_told() -> None:
    """With one replica there is only one bulkhead anyway."""
    made = scenario("[]", call="bulkhead: {max_concurrent: 3, per_replica: true}")
    (sentence,) = no_effect_warnings(made)
    assert "`per_replica` changes nothing in the bulkhead of `shop->store`" in sentence
    assert no_effect_warnings(made.with_({"store.replicas": 2})) == ()


def test_a_breaker_for_each_of_several_replicas_is_not_told() -> None:
    """Two replicas are enough."""
    made = scenario("[]", call="breaker: {per_replica: true}")
    assert len(no_effect_warnings(made)) == 1
    assert no_effect_warnings(made.with_({"store.replicas": 2})) == ()


@pytest.mark.parametrize("share", ["100%", "99%"])
def test_the_words_of_an_envoy_import_go_one_by_one_until_the_breaker_matters(share: str) -> None:
    """With one replica each remedy removes its sentence and brings none that takes it back."""
    breaker = {"per_replica": True, "max_open": share, "panic": "50%", "half_open": "none"}
    breaker |= {"failure_threshold": 2, "recovery_timeout": "1s"}
    plain, gone = scenario(TROUBLE, call="timeout: 1s"), []
    while told := no_effect_warnings(made := plain.with_({"shop.calls.store.breaker": breaker})):
        if not gone:
            ours, theirs = (simulate(each).requests for each in (made, plain))
            assert ours.tobytes() == theirs.tobytes()
        assert all("leave it out" in each or "leave `panic` out" in each for each in told)
        gone.append([each.keys[-1] for each in told])
        for word in gone[-1]:
            del breaker[word]
    assert gone == [["max_open", "panic"], ["per_replica"]]
    ours, theirs = (simulate(each).requests for each in (made, plain))
    assert ours.tobytes() != theirs.tobytes()


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ("queue: {limit: 3}, admit: {kind: concurrency, limit: 6}", "are full at 5"),
        ("queue: {limit: 3}, admit: {kind: concurrency, limit: 5}", ""),
        ("admit: {kind: concurrency, limit: 6}", ""),
        ("queue: {limit: 3}, admit: {kind: rate, rate: 6/s}", ""),
        (
            "queue: {limit: 3}, admit: {kind: adaptive, limit: {kind: gradient, least: 6}}",
            "are full at 5",
        ),
        ("queue: {limit: 2}, admit: {kind: codel, target: 1ms, interval: 1ms}", "only if 3 can"),
        ("queue: {limit: 0}, admit: {kind: slough, target: 1ms, interval: 1ms}", "only if 1 can"),
        ("queue: {limit: 3}, admit: {kind: codel}", ""),
        ("admit: {kind: slough}", ""),
    ],
)
def test_a_limit_behind_a_smaller_queue_is_told(service: str, told: str) -> None:
    """Places that workers and queue never fill turn nobody away."""
    text = CHAIN.replace("store: {workers: 2, ", f"store: {{workers: 2, {service}, ")
    made = parse_scenario(text).with_({"faults": []})
    sentences = no_effect_warnings(made)
    assert [told in each for each in sentences] == [True] * bool(told)
    if told:
        busy = simulate(made.with_({"arrivals.rate": "500/s"}))
        assert not (busy.attempts["flags"] & int(Flag.THROTTLED)).any()


AIMD = "admit: {kind: adaptive, limit: {kind: aimd, initial: 8%s}}"


@pytest.mark.parametrize(
    ("call", "service", "told"),
    [
        ("", AIMD % "", "only grows"),
        ("", AIMD % ", target: 1ms", "always shrinks"),
        ("", AIMD % ", target: 1s", ""),
        ("", AIMD % "" + ", on_abandon: stop", ""),
        ("", AIMD % "" + ", queue: {limit: 3}", ""),
        ("bulkhead: {limit: {kind: aimd}}", "", "only grows"),
        ("bulkhead: {limit: {kind: aimd, target: 1ms}}", "", "always shrinks"),
        ("timeout: 1s, bulkhead: {limit: {kind: aimd}}", "", ""),
        ("bulkhead: {limit: {kind: aimd}}", "queue: {limit: 3}", ""),
        ("bulkhead: {limit: {kind: gradient}}", "", ""),
    ],
)
def test_a_limit_that_only_goes_one_way_is_told(call: str, service: str, told: str) -> None:
    """Nothing tells it to shrink, or its target is less than an answer takes alone."""
    text = CHAIN.replace("calls: {store: {}}", f"calls: {{store: {{{call}}}}}")
    if service:
        text = text.replace("store: {workers", f"store: {{{service}, workers")
    made = parse_scenario(text).with_({"faults": []})
    sentences = no_effect_warnings(made)
    assert [told in each for each in sentences] == [True] * bool(told)


LIMIT = "admit: {kind: rate, rate: 6/s, retry_after: 2s}, "
HEEDS = "backoff: {kind: server, base: 1s}"
HINT = "breaker: {recovery: {timeout: 5s, hint: true}"


@pytest.mark.parametrize(
    ("call", "service", "told"),
    [
        (f"retry: {{max_retries: 2, on: [throttled], {HEEDS}}}", LIMIT, ""),
        (f"retry: {{max_retries: 2, {HEEDS}}}", LIMIT, "`retry.on` does not name `throttled`"),
        (
            f"retry: {{max_retries: 2, on: [error, throttled], {HEEDS}}}",
            LIMIT.replace(", retry_after: 2s", ""),
            "has no `admit` with a `retry_after`",
        ),
        (f"{HINT}, counts: [throttled]}}", LIMIT, ""),
        (f"{HINT}, counts: [error]}}", LIMIT, "`counts` does not name `throttled`"),
        (f"{HINT}, counts: [error, throttled]}}", "", "has no `admit` with a `retry_after`"),
    ],
)
def test_a_retry_after_that_nobody_sends_is_told(call: str, service: str, told: str) -> None:
    """Backoff and breaker that heed what no answer of the service has, or none they look at."""
    text = CHAIN.replace("calls: {store: {}}", f"calls: {{store: {{{call}}}}}")
    made = parse_scenario(text.replace("store: {workers", f"store: {{{service}workers"))
    sentences = no_effect_warnings(made.with_({"faults": []}))
    assert [told in each for each in sentences] == [True] * bool(told)


def test_an_outcome_that_no_admission_brings_about_is_told() -> None:
    """Retries of throttled answers, where the service throttles nobody."""
    made = scenario("[]", call="retry: {max_retries: 2, on: [throttled]}")
    (sentence,) = no_effect_warnings(made)
    assert "only `throttled`, and service `store` has no admission (`admit`)" in sentence
    admitted = made.with_({"store.admit": {"kind": "rate", "rate": "5/s"}})
    assert no_effect_warnings(admitted) == ()


CHAIN = """
name: chain
duration: 10s
clients:
  shop: {arrivals: {kind: poisson, rate: 5/s}, calls: {web: {}}}
services:
  web: {workers: 50, work: 5ms, calls: {store: {}}}
  store: {workers: 2, work: 20ms}
faults: [{kind: loss, on: store, at: 4s, for: 1s, name: cut}]
"""


def test_a_loss_that_nobody_stops_waiting_for_is_told() -> None:
    """Without a timeout a lost attempt is under way for ever, and so is the request."""
    made = parse_scenario(CHAIN)
    (sentence,) = no_effect_warnings(made)
    assert sentence == (
        "what fault `cut` loses of `web->store` is awaited for ever, as the call has no timeout; "
        "give it one like `timeout: 2s`"
    )
    requests = simulate(made).requests
    struck = (requests["arrival"] > 4.1) & (requests["arrival"] < 4.9)
    assert struck.any()
    assert np.isnan(requests["end"][struck]).all()
    assert no_effect_warnings(made.with_({"faults.0.on": "web->store"})) == no_effect_warnings(made)
    assert "of `shop->web` is awaited" in no_effect_warnings(made.with_({"faults.0.on": "web"}))[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"web.calls.store.timeout": "1s"},
        {"web.on_abandon": "stop", "shop.deadline": "2s"},
        {"faults.0.on": "web", "shop.deadline": "2s"},
        {"faults.0.on": "shop->web", "shop.refresh": {"after": "2s", "times": 1}},
        {"faults.0.share": "0%"},
        {"faults.0.for": "0s"},
    ],
)
def test_a_loss_that_somebody_stops_waiting_for_is_not_told(changes: dict[str, object]) -> None:
    """Callers who leave, and losses that lose nothing, leave nobody waiting for ever."""
    assert no_effect_warnings(parse_scenario(CHAIN).with_(changes)) == ()


@pytest.mark.parametrize("name", list_shipped())
def test_nothing_shipped_is_futile(name: str) -> None:
    """The catalogue means what it says; one scenario shows what its warning is about."""
    found = no_effect_warnings(read_scenario(name))
    if name == "liveness-cascade":
        assert len(found) == 1
        assert found[0].startswith("an outage of `database` that lasts 90s restarts `api`")
    else:
        assert found == ()


SLOW = "trip: {kind: slow_call_rate, slow: 2s, rate: 50%, calls: 10}"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            f"timeout: 500ms, breaker: {{{SLOW}}}",
            "2s are asked for, and it is given up after 500ms",
        ),
        (f"timeout: 2s, breaker: {{{SLOW}}}", ""),
        (f"breaker: {{{SLOW}}}", ""),
        (f"timeout: 1s, breaker: {{{SLOW.replace('slow_call', 'failure')}}}", "after 1s"),
        (f"timeout: 500ms, bulkhead: {{max_concurrent: 1, max_wait: 2s}}, breaker: {{{SLOW}}}", ""),
        (f"timeout: 500ms, retry: {{max_retries: 9}}, breaker: {{{SLOW}}}", "after 500ms"),
        (
            f"timeout: 500ms, retry: {{max_retries: 1}}, breaker: {{{SLOW}, around: request}}",
            "after 1s at the latest",
        ),
        (
            "timeout: 500ms, retry: {max_retries: 1, backoff: {kind: fixed, delay: 1s}}, "
            f"breaker: {{{SLOW}, around: request}}",
            "",
        ),
    ],
)
def test_a_call_that_is_given_up_before_it_is_slow_is_told(call: str, told: str) -> None:
    """A slow-call limit beyond the timeout is never met, whatever the breaker's call is."""
    found = [each for each in no_effect_warnings(scenario("[]", call=call)) if "ever slow" in each]
    assert len(found) == bool(told)
    assert all(told in each for each in found)


@pytest.mark.parametrize("timeout", ["1500ms", "2s", "3s"])
def test_a_call_that_is_slow_only_as_it_is_given_up_is_told(timeout: str) -> None:
    """Then it makes no difference that it counts in flight, and with a longer timeout it does."""
    hang = "[{kind: hang, on: store, at: 2s, for: 6s}]"
    trips = []
    for word in ("", ", in_flight: true"):
        trip = SLOW.replace("}", f", minimum_calls: 3{word}}}")
        made = scenario(hang, call=f"timeout: {timeout}, breaker: {{{trip}}}")
        told = [each for each in no_effect_warnings(made) if "in_flight" in each]
        assert len(told) == (bool(word) and timeout == "2s")
        assert all("is slow after 2s, and it is given up just then" in each for each in told)
        trips.append(simulate(made).transitions["at"].tolist())
    if timeout == "3s":
        assert trips[1][0] < trips[0][0] - 0.9
    else:
        assert trips[0][:1] == trips[1][:1]


def test_a_limit_that_a_timeout_never_lets_happen_opens_no_breaker() -> None:
    """What is told is so: the breaker stays closed through a hang, and opens with a limit below."""
    hang = "[{kind: hang, on: store, at: 2s, for: 6s}]"
    for slow, opens in (("2s", False), ("500ms", True)):
        trip = SLOW.replace("2s", slow).replace("}", ", minimum_calls: 3}")
        call = f"timeout: 500ms, breaker: {{{trip}, counts: [refused]}}"
        assert bool(len(simulate(scenario(hang, call=call)).transitions)) is opens


def test_users_who_leave_before_a_call_is_slow_are_told_of() -> None:
    """A deadline below the slow-call limit ends every call before it is slow."""
    made = scenario("[]", call=f"breaker: {{{SLOW}}}").with_({"deadline": "1s"})
    (sentence,) = no_effect_warnings(made)
    assert "given up after 1s at the latest" in sentence


@pytest.mark.parametrize(
    ("stamps", "told"),
    [
        ((1.0, 2.0, 2.0, 3.0), "whole seconds, so up to 2 requests of `shop`"),
        ((0.0, 60.0, 60.0, 60.0), "whole minutes, so up to 3 requests"),
        ((1.0, 2.0, 3.0), ""),
        ((1.0, 2.0, 2.0, 3.5), ""),
    ],
)
def test_stamps_that_were_cut_are_told(stamps: tuple[float, ...], told: str) -> None:
    """Whole seconds with several requests each come in heaps, unless they are spread."""
    law = Replay(file="calls.csv", moments=stamps)
    long = scenario("[]").with_({"duration": f"{stamps[-1] + 0.1}s"})
    sentences = no_effect_warnings(long.with_({"arrivals": law}))
    assert [told in each for each in sentences] == [True] * bool(told)
    spread = Replay(file="calls.csv", moments=stamps, resolution=1.0)
    assert no_effect_warnings(long.with_({"arrivals": spread})) == ()


HANG = "[{kind: hang, on: store, at: 8s, for: 1s}]"


@pytest.mark.parametrize(
    ("law", "faults", "told"),
    [
        ({"moments": (1.0, 5.0)}, HANG, "arrives under fault `hang:store`, which begins at 8s"),
        ({"moments": (1.0, 8.0)}, HANG, "ends at 8s and the run at 10s, so no request arrives in"),
        ({"moments": (1.0, 5.0)}, "[]", "no request arrives in the last 5s; let it end there"),
        ({"rates": (1.0, 3.0, 0.0), "interval": 2.0}, HANG, "`calls.csv` ends at 4s"),
        ({"moments": (1.0, 8.2), "resolution": 1.0}, HANG, ""),
        ({"moments": (1.0, 9.0)}, HANG, ""),
    ],
)
def test_a_recording_that_ends_before_a_fault_is_told(
    law: dict[str, Any], faults: str, told: str
) -> None:
    """So is one that ends long before the run does; not where somebody else goes on asking."""
    replay = {"kind": "replay", "file": "calls.csv", **law}
    made = scenario(faults).with_({"arrivals": Replay.model_validate(replay)})
    found = list(no_effect_warnings(made))
    assert [told in each for each in found] == [True] * bool(told)
    requests = simulate(made).requests["arrival"]
    late = requests >= (8.0 if "under fault" in told else 9.2)
    assert not late.any()
    data = scenario(faults).to_data()
    others = {"others": data["clients"]["shop"]}
    both = Scenario.model_validate({**data, "clients": {**data["clients"], **others}})
    assert (
        no_effect_warnings(both.with_({"clients.shop.arrivals": made.clients["shop"].arrivals}))
        == ()
    )
