"""Calls of one caller that name the same group have one breaker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simcb.metrics import no_effect_warnings
from simcb.outcomes import AttemptOutcome
from simcb.predictions import findings, predict
from simcb.scenario import Scenario, ScenarioError, parse_scenario
from simcb.studies.evaluation.contenders import breakers_of
from simcb.studies.evaluation.stand_ins import Behaviour
from simcb.studies.tune.space import default_space
from simcb.studies.tune.storms import tuned_services
from simcb.trace import Layout, Trace
from simcb.world import simulate

TEXT = """
name: suppliers
duration: 20s
clients:
  shop:
    arrivals: {kind: constant, rate: 10/s}
    instances: 1
    calls:
      stock:
        timeout: 1s
        breaker:
          trip: {kind: failure_rate, rate: 50%, calls: 4, minimum_calls: 4}
          recovery_timeout: 2s
          group: suppliers
      prices: {timeout: 1s, breaker: {group: suppliers}}
services:
  stock: {workers: 5, work: 10ms}
  prices: {workers: 5, work: 10ms}
faults:
  - {kind: errors, on: prices, rate: 100%, at: 3s, for: 5s}
  - {kind: errors, on: stock, rate: 100%, at: 12s, for: 2s}
"""


def scenario(*changed: tuple[str, str]) -> Scenario:
    """Return the scenario with some of its text put otherwise."""
    text = TEXT
    for old, new in changed:
        assert old in text
        text = text.replace(old, new)
    return parse_scenario(text)


def attempts(trace: Trace) -> list[tuple[str, str]]:
    """Return what was asked and what came of it, in order of time."""
    services = [call.service for call in trace.layout.calls]
    outcomes = list(AttemptOutcome)
    rows = trace.attempts[["start", "call", "outcome"]].tolist()
    return [(services[call], outcomes[outcome].value) for _, call, outcome in sorted(rows)]


def by_hand(trace: Trace, trips: Callable[[list[bool]], bool]) -> list[tuple[str, str]]:
    """Ask stock and prices for each request, through a breaker of ten lines."""
    down = {"prices": (3.0, 8.0), "stock": (12.0, 14.0)}
    told: list[tuple[str, str]] = []
    bad: list[bool] = []
    until = 0.0
    for now in trace.requests["arrival"].tolist():
        for service in ("stock", "prices"):
            if now < until:
                told.append((service, "rejected"))
                break
            bad.append(down[service][0] <= now < down[service][1])
            told.append((service, "error" if bad[-1] else "ok"))
            now += 0.01
            if until and not bad[-1]:
                bad, until = [], 0.0
            elif until or trips(bad):
                until = now + 2.0
            if told[-1][1] == "error":
                break
    return told


def test_failures_of_one_call_turn_all_away_and_a_probe_of_any_decides() -> None:
    """The group is one breaker of ten lines: prices fail, and healthy stock is cut off with it."""
    trace = simulate(scenario(), 0)
    found = attempts(trace)
    assert found == by_hand(trace, lambda bad: sum(bad[-4:]) >= 2 and len(bad) >= 4)
    assert found.count(("stock", "rejected")) > 50
    one = ("group: suppliers}", "}"), ("          group: suppliers\n", "")
    alone = simulate(scenario(*one, ("on: stock, rate: 100%", "on: stock, rate: 0%")), 0)
    assert ("prices", "rejected") in attempts(alone)
    assert ("stock", "rejected") not in attempts(alone)


def test_a_good_answer_of_one_call_sets_back_the_failures_in_a_row_of_another() -> None:
    """So only stock's own failures open it, as each request asks healthy stock first."""
    made = scenario().with_({"breaker.failure_threshold": 3})
    trace = simulate(made, 0)
    assert attempts(trace) == by_hand(trace, lambda bad: bad[-3:] == [True] * 3)
    assert trace.transitions["at"].min() > 12.0
    (warned,) = no_effect_warnings(made)
    assert "failures in a row" in warned


def test_the_breaker_has_the_group_s_name_and_knows_its_calls() -> None:
    """One for each process, or one for all of them; a saved layout keeps whose it is."""
    trace = simulate(scenario(("instances: 1", "instances: 2")), 0)
    assert [each.name for each in trace.layout.breakers] == [
        "shop.0->suppliers",
        "shop.1->suppliers",
    ]
    assert [each.calls for each in trace.layout.breakers] == [(0, 1), (0, 1)]
    assert trace.layout.idle_breakers == 0
    assert Layout.from_dict(trace.layout.to_dict()) == trace.layout
    shared = ("group: suppliers\n", "group: suppliers\n          shared: true\n")
    trace = simulate(scenario(("instances: 1", "instances: 2"), shared), 0)
    assert [each.name for each in trace.layout.breakers] == ["shop->suppliers"]


def test_other_packages_breakers_take_groups_too() -> None:
    """With `use` the group has one breaker of another make."""
    own = "trip: {kind: failure_rate, rate: 50%, calls: 4, minimum_calls: 4}\n"
    made = scenario((own, "use: textbook\n"), ("          recovery_timeout: 2s\n", ""))
    trace = simulate(made, 0)
    assert [each.name for each in trace.layout.breakers] == ["shop->suppliers"]
    assert ("stock", "rejected") in attempts(trace)


def test_the_settings_have_one_place() -> None:
    """The short path names the first call's; all calls of the group have what stands there."""
    changed = scenario().with_({"breaker.failure_threshold": 7, "breaker.around": "request"})
    calls = changed.clients["shop"].calls
    assert calls["prices"].breaker == calls["stock"].breaker
    assert [name for _, name, _ in changed.guarded_calls] == ["stock"]
    written = changed.to_data()["clients"]["shop"]["calls"]
    assert written["prices"]["breaker"] == {"group": "suppliers"}
    for each in (changed, changed.without_breakers()):
        again = parse_scenario(each.to_yaml())
        assert again == each
        enabled = {
            call.breaker.enabled for call in again.clients["shop"].calls.values() if call.breaker
        }
        assert len(enabled) == 1
    with pytest.raises(ScenarioError, match=r"did you mean `stock\.breaker\.failure_threshold`"):
        scenario().with_({"prices.breaker.failure_threshold": 7})


@pytest.mark.parametrize(
    ("changed", "place", "remedy"),
    [
        (
            ("{group: suppliers}}", "{group: suppliers, recovery_timeout: 9s}}"),
            "prices.breaker.recovery_timeout: is a setting of the group",
            "write it at `stock`",
        ),
        (("group: suppliers\n", "group: suppliers\n          per_replica: true\n"),
         "stock.breaker.per_replica: makes no sense in a group", "leave it out"),
        (("          group: suppliers\n      prices: {timeout: 1s, breaker: {group: suppliers}}",
          "          group: prices\n      prices: {timeout: 1s, breaker: {}}"),
         "stock.breaker.group: `prices` is the name of a call", "another name"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(
    changed: tuple[str, str], place: str, remedy: str
) -> None:
    """Settings at a second call, a breaker for each replica, and a name that a call has."""
    with pytest.raises(ScenarioError) as error:
        scenario(changed)
    assert place in str(error.value)
    assert remedy in str(error.value)


def test_an_operator_switches_the_whole_group_off() -> None:
    """What changes at its one place changes for all of its calls, and nothing at the others."""
    change = "changes:\n  - {at: 4s, set: {breaker.enabled: false}}\n"
    found = attempts(simulate(parse_scenario(TEXT + change), 0))
    before = [each for each in found if each[1] == "rejected"]
    assert 0 < len(before) < 10
    with pytest.raises(ScenarioError, match="names no place"):
        parse_scenario(TEXT + change.replace("breaker.", "prices.breaker."))


def test_check_tells_of_a_group_of_one_and_of_none_else() -> None:
    """A group is for several; of a group no call alone decides whether it ever opens."""
    assert no_effect_warnings(scenario()) == ()
    (lone,) = no_effect_warnings(scenario((", breaker: {group: suppliers}", "")))
    assert "no other call of `shop` is in `suppliers`" in lone
    # Only prices has a timeout, and that is enough.
    without = scenario().with_({"stock.timeout": None, "breaker.counts": ["timeout"]})
    assert no_effect_warnings(without) == ()


def test_studies_take_a_group_as_one_breaker() -> None:
    """Whom it is in front of, which runs are alike, and what formulas leave out."""
    made = scenario()
    paths: Any = [path for path, _ in breakers_of(made, {"prices"})]
    assert paths == ["clients.shop.calls.stock.breaker"]
    axes = default_space(made.with_({"faults.1.on": "prices"}))
    assert [axis.path for axis in axes][:2] == ["breaker.trip", "breaker.recovery_timeout"]
    assert tuned_services(made, axes[:2]) == ("stock", "prices")
    # The timeout of its first call ends no probe of another.
    leases = [made.with_({"breaker.half_open.lease": each}) for each in ("2s", "9s")]
    first, second = (Behaviour.of(each) for each in leases)
    assert first != second
    assert findings(predict(made))[0].startswith("what faults do to the breaker of shop->suppliers")
