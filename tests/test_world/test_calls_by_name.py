"""A call with a name of its own: one service asked twice, each time in another way."""

from __future__ import annotations

import numpy as np
import pytest

from simcb.exchange import export_settings
from simcb.metrics import audit
from simcb.predictions import predict
from simcb.scenario import Scenario, ScenarioError, parse_scenario
from simcb.studies.limits import estimate_size
from simcb.trace import Layout, Trace
from simcb.world import simulate


def twice(second: str = "to: payments, timeout: 2s", rest: str = "") -> Scenario:
    """Return a shop that asks payments twice for each request."""
    return parse_scenario(
        f"""
name: twice
duration: 100s
clients:
  shop:
    arrivals: {{kind: poisson, rate: 20/s}}
    calls:
      payments: {{timeout: 200ms, breaker: {{failure_threshold: 5, recovery_timeout: 5s}}}}
      receipt: {{{second}}}
services: {{payments: {{workers: 50, work: {{kind: exponential, mean: 50ms}}}}}}
{rest}
"""
    )


def attempts_of(trace: Trace, name: str) -> np.ndarray:
    """Return the rows of a call by its name."""
    names = [call.name for call in trace.layout.calls]
    return trace.attempts[trace.attempts["call"] == names.index(name)]


def test_each_goes_its_own_way_to_the_same_service() -> None:
    """Demand is drawn for each anew, and each has its own timeout and its own breaker."""
    fault = "faults: [{kind: latency, on: payments, add: 500ms, at: 40s, for: 30s}]"
    trace = simulate(twice(rest=fault))
    assert all(law.holds for law in audit(trace))
    first, second = attempts_of(trace, "shop->payments"), attempts_of(trace, "shop->receipt")
    assert (first["breaker"] == 0).all()
    assert (second["breaker"] == -1).all()
    assert [each.name for each in trace.layout.breakers] == ["shop->payments"]
    quiet = second["start"] < 40
    work = second["freed"][quiet] - second["begin"][quiet]
    assert float(work.mean()) == pytest.approx(0.05, rel=0.1)
    assert not np.isin(work, first["freed"] - first["begin"]).any()


def test_a_second_breaker_goes_by_the_name_of_its_call() -> None:
    """In events and on strips there are two."""
    scenario = twice("to: payments, breaker: {failure_threshold: 2}")
    names = {each.name for each in simulate(scenario).layout.breakers}
    assert names == {"shop->payments", "shop->receipt"}


def test_a_layout_is_read_back() -> None:
    """A saved run knows the call by its name; without one, nothing is written of it."""
    layout = simulate(twice()).layout
    assert Layout.from_dict(layout.to_dict()) == layout
    assert "label" not in layout.to_dict()["calls"][0]


def test_places_predictions_sizes_and_exports_know_it_by_its_name() -> None:
    """A path, an axis, a line of explain and a name in a file of settings."""
    scenario = twice("to: payments, breaker: {failure_threshold: 2}")
    changed = scenario.with_({"receipt.timeout": "9s"})
    assert changed.clients["shop"].calls["receipt"].timeout == 9.0
    found = predict(scenario)
    assert {each.subject for each in found.of("false_trips")} == {"shop->payments", "shop->receipt"}
    used = found.of("utilisation")[0].value
    assert used == pytest.approx(2 * 20 * 0.05 / 50, rel=0.01)
    assert estimate_size(scenario).worst_attempts == 2 * 20 * 100
    text = export_settings(changed, "resilience4j").text
    assert "receipt:" in text
    assert "to: payments" not in text


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("timeout: 2s", "shop.calls.receipt.*is not a service.*add `to: SERVICE`"),
        ("to: paymentz", "receipt.to.*`paymentz` is not a service.*did you mean `payments`"),
        ("to: 3", "receipt.to: `3` is not a name[^~]*begin with a letter"),
    ],
)
def test_a_call_to_nobody_is_explained(call: str, complaint: str) -> None:
    """What is missing is whom it asks, or that one does not exist."""
    with pytest.raises(ScenarioError, match=complaint):
        twice(call)


def test_a_call_may_not_go_by_the_name_of_another_service() -> None:
    """It would be taken for a call of that service; nor may services call in a circle by it."""
    broken = twice().to_yaml()
    data = broken.replace("services:", "services:\n  receipt: {workers: 1, work: 1s}", 1)
    with pytest.raises(ScenarioError, match="is a service itself"):
        parse_scenario(data)
    circle = broken.replace("workers: 50", "workers: 50, calls: {again: {to: payments}}")
    with pytest.raises(ScenarioError, match=r"calls\.again: calls in a circle"):
        parse_scenario(circle)
