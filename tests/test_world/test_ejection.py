"""No more of a service's breakers are open at a time than `max_open` says."""

from __future__ import annotations

import pytest
from test_world.test_agreement import assert_agreement

from simcb.scenario import ScenarioError, parse_scenario
from simcb.trace import STATE_NAMES
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
