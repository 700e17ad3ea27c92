"""Settings go out, come back in, and do the same; what the file cannot say stands at its head."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_exchange.samples import FOLDER

from simcb.exchange import EXPORTED, ExchangeError, export_settings, import_settings
from simcb.scenario import Scenario, parse_scenario
from simcb.world import simulate

STORM = {
    "duration": "90s",
    "clients.caller.arrivals": {"kind": "poisson", "rate": "20/s"},
    "services.payments.workers": 8,
    "services.payments.work": {"kind": "lognormal", "p50": "40ms", "p99": "900ms"},
    "faults": [
        {"kind": "errors", "on": "payments", "rate": "70%", "at": "10s", "for": "20s"},
        {"kind": "latency", "on": "payments", "add": "3s", "at": "45s", "for": "15s"},
    ],
}
"""A minute and a half in which calls fail, then are slow: breakers open, and close again."""


def _scenarios(path: Path) -> list[Scenario]:
    imported = import_settings(path)
    each = [replace(imported, policies=(one,)) for one in imported.policies]
    return [one.scenario("payments").with_(STORM) for one in each]


def _happened(scenario: Scenario) -> tuple[bytes, bytes]:
    """Return all attempts and transitions of a run."""
    trace = simulate(scenario, 3)
    return trace.attempts.tobytes(), trace.transitions.tobytes()


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_what_came_in_goes_out_and_does_the_same(name: str) -> None:
    """Exported to its own format and imported again, a run makes the same attempts."""
    format = import_settings(FOLDER / name).format
    for scenario in _scenarios(FOLDER / name):
        exported = export_settings(scenario, format)
        again = import_settings("again", text=exported.text, format=format)
        back = again.scenario("payments").with_(STORM)
        assert _happened(back) == _happened(scenario), exported.text


def _code(text: str, name: str = "payments") -> Any:
    """Run an exported module, and return what it has under a name."""
    made: dict[str, Any] = {}
    exec(text, made)
    return made[name]


def test_the_constructor_call_makes_the_very_breaker_of_the_run() -> None:
    """`simcb.breaker` code has every setting of the scenario's breaker."""
    [scenario] = _scenarios(FOLDER / "appsettings.json")
    breaker = scenario.clients["caller"].calls["payments"].breaker
    assert breaker is not None
    made = _code(export_settings(scenario, "simcb").text)
    assert [each.rule for each in made.snapshot().rules] == list(breaker.rules())
    assert made.name == "payments"


@pytest.mark.parametrize("library", ["pybreaker", "circuitbreaker"])
def test_constructor_calls_are_code_that_runs(library: str) -> None:
    """The parameters are those of the library; what it cannot say stands in comments."""
    importlib.import_module(library)
    text = "name: s\nduration: 9s\nclients: {a: {arrivals: {kind: constant, rate: 1/s}, calls: "
    text += "{payments: {breaker: {failure_threshold: 7, recovery_timeout: 45s}}}}}\n"
    text += "services: {payments: {workers: 1, work: 1ms}}"
    exported = export_settings(parse_scenario(text), library)
    made = _code(exported.text)
    if library == "pybreaker":
        assert (made.fail_max, made.reset_timeout) == (7, 45)
    else:
        assert (made._failure_threshold, made._recovery_timeout) == (7, 45)
    assert exported.losses["payments"]


RICH = """
name: rich
duration: 60s
clients:
  shop:
    arrivals: {kind: poisson, rate: 5/s}
    calls:
      payments:
        timeout: 2s
        share: 40%
        retry:
          max_retries: 2
          backoff: {kind: decorrelated, base: 100ms, max: 2s}
          budget: {kind: token_bucket, ratio: 10%}
        breaker:
          trip:
            - {kind: failures_in_window, threshold: 4, window: 20s}
            - {kind: failure_rate, rate: 30%, window: 20s, slow: 1500ms}
            - {kind: slow_call_rate, slow: 1s, rate: 50%, window: 20s, in_flight: true}
            - {kind: consecutive_failures, threshold: 3}
          recovery: {timeout: 5s, factor: 2, max: 1m, jitter: 10%}
          half_open: {probes: 2, successes: 4, lease: 3s}
          counts: [timeout]
          around: request
        bulkhead: {max_concurrent: 5, max_wait: 10ms}
        fallback: {hit_rate: 50%}
        cache: {keys: 100, ttl: 1m}
        hedge: {after: 100ms, times: 3, budget: 10%}
      bare: {}
services:
  payments: {workers: 4, work: 50ms}
  bare: {workers: 4, work: 50ms}
"""


@pytest.mark.parametrize("to", EXPORTED)
def test_nothing_is_left_out_in_silence(to: str) -> None:
    """Every word that a format lacks is named in the losses and at the head of the file."""
    exported = export_settings(parse_scenario(RICH), to)
    said = " ".join(exported.losses["payments"])
    unsaid_by_all = ("share", "fallback", "cache", "hedge", "hedge.budget", "breaker.around")
    for word in (*unsaid_by_all, "breaker.counts", "retry.budget"):
        assert word in said
    assert ("hedge.times" in said) is (to not in ("polly", "envoy"))
    lost = any(word in said for word in ("slow: a good call of 1.5 s", "slow=1.5"))
    assert lost is (to != "simcb")
    lost = any(word in said for word in ("in_flight: a call counts there", "in_flight=True"))
    assert lost is (to != "simcb")
    unsaid = {"resilience4j": "", "pybreaker": "timeout", "circuitbreaker": "timeout"}
    assert unsaid.get(to, "") in said
    head = " ".join(line.lstrip("#/ ") for line in exported.text.splitlines())
    for loss in exported.losses["payments"]:
        assert " ".join(loss.split()) in head
    assert set(exported.losses) == {"payments"}


def test_what_polly_and_envoy_make_of_a_hedge_comes_back() -> None:
    """The same wait and as many attempts; Envoy has one count of hedges and of retries."""
    scenario = parse_scenario(RICH)
    for to in ("polly", "envoy"):
        exported = export_settings(scenario, to)
        back = import_settings("back", text=exported.text, format=to).scenario("payments")
        hedge = back.clients["caller"].calls["payments"].hedge
        assert hedge is not None
        assert (hedge.after, hedge.times) == (0.1, 3)
    assert any("retries 2, hedges 3" in each for each in exported.losses["payments"])


def test_a_lone_call_is_chosen_by_any_ending_of_its_path() -> None:
    """Two callers of one service are told apart; an ending that is none says what there is."""
    text = RICH.replace(
        "  payments: {workers",
        "  web: {workers: 1, work: 1ms, calls: {payments: {timeout: 1s}}}\n  payments: {workers",
    )
    scenario = parse_scenario(text)
    assert set(export_settings(scenario, "dapr").losses) == {"shop-payments", "web-payments"}
    assert set(export_settings(scenario, "dapr", call="web.calls.payments").losses) == {
        "web-payments"
    }
    with pytest.raises(ExchangeError, match="several calls"):
        export_settings(scenario, "dapr", call="payments")
    with pytest.raises(ExchangeError, match="did you mean `istio`"):
        export_settings(scenario, "istoi")
