"""No more of a service's breakers are open at a time than `max_open` says."""

from __future__ import annotations

import numpy as np
import pytest
from test_world.test_agreement import assert_agreement

from simcb.metrics import audit
from simcb.scenario import ScenarioError, parse_scenario
from simcb.trace import ATTEMPT_CODE, STATE_CODE, STATE_NAMES, AttemptOutcome
from simcb.world import simulate

TEXT = """
name: ejections
duration: 40s
clients:
  web:
    arrivals: {kind: poisson, rate: 30/s}
    calls:
      app:
        timeout: 500ms
        breaker:
          {per_replica: true, max_open: MOST, half_open: none, recovery_timeout: 4s}
services:
  app: {replicas: 4, workers: 20, work: 10ms}
faults:
  - {kind: errors, on: app, rate: 90%, at: 5s, for: 20s, replicas: [0, 1, 2]}
"""


@pytest.mark.parametrize(("most", "at_once"), [("0%", 0), ("24%", 0), ("25%", 1), ("50%", 2)])
def test_no_more_are_open_than_may_be(most: str, at_once: int) -> None:
    """Rounded down, as a host that would be one too many is not ejected; both models agree."""
    scenario = parse_scenario(TEXT.replace("MOST", most))
    changes = simulate(scenario, 1).transitions
    until: dict[int, float] = {}
    greatest = 0
    for change in changes:
        if STATE_NAMES[change["after"]] == "open":
            until[int(change["breaker"])] = float(change["at"]) + 4.0
        open_now = [end for end in until.values() if end > change["at"]]
        greatest = max(greatest, len(open_now))
    assert greatest == at_once
    assert_agreement(scenario, 1)


def test_it_is_refused_without_breakers_of_replicas() -> None:
    """There would be nothing that it is a share of."""
    with pytest.raises(ScenarioError, match="per_replica: true"):
        parse_scenario(TEXT.replace("MOST", "50%").replace("per_replica: true, ", ""))


IN_FLIGHT = """
name: never-more-than-so-many
duration: 20s
clients:
  web:
    arrivals: {kind: constant, rate: 8/s}
    calls:
      app:
        timeout: 3s
        breaker: {per_replica: true, max_open: MOST, recovery_timeout: 15s,
                  trip: {kind: slow_call_rate, slow: 500ms, rate: 50%, calls: 4, minimum_calls: 2,
                         in_flight: true}}
services:
  app: {replicas: COUNT, workers: 40, work: 125ms}
faults:
  - {kind: hang, on: app, at: 2s, for: 3s, replicas: [0]}
  - {kind: hang, on: app, at: 8s, for: 6s}
"""
FEWER = "changes: [{at: 7s, set: {app.replicas: 2, recovery_timeout: 0s}}]"


@pytest.mark.parametrize(
    ("most", "count", "opens", "changes"),
    [("0%", "1", 0, ""), ("25%", "4", 1, ""), ("25%", "4", None, FEWER)],
    ids=["none-may-open", "one-is-open-already", "open-for-no-time"],
)
def test_a_call_in_flight_opens_none_that_must_not(
    most: str, count: str, opens: int | None, changes: str
) -> None:
    """The call that asked when it would have opened passes, and all steps are legal."""
    text = IN_FLIGHT.replace("MOST", most).replace("COUNT", count) + changes
    scenario = parse_scenario(text)
    trace = simulate(scenario, 1)
    assert [law for law in audit(trace) if not law.holds] == []
    times = int(np.sum(trace.transitions["after"] == STATE_CODE["open"]))
    rejected = trace.attempts["outcome"] == ATTEMPT_CODE[AttemptOutcome.REJECTED]
    if opens is None:
        assert times > 2  # each for no time, and then half-open, where there may be no place
    else:
        assert (times, rejected.any()) == (opens, False)
    assert_agreement(scenario, 1)
