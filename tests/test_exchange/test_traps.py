"""The traps of converting settings: each is said in every format that has it, or is met exactly.

1 strictly above or from on; 2 units; 3 half-open; 4 a lock; 5 what is ignored; 6 windows and when
they are cleared; 7 hosts one by one; 8 rejected calls that are counted; 9 a minimum beyond the
window; 10 more than n in a row; 11 nginx's failures; 12 budgets of retries.
"""

from __future__ import annotations

import json

import pytest

from simcb.exchange import EXPORTED, IMPORTED, export_settings, import_settings
from simcb.scenario import parse_scenario

R4J = "resilience4j.circuitbreaker.instances.a:\n  "
ISTIO = "kind: DestinationRule\nspec:\n  host: a\n  trafficPolicy:\n    outlierDetection:\n      "
ENVOY = "clusters:\n- name: a\n  outlier_detection:\n    "
DAPR = (
    "kind: Resiliency\nspec:\n  targets: {apps: {a: {circuitBreaker: b}}}\n"
    "  policies:\n    circuitBreakers:\n      b:\n        "
)
GO = "gobreaker.Settings{\n"
OPOSSUM = "{\nresetTimeout: 9000,\n"
NGINX = "upstream a {\nserver x"
PAIR = ";\nserver y;\n}"
POLLY = '{"FailureRatio": 0.5,\n'

SAID = [
    (1, "resilience4j", f"{R4J}slowCallDurationThreshold: 2s", 2, "strictly above 2s"),
    (1, "dapr", f"{DAPR}trip: consecutiveFailures > 5", 7, "trips at number 6"),
    (2, "resilience4j", f"{R4J}waitDurationInOpenState: 5000", 2, "counts milliseconds"),
    (2, "gobreaker", f"{GO}Timeout: 30}}", 2, "counts nanoseconds"),
    (3, "istio", f"{ISTIO}baseEjectionTime: 30s", 6, "comes back at the next sweep"),
    (3, "envoy", f"{ENVOY}base_ejection_time: 30s", 4, "comes back at the next sweep"),
    (5, "resilience4j", f"{R4J}ignoreExceptions: [A]", 2, "neither success nor failure there"),
    (5, "resilience4j", f"{R4J}recordExceptions: [A]", 2, "not recorded is a success there"),
    (5, "polly", f"{POLLY}}}", None, "not handled is a success there"),
    (5, "opossum", f"{OPOSSUM}errorFilter: f}}", 3, "that it filters is a success there"),
    (5, "gobreaker", f"{GO}IsSuccessful: f}}", 2, "all else is a success there"),
    (6, "gobreaker", f"{GO}Interval: 9*time.Second}}", 2, "cleared at the first call after"),
    (6, "dapr", f"{DAPR}interval: 9s", 7, "cleared at the first call after"),
    (6, "polly", f'{POLLY}"MinimumThroughput": 9}}', 1, "counts in ten buckets"),
    (6, "opossum", f"{OPOSSUM}errorThresholdPercentage: 9}}", 3, "moves in 10 steps"),
    (6, "nginx", f"{NGINX} max_fails=3{PAIR}", 2, "in each worker process"),
    (7, "istio", f"{ISTIO}maxEjectionPercent: 30", 6, "fewer than 4 hosts is none"),
    (7, "istio", f"{ISTIO}baseEjectionTime: 9s", 6, "the k-th ejection of a host"),
    (7, "envoy", f"{ENVOY}max_ejection_percent: 30", 4, "fewer than 4 hosts is none"),
    (7, "envoy", f"{ENVOY}base_ejection_time: 9s", 4, "the k-th ejection of a host"),
    (7, "nginx", f"{NGINX} max_fails=3{PAIR}", 2, "tries all again"),
    (8, "opossum", f"{OPOSSUM}errorThresholdPercentage: 9}}", 3, "rejected calls are in"),
    (
        9,
        "resilience4j",
        f"{R4J}slidingWindowSize: 9\n  minimumNumberOfCalls: 99",
        3,
        "takes 9 then",
    ),
    (10, "dapr", f"{DAPR}trip: consecutiveFailures >= 5", 7, "trips at number 5"),
    (10, "gobreaker", f"{GO}Timeout: 9*time.Second}}", None, "the 6th, is usual"),
    (11, "nginx", f"{NGINX} fail_timeout=9s{PAIR}", 2, "max_fails is 1 if it is not given"),
    (
        12,
        "envoy",
        "clusters:\n- name: a\n  circuit_breakers:\n    thresholds:\n    - retry_budget:\n"
        "        budget_percent: {value: 30}\nroutes:\n- cluster: a\n"
        "  retry_policy: {num_retries: 2, retry_on: 5xx}",
        6,
        "the budget is of each proxy there",
    ),
]
"""Trap, format, file, line and words."""

MET = [
    (1, "opossum", f"{OPOSSUM}errorThresholdPercentage: 50}}", "trip.0.strict", True),
    (1, "polly", f"{POLLY}}}", "trip.0.rate", "50%"),
    (2, "resilience4j", f"{R4J}waitDurationInOpenState: 5000", "recovery.timeout", "5s"),
    (2, "resilience4j", f"{R4J}waitDurationInOpenState: PT5S", "recovery.timeout", "5s"),
    (2, "resilience4j", f"{R4J}failureRateThreshold: 5", "trip.0.rate", "5%"),
    (2, "polly", f'{POLLY}"BreakDuration": "00:00:05.500"}}', "recovery.timeout", "5.5s"),
    (2, "polly", f"{POLLY}}}", "trip.0.rate", "50%"),
    (2, "opossum", f"{OPOSSUM}errorThresholdPercentage: 5}}", "trip.0.rate", "5%"),
    (2, "opossum", f"{OPOSSUM}}}", "recovery.timeout", "9s"),
    (2, "gobreaker", f"{GO}Timeout: 5 * time.Minute}}", "recovery.timeout", "5m"),
    (2, "dapr", f"{DAPR}timeout: 5m", "recovery.timeout", "5m"),
    (2, "istio", f"{ISTIO}baseEjectionTime: 5m", "recovery.timeout", "5m"),
    (2, "istio", f"{ISTIO}maxEjectionPercent: 5", "max_open", "5%"),
    (2, "envoy", f"{ENVOY}base_ejection_time: 90s", "recovery.timeout", "90s"),
    (2, "envoy", f"{ENVOY}max_ejection_percent: 5", "max_open", "5%"),
    (2, "nginx", f"{NGINX} fail_timeout=9{PAIR}", "recovery.timeout", "9s"),
    (3, "resilience4j", f"{R4J}slidingWindowSize: 9", "half_open.verdict", "50%"),
    (3, "polly", f"{POLLY}}}", "half_open.probes", 1),
    (3, "opossum", f"{OPOSSUM}}}", "half_open.probes", 1),
    (3, "gobreaker", f"{GO}MaxRequests: 3}}", "half_open.successes", 3),
    (3, "dapr", f"{DAPR}maxRequests: 3", "half_open.successes", 3),
    (3, "istio", f"{ISTIO}baseEjectionTime: 30s", "half_open", "none"),
    (3, "envoy", f"{ENVOY}base_ejection_time: 30s", "half_open", "none"),
    (3, "nginx", f"{NGINX}{PAIR}", "half_open.probes", 1),
    (7, "envoy", f"{ENVOY}interval: 9s", "per_replica", True),
    (7, "envoy", f"{ENVOY}max_ejection_percent: 90", "panic", "50%"),
    (7, "istio", f"{ISTIO}minHealthPercent: 30", "panic", "30%"),
    (7, "nginx", f"{NGINX}{PAIR}", "panic", "1%"),
    (10, "gobreaker", f"{GO}Timeout: 9}}", "trip.0.threshold", 6),
    (11, "nginx", f"{NGINX} fail_timeout=9s{PAIR}", "trip.0.threshold", 1),
    (11, "nginx", f"{NGINX} fail_timeout=9s{PAIR}", "trip.0.window", "9s"),
]
"""Trap, format, file, and the word of the breaker that has it exactly."""


@pytest.mark.parametrize(("trap", "form", "text", "line", "words"), SAID)
def test_a_trap_is_said_at_its_line(
    trap: int, form: str, text: str, line: int | None, words: str
) -> None:
    """The words stand at the line of what they are about."""
    notes = import_settings("file", text=text, format=form).notes
    assert (line, True) in {(note.line, words in note.what) for note in notes}, (trap, notes)


@pytest.mark.parametrize(("trap", "form", "text", "path", "value"), MET)
def test_a_trap_is_met_exactly(trap: int, form: str, text: str, path: str, value: object) -> None:
    """What the file means is what the scenario has."""
    found: object = import_settings("file", text=text, format=form).policies[0].words["breaker"]
    for step in path.split("."):
        found = found[int(step)] if isinstance(found, list) else found[step]  # type: ignore[index]
    assert found == value, trap


def test_every_trap_of_an_importer_is_in_a_table() -> None:
    """Each format stands there with what it has of units, half-open and the rest."""
    known = {(trap, form) for trap, form, *_ in (*SAID, *MET)}
    for form in IMPORTED:
        assert {(2, form), (3, form)} <= known
    assert {trap for trap, _ in known} == {*range(1, 13)} - {4}


SCENARIO = """
name: s
duration: 60s
clients: {a: {arrivals: {kind: poisson, rate: 5/s}, calls: {p: {timeout: 2s, WORDS}}}}
services: {p: {workers: 4, work: 50ms, replicas: 2}}
"""
SHARE = "breaker: {trip: {kind: failure_rate, rate: 50%, calls: 10}}"
STRICT = "breaker: {trip: {kind: failure_rate, rate: 50%, window: 10s, strict: true}}"
SLOW = "breaker: {trip: {kind: slow_call_rate, slow: 1s, rate: 50%, calls: 10}}"
ROW = "breaker: {failure_threshold: 5}"
PROBES = "breaker: {failure_threshold: 5, half_open: {probes: 3, successes: 2}}"
VERDICT = "breaker: {failure_threshold: 5, half_open: {probes: 4, verdict: 50%}}"
RAMP = "breaker: {failure_threshold: 5, half_open: {ramp: 10s}}"
NONE = "breaker: {failure_threshold: 5, half_open: none}"
IGNORES = "breaker: {counts: [timeout], ignores: [error]}"
TUMBLING = "breaker: {trip: {kind: consecutive_failures, threshold: 5, every: 10s}}"
OTHERS = [to for to in EXPORTED if to != "simcb"]


def others(*without: str) -> list[str]:
    """Return what else is written, in an order that is the same in every process."""
    return [to for to in OTHERS if to not in without]


LOST = [
    (1, SHARE, "opossum", "it opens above a rate, so a little less stands"),
    (1, STRICT, "polly", "strict: 50% itself is enough there"),
    (1, STRICT, "resilience4j", "strict: 50% itself is enough there"),
    (1, SLOW, "resilience4j", "only what takes longer than that is slow there"),
    *((3, RAMP, to, "half_open ramp") for to in OTHERS),
    *((3, NONE, to, "half_open none: there a probe") for to in others("istio", "envoy")),
    *((3, PROBES, to, "alf") for to in OTHERS),
    (3, VERDICT, "resilience4j", "decides there too"),
    *((3, VERDICT, to, "half_open") for to in others("resilience4j")),
    (4, ROW, "pybreaker", "it holds a lock during the call"),
    *((5, IGNORES, to, "breaker.ignores: ['error']: left out") for to in EXPORTED),
    *((6, SHARE, to, "cleared every Interval, or never") for to in ("gobreaker", "dapr")),
    (6, STRICT, "opossum", "the window moves in 10 steps there"),
    (6, SHARE, "polly", "ten buckets of the window"),
    *((6, TUMBLING, to, "every 10 s") for to in others("gobreaker", "dapr")),
    *((7, ROW, to, "ejected one by one there") for to in ("istio", "envoy")),
    *((7, ROW, to, "at the next sweep there") for to in ("istio", "envoy")),
    *((7, ROW, to, "further ejection of a host lasts longer") for to in ("istio", "envoy")),
    (7, ROW, "nginx", "nginx leaves out single servers, never all of them"),
    (8, SHARE, "opossum", "rejected are in its count of calls"),
    (11, ROW, "nginx", "there so many within fail_timeout"),
    *(
        (12, f"retry: {{max_retries: 2, budget: {budget}}}", to, "retry.budget")
        for budget in ("{kind: failure_tokens, max: 10, earn: 0.1}", "{kind: token_bucket}")
        for to in EXPORTED
    ),
]
"""Trap, what a call has, format, and words of what is lost."""


@pytest.mark.parametrize(("trap", "words", "to", "said"), LOST)
def test_a_trap_is_said_on_the_way_out(trap: int, words: str, to: str, said: str) -> None:
    """It stands among the losses, and at the head of the file."""
    exported = export_settings(parse_scenario(SCENARIO.replace("WORDS", words)), to)
    assert any(said in each for each in exported.losses["p"]), (trap, exported.losses["p"])


@pytest.mark.parametrize(
    ("trap", "words", "to", "written"),
    [
        (1, SHARE, "opossum", "errorThresholdPercentage: 49.99999995"),
        (1, STRICT, "opossum", "errorThresholdPercentage: 50,"),
        (1, STRICT, "gobreaker", "/ float64(counts.Requests) > 0.5"),
        (1, SHARE, "dapr", "totalFailures / requests >= 0.5"),
        (2, SHARE, "resilience4j", "failureRateThreshold: 50\n"),
        (2, SHARE, "polly", '"FailureRatio": 0.5'),
        (2, SHARE, "opossum", "resetTimeout: 60000"),
        (2, ROW, "gobreaker", "Timeout: 60 * time.Second"),
        (10, ROW, "gobreaker", "ConsecutiveFailures >= 5"),
        (10, ROW, "dapr", "consecutiveFailures >= 5"),
        (
            12,
            "retry: {max_retries: 2, budget: {kind: concurrent, share: 30%, least: 4}}",
            "envoy",
            "min_retry_concurrency: 4",
        ),
    ],
)
def test_a_trap_is_written_exactly(trap: int, words: str, to: str, written: str) -> None:
    """Where the format can say it, it does."""
    exported = export_settings(parse_scenario(SCENARIO.replace("WORDS", words)), to)
    assert written in exported.text, json.dumps([trap, exported.text])
