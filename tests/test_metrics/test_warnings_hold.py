"""What is told of generated scenarios is so in their runs: a warning is never a false alarm."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from scenario_strategy import scenarios

from simcb.metrics import no_effect_warnings
from simcb.scenario import Scenario, ScenarioError
from simcb.scenario.refusal import quoted
from simcb.trace import ATTEMPT_CODE, AttemptOutcome, Flag, Trace
from simcb.world import simulate


def has(attempts: Any, outcome: AttemptOutcome) -> bool:
    """Tell whether some attempts have an outcome."""
    return bool((attempts["outcome"] == ATTEMPT_CODE[outcome]).any())


def opened(run: Trace, call: int, state: int = 1) -> bool:
    """Tell whether a breaker of a call came to a state."""
    mine = [at for at, each in enumerate(run.layout.breakers) if each.call == call]
    made = run.transitions
    return bool((np.isin(made["breaker"], mine) & (made["after"] == state)).any())


BELIED: list[tuple[str, Callable[[Trace, int, Any], bool]]] = [
    ("{0} is never retried: ", lambda run, call, own: bool(own["retry"].any())),
    ("the breaker of {0} never opens", lambda run, call, own: opened(run, call)),
    ("the breakers of {0} never open", lambda run, call, own: opened(run, call)),
    ("the breaker of {0} never closes", lambda run, call, own: opened(run, call, 0)),
    ("every attempt of {0} times out", lambda run, call, own: has(own, AttemptOutcome.OK)),
    ("no attempt of {0} ever times", lambda run, call, own: has(own, AttemptOutcome.TIMEOUT)),
    (
        "the hedge of {0} is never made",
        lambda run, call, own: bool((own["flags"] & int(Flag.HEDGE)).any()),
    ),
]
"""Beginnings of sentences about a call, and what would belie them: by a run, and its attempts."""


def check_claims(scenario: Scenario, told: Sequence[str]) -> None:
    """Fail if a run has what a sentence says it cannot have."""
    run = simulate(scenario)
    for index, call in enumerate(run.layout.calls):
        name = quoted(f"{call.caller}->{call.label or call.service}")
        own = run.attempts[run.attempts["call"] == index]
        for words, belies in BELIED:
            if any(each.startswith(words.format(name)) for each in told):
                assert not belies(run, index, own), (words.format(name), scenario.to_yaml())


def check_without(scenario: Scenario) -> None:
    """Fail if a word that changes nothing makes a request other than it is without the word."""
    for each in no_effect_warnings(scenario):
        if "changes nothing" not in each or "`group`" in each or "`priority`" in each:
            continue
        data: Any = copy.deepcopy(scenario.to_data())
        place = data
        try:
            for key in each.keys[:-1]:
                place = place[key]
            del place[each.keys[-1]]
            without = Scenario.model_validate(data)
        except (KeyError, IndexError, TypeError, ScenarioError, ValueError):
            continue
        ours, theirs = (simulate(made).requests for made in (scenario, without))
        assert ours.tobytes() == theirs.tobytes(), (each, scenario.to_yaml())


@pytest.mark.slow
@settings(max_examples=100, phases=[Phase.generate])
@given(scenarios(most_faults=6))
def test_what_is_told_of_generated_scenarios_holds(scenario: Scenario) -> None:
    """In the run nothing belies a sentence, and words that change nothing may go."""
    told = no_effect_warnings(scenario)
    if told:
        check_claims(scenario, told)
        check_without(scenario)
