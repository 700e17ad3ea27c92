"""Each word of a scenario that is misused is named, with what to write; its neighbour is not."""

from __future__ import annotations

import pytest
from test_metrics.misuse import (
    CLOSED,
    HANGS_AND_ERRS,
    LIMITED,
    PARTS,
    THREE,
    TWO,
    Parts,
    breaks,
    calls,
    shop,
    warned,
)

from simcb.metrics import no_effect_warnings
from simcb.scenario.arrivals import Replay
from simcb.world import simulate

RETRIES = "retry: {max_retries: 2, backoff: "
QUEUE = "{kind: backlog, rate: 5/s, consumers: 2, redeliver: {after: 1s, times: 2}}"
BUDGET = "retry: {max_retries: 2, budget: "

CASES: list[tuple[str, Parts, str, Parts]] = [
    (
        "timeout",
        {"call": "timeout: 15ms"},
        "every attempt of `shop->store` times out: an answer of `store` takes 20ms at least",
        {"call": "timeout: 21ms"},
    ),
    (
        "timeout by network",
        {"call": "timeout: 25ms, network: {kind: uniform, low: 4ms, high: 9ms}"},
        "takes 28ms at least",
        {"call": "timeout: 29ms, network: {kind: uniform, low: 4ms, high: 9ms}"},
    ),
    (
        "timeout where work is shorter for a while",
        {"call": "timeout: 15ms"},
        "times out",
        {
            "call": "timeout: 15ms",
            "faults": "[{kind: latency, on: store, times: 0.5, at: 2s, for: 3s}]",
        },
    ),
    (
        "deadline",
        {"group": "deadline: 10ms,", "call": ""},
        "users of `shop` leave before any answer",
        {"group": "deadline: 10ms,", "call": "share: 50%"},
    ),
    (
        "timeout beyond a deadline",
        {"group": "deadline: 500ms,", **calls("retry: {max_retries: 1}")},
        "its users leave after 500ms (`deadline`), of which retries hear nothing",
        {"group": "deadline: 500ms,"},
    ),
    (
        "delays",
        calls(f"{RETRIES}{{kind: listed, delays: [10ms, 1s, 5s]}}}}"),
        "only 2 of the 3 `delays` of `shop->store`",
        calls(f"{RETRIES}{{kind: listed, delays: [10ms]}}}}"),
    ),
    (
        "base",
        calls(f"{RETRIES}{{kind: exponential, base: 0s}}}}"),
        "the retries of `shop->store` do not wait: `base` is 0s",
        calls(f"{RETRIES}{{kind: exponential, base: 1ms}}}}"),
    ),
    (
        "backoff beyond a deadline",
        {"group": "deadline: 2s,", **calls(f"{RETRIES}{{kind: fixed, delay: 3s}}}}")},
        "the first retry waits for 3s, and users have left after 2s",
        {"group": "deadline: 2s,", **calls(f"{RETRIES}{{kind: fixed, delay: 3s}}, jitter: full}}")},
    ),
    (
        "on",
        calls("retry: {max_retries: 2, on: []}"),
        "`retry.on` names no outcome",
        calls("retry: {max_retries: 0, on: []}"),
    ),
    (
        "up_to",
        {
            **calls(f"{RETRIES}{{kind: server, base: 1s, up_to: 1s}}, on: [throttled]}}"),
            "service": LIMITED,
        },
        "`store` asks for 2s, and `up_to` is 1s",
        {
            **calls(f"{RETRIES}{{kind: server, base: 1s, up_to: 2s}}, on: [throttled]}}"),
            "service": LIMITED,
        },
    ),
    (
        "retry_after",
        {"service": LIMITED},
        "nobody heeds the `retry_after` of `store`",
        {
            **calls(f"{RETRIES}{{kind: server, base: 1s}}, on: [throttled]}}"),
            "service": LIMITED,
        },
    ),
    (
        "token_bucket",
        calls(f"{BUDGET}{{kind: token_bucket, burst: 0.9}}}}"),
        "its budget never holds a whole token",
        calls(f"{BUDGET}{{kind: token_bucket, burst: 1}}}}"),
    ),
    (
        "per_minute",
        calls(f"{BUDGET}{{kind: per_minute, retries: 0}}}}"),
        "its budget has 0 a minute",
        calls(f"{BUDGET}{{kind: per_minute, retries: 1}}}}"),
    ),
    (
        "failure_tokens",
        calls(f"{BUDGET}{{kind: failure_tokens, max: 2}}}}"),
        "its budget is no more than half full after the first failure",
        calls(f"{BUDGET}{{kind: failure_tokens, max: 2.1}}}}"),
    ),
    (
        "concurrent",
        calls(f"{BUDGET}{{kind: concurrent, share: 0%, least: 0}}}}"),
        "its budget is 0% and `least: 0`",
        calls(f"{BUDGET}{{kind: concurrent, share: 10%, least: 0}}}}"),
    ),
    (
        "least",
        {"arrivals": CLOSED, **calls(f"{BUDGET}{{kind: concurrent, least: 4}}}}")},
        "it lets 4 be under way in any case, and a process has 4 requests at once",
        {"arrivals": CLOSED, **calls(f"{BUDGET}{{kind: concurrent, least: 3}}}}")},
    ),
    (
        "retries of a hang",
        {"call": "retry: {max_retries: 2}"},
        "never retried: a hang of `store` is waited for to its end, as the call has no timeout",
        {"call": "retry: {max_retries: 2}", "service": PARTS["service"] + ", queue: {limit: 9}"},
    ),
    (
        "breaker of a hang",
        {"call": "breaker: {recovery_timeout: 1s}"},
        "the breaker of `shop->store` never opens: a hang of `store` is waited for",
        {
            "call": "breaker: {recovery_timeout: 1s, "
            "trip: {kind: slow_call_rate, slow: 1s, calls: 9}}"
        },
    ),
    (
        "minimum_calls",
        breaks("trip: {kind: failure_rate, window: 1s, minimum_calls: 100}"),
        "never opens by 100 calls within 1s: there are at most ",
        breaks("trip: {kind: failure_rate, window: 1s, minimum_calls: 20}"),
    ),
    (
        "threshold",
        breaks("failure_threshold: 1000"),
        "never opens by 1,000 calls: there are at most 113; write a smaller `failure_threshold`",
        {**breaks("failure_threshold: 1000"), "arrivals": "{kind: poisson, rate: 100/s}"},
    ),
    (
        "slow",
        breaks("trip: {kind: slow_call_rate, slow: 20ms, calls: 10}"),
        "every answer of `shop->store` is slow to its breaker: it takes 20ms at least",
        breaks("trip: {kind: slow_call_rate, slow: 21ms, calls: 10}"),
    ),
    (
        "recovery_timeout",
        breaks("recovery_timeout: 10s"),
        "never closes again: it stays open for 10s, and the run lasts 10s",
        breaks("recovery_timeout: 9s"),
    ),
    (
        "ramp",
        breaks("half_open: {ramp: 10s}"),
        "the `ramp` of `shop->store` never ends: it takes 10s",
        breaks("half_open: {ramp: 9s}"),
    ),
    (
        "slow_start",
        breaks("per_replica: true, slow_start: 1m", THREE),
        "the `slow_start` of `shop->store` never ends",
        breaks("per_replica: true, slow_start: 9s", THREE),
    ),
    (
        "max",
        breaks("recovery: {timeout: 1s, max: 5s}"),
        "`max` changes nothing in the breaker of `shop->store`, whose openings do not grow",
        breaks("recovery: {timeout: 1s, max: 1s, jitter: 10%}"),
    ),
    (
        "factor",
        breaks("recovery: {timeout: 1s, max: 1s, factor: 2}"),
        "`factor` changes nothing in the breaker of `shop->store`",
        breaks("recovery: {timeout: 1s, max: 2s, factor: 2}"),
    ),
    (
        "hint",
        breaks("counts: [throttled], recovery: {timeout: 1s, max: 1s, hint: true}", LIMITED),
        "`store` asks for 2s, and `max` is 1s",
        breaks("counts: [throttled], recovery: {timeout: 1s, hint: true}", LIMITED),
    ),
    (
        "verdict",
        breaks("half_open: {verdict: 50%}"),
        "`verdict` changes nothing in the breaker of `shop->store`",
        breaks("half_open: {probes: 2, verdict: 50%}"),
    ),
    (
        "from",
        breaks("half_open: {ramp: 2s, from: 100%}"),
        "the ramp of `shop->store` holds nobody back",
        breaks("half_open: {ramp: 2s, from: 99%}"),
    ),
    (
        "max_open",
        breaks("per_replica: true, max_open: 33%", THREE),
        "`max_open` of 3 replicas is less than one; write 34% or more",
        breaks("per_replica: true, max_open: 34%", THREE),
    ),
    (
        "max_open of all",
        breaks("per_replica: true, max_open: 100%", THREE),
        "`max_open` changes nothing",
        breaks("per_replica: true, max_open: 99%", THREE),
    ),
    (
        "panic",
        breaks("per_replica: true, panic: 67%", THREE),
        "as soon as one of 3 is open all replicas are asked, by `panic`; write 66% or less",
        breaks("per_replica: true, panic: 66%", THREE),
    ),
    (
        "panic of two where one may be open",
        breaks("per_replica: true, panic: 50%, max_open: 50%", TWO),
        "`max_open` lets 1 of 2 replicas never open; raise that, or leave `panic` out",
        breaks("per_replica: true, panic: 50%", TWO),
    ),
    (
        "panic of one",
        breaks("per_replica: true, panic: 50%"),
        "keeps nobody away while it is open: its service has one replica, which is then asked all "
        "the same, by `panic`; leave `panic` out",
        breaks("per_replica: true, panic: 50%", TWO),
    ),
    (
        "max_open of one",
        breaks("per_replica: true, max_open: 99%"),
        "never open: `max_open` of one replica is less than one; leave it out",
        breaks("per_replica: true, max_open: 99%", TWO),
    ),
    (
        "max_open of all of one",
        breaks("per_replica: true, max_open: 100%"),
        "as all may be open anyway; leave it out",
        breaks("per_replica: true, max_open: 99%", TWO),
    ),
    (
        "slow_start of one",
        breaks("per_replica: true, slow_start: 2s"),
        "`slow_start` changes nothing in the breaker of `shop->store`, whose service has one",
        breaks("per_replica: true, slow_start: 2s", TWO),
    ),
    (
        "shared",
        breaks("shared: true"),
        "`shared` changes nothing in the breaker of `shop->store`",
        {**breaks("shared: true"), "group": "instances: 2,"},
    ),
    (
        "spread",
        {"group": "spread: round_robin,"},
        "`spread` changes nothing in `shop`",
        {"group": "spread: round_robin, instances: 2,"},
    ),
    (
        "hedge beyond a deadline",
        {"group": "deadline: 300ms,", "call": "hedge: {after: 400ms}"},
        "the hedge of `shop->store` is never made: its users leave after 300ms",
        {"group": "deadline: 300ms,", "call": "hedge: {after: 200ms}"},
    ),
    (
        "budget of hedges",
        calls("hedge: {after: 50ms, budget: 0.1%}"),
        "the `budget` of the hedges of `shop->store` earns none in the whole run",
        calls("hedge: {after: 50ms, budget: 5%}"),
    ),
    (
        "keys",
        calls("cache: {keys: 1000000, zipf: 0, ttl: 1s}"),
        "fewer than one call in a thousand asks for what was asked for within 1s",
        calls("cache: {keys: 1000000, zipf: 1, ttl: 1s}"),
    ),
    (
        "keys of a fallback",
        calls("fallback: {cache: {keys: 1000000, zipf: 0, ttl: 1s}}"),
        "the cache of `shop->store` is as good as none",
        calls("fallback: {cache: {keys: 1000, zipf: 0, ttl: 1s}}"),
    ),
    (
        "coalesce",
        {
            "arrivals": CLOSED,
            "group": "instances: 4,",
            **calls("cache: {keys: 10, ttl: 1s, coalesce: true}"),
        },
        "`coalesce` changes nothing in the cache of `shop->store`",
        {
            "arrivals": CLOSED,
            "group": "instances: 3,",
            **calls("cache: {keys: 10, ttl: 1s, coalesce: true}"),
        },
    ),
    (
        "max_concurrent",
        {"arrivals": CLOSED, **calls("bulkhead: {max_concurrent: 4}")},
        "the bulkhead of `shop->store` is never full: a process makes 4 calls at once",
        {"arrivals": CLOSED, **calls("hedge: {after: 1ms}, bulkhead: {max_concurrent: 4}")},
    ),
    (
        "max_wait without a queue",
        calls("bulkhead: {max_concurrent: 2, max_wait: 1s, queue: 0}"),
        "`max_wait` changes nothing in the bulkhead of `shop->store`",
        calls("bulkhead: {max_concurrent: 2, max_wait: 1s, queue: 1}"),
    ),
    (
        "most of a bulkhead",
        calls("bulkhead: {limit: {kind: aimd, initial: 5, least: 5, most: 5}}"),
        "the limit of the bulkhead of `shop->store` never moves",
        calls("bulkhead: {limit: {kind: aimd, initial: 5, least: 5, most: 6}}"),
    ),
    (
        "most of an admission",
        {
            "service": "workers: 2, work: 20ms, admit: {kind: adaptive, limit: {kind: min_rtt, "
            "least: 5, most: 5}}"
        },
        "the limit of `store` never moves",
        {
            "service": "workers: 2, work: 20ms, admit: {kind: adaptive, limit: {kind: min_rtt, "
            "least: 5, most: 6}}"
        },
    ),
    (
        "rate_limit",
        calls("rate_limit: {rate: 50/s, burst: 50}"),
        "the rate limit of `shop->store` holds nobody back: `shop` asks for 5/s at most",
        calls("rate_limit: {rate: 50/s, burst: 5}"),
    ),
    (
        "rate_limit with retries",
        calls("rate_limit: {rate: 50/s, burst: 50}"),
        "holds nobody back",
        calls("rate_limit: {rate: 50/s, burst: 50}, retry: {max_retries: 1}"),
    ),
    (
        "rate_limit in a surge",
        calls("rate_limit: {rate: 50/s, burst: 50}"),
        "holds nobody back",
        {
            **calls("rate_limit: {rate: 50/s, burst: 50}"),
            "faults": "[{kind: surge, on: shop, times: 20, at: 2s, for: 3s}]",
        },
    ),
    (
        "max_wait of a rate limit",
        {
            "arrivals": "{kind: poisson, rate: 100/s}",
            **calls("rate_limit: {rate: 20/s, burst: 1, max_wait: 1s}"),
        },
        "`max_wait` of the rate limit of `shop->store` makes nearly every call wait",
        {
            "arrivals": "{kind: poisson, rate: 100/s}",
            **calls("rate_limit: {rate: 95/s, burst: 1, max_wait: 1s}"),
        },
    ),
    (
        "rate",
        {"arrivals": "{kind: poisson, rate: [{at: 0s, rate: 5/s}, {at: 10s, rate: 9/s}]}"},
        "the rate of `shop` from 10s on never holds",
        {"arrivals": "{kind: poisson, rate: [{at: 0s, rate: 5/s}, {at: 9s, rate: 9/s}]}"},
    ),
    (
        "after",
        {"arrivals": "{kind: backlog, rate: 5/s, consumers: 2, redeliver: {after: 10s, times: 2}}"},
        "no message of `shop` is ever delivered again",
        {"arrivals": "{kind: backlog, rate: 5/s, consumers: 2, redeliver: {after: 9s, times: 2}}"},
    ),
    (
        "redeliver",
        {
            "arrivals": QUEUE,
            "call": "",
        },
        "no message of `shop` ever fails, so `redeliver` does nothing",
        {
            "arrivals": QUEUE,
            "call": "",
            "service": PARTS["service"] + ", errors: 1%",
        },
    ),
    (
        "refresh",
        {"group": "deadline: 2s, refresh: {after: 3s, times: 1},"},
        "nobody of `shop` ever presses refresh",
        {"group": "deadline: 3s, refresh: {after: 2s, times: 1},"},
    ),
    (
        "repeat",
        {"faults": "[{kind: hang, on: store, at: 2s, for: 1s, repeat: {every: 8s, times: 3}}]"},
        "fault `hang:store` comes once and not 3 times",
        {"faults": "[{kind: hang, on: store, at: 2s, for: 1s, repeat: {every: 7s, times: 3}}]"},
    ),
    (
        "at by lot",
        {"faults": "[{kind: hang, on: store, at: {kind: uniform, low: 10s, high: 30s}, for: 3s}]"},
        "fault `hang:store` begins at 10s",
        {"faults": "[{kind: hang, on: store, at: {kind: uniform, low: 9s, high: 30s}, for: 3s}]"},
    ),
    (
        "services",
        {"more": "  audit: {workers: 1, work: 1ms}"},
        "nobody asks `audit`",
        {
            "service": PARTS["service"] + ", calls: {audit: {}}",
            "more": "  audit: {workers: 1, work: 1ms}",
        },
    ),
    (
        "set",
        {
            "more": "changes:\n  - {at: 3s, set: {store.workers: 4}, name: one}\n"
            "  - {at: 3s, set: {store.workers: 5}, name: two}"
        },
        "change `one` sets only what `two` sets anew in the same moment",
        {
            "more": "changes:\n  - {at: 3s, set: {store.workers: 4}, name: one}\n"
            "  - {at: 4s, set: {store.workers: 5}, name: two}"
        },
    ),
    (
        "replicas",
        {
            "service": "replicas: 9, workers: 2, work: 20ms, "
            "scale: {target: 50%, every: 1s, delay: 1s, most: 4}"
        },
        "`store` begins with 4 replicas and not 9",
        {
            "service": "replicas: 4, workers: 2, work: 20ms, "
            "scale: {target: 50%, every: 1s, delay: 1s, most: 4}"
        },
    ),
    (
        "balance",
        {"service": PARTS["service"] + ", balance: random"},
        "`balance` changes nothing in `store`",
        {"service": THREE + ", balance: random"},
    ),
    (
        "blocking",
        {"service": PARTS["service"] + ", blocking: false"},
        "`blocking` changes nothing in `store`",
        {
            "service": PARTS["service"] + ", blocking: false, calls: {audit: {}}",
            "more": "  audit: {workers: 1, work: 1ms}",
        },
    ),
]


@pytest.mark.parametrize(
    ("misused", "told", "near"), [each[1:] for each in CASES], ids=[each[0] for each in CASES]
)
def test_a_misused_word_is_told_and_its_neighbour_is_not(
    misused: Parts, told: str, near: Parts
) -> None:
    """It is the only sentence, it has a remedy, and a place in the file; the near miss has none."""
    found = no_effect_warnings(shop(misused))
    assert [told in each for each in found] == [True], found
    assert "; " in found[0]
    assert found[0].keys
    assert warned(near) == []


@pytest.mark.parametrize(
    ("misused", "plain"),
    [
        (breaks("half_open: {verdict: 50%}"), breaks("failure_threshold: 5")),
        (breaks("half_open: {ramp: 2s, from: 100%}"), breaks("half_open: none")),
        (breaks("shared: true"), breaks("failure_threshold: 5")),
        (breaks("recovery: {timeout: 1s, max: 5s}"), breaks("failure_threshold: 5")),
        (
            breaks("recovery: {timeout: 1s, max: 1s, factor: 2}"),
            breaks("recovery: {timeout: 1s}"),
        ),
        (breaks("per_replica: true, max_open: 33%", THREE), {"service": THREE}),
        (breaks("per_replica: true, max_open: 99%"), {}),
        (breaks("per_replica: true, max_open: 100%"), breaks("failure_threshold: 5")),
        (breaks("per_replica: true, slow_start: 2s"), breaks("failure_threshold: 5")),
        (breaks("per_replica: true, panic: 50%, half_open: none"), {}),
        (breaks("failure_threshold: 1000"), {}),
        (calls(f"{BUDGET}{{kind: token_bucket, burst: 0.9}}}}"), {}),
        (calls(f"{BUDGET}{{kind: failure_tokens, max: 2}}}}"), {}),
        (calls(f"{BUDGET}{{kind: concurrent, share: 0%, least: 0}}}}"), {}),
        (calls("rate_limit: {rate: 50/s, burst: 50}"), {}),
        (
            {"arrivals": CLOSED, **calls(f"{BUDGET}{{kind: concurrent, share: 0%, least: 4}}}}")},
            {"arrivals": CLOSED, **calls("retry: {max_retries: 2}")},
        ),
        (
            {"arrivals": CLOSED, **calls("bulkhead: {max_concurrent: 4}")},
            {"arrivals": CLOSED},
        ),
        (
            {"group": "deadline: 300ms,", "call": "hedge: {after: 400ms}"},
            {"group": "deadline: 300ms,", "call": ""},
        ),
        ({"service": PARTS["service"] + ", balance: random"}, {}),
    ],
)
def test_what_is_told_is_so(misused: Parts, plain: Parts) -> None:
    """Through a hang and errors no request is other than without the word."""
    trouble = {"faults": HANGS_AND_ERRS}
    made = shop({**misused, **trouble})
    assert no_effect_warnings(made)
    ours = simulate(made).requests
    theirs = simulate(shop({**plain, **trouble})).requests
    assert ours.tobytes() == theirs.tobytes()
    assert (ours["end"] - ours["arrival"] > 0.25).any(), "the hang is felt"


@pytest.mark.parametrize(
    "misused",
    [
        {"group": "deadline: 2s,", **calls(f"{RETRIES}{{kind: fixed, delay: 3s}}}}")},
        {"call": "retry: {max_retries: 2}", "faults": PARTS["faults"]},
        calls("retry: {max_retries: 2, on: []}"),
    ],
)
def test_what_is_never_retried_makes_no_retry(misused: Parts) -> None:
    """Although a hang is felt, and users may wait in vain for a retry that never comes."""
    made = shop({"faults": HANGS_AND_ERRS, **misused})
    assert any("is never retried" in each for each in no_effect_warnings(made))
    run = simulate(made)
    assert (run.requests["end"] - run.requests["arrival"] > 0.5).any()
    assert not run.attempts["retry"].any()


@pytest.mark.parametrize(("word", "told", "enough"), [("stamps", 2, "12s"), ("rates", 4, "20s")])
def test_rows_after_the_end_are_told(word: str, told: int, enough: str) -> None:
    """A replay that is longer than the run is cut, whether it has moments or rates."""
    law = Replay(file="calls.csv", moments=(1.25, 9.5, 10.0, 11.5))
    if word == "rates":
        law = Replay(file="calls.csv", interval=2.0, rates=(1.0,) * 9)
    made = shop({}).with_({"arrivals": law})
    (sentence,) = no_effect_warnings(made)
    assert sentence.startswith(f"{told} of the {len(law.numbers)} rows of `calls.csv` are never")
    assert no_effect_warnings(made.with_({"duration": enough})) == ()


def test_phases_of_faults_by_lot_are_not_known() -> None:
    """A fault that is drawn to begin after the run on average may begin before its end."""
    lot = "[{kind: hang, on: store, at: {kind: uniform, low: 1s, high: 50s}, for: 1s, name: cut}]"
    assert warned({"faults": lot, "more": "thresholds: ['success{fault} > 1%']"}) == []
