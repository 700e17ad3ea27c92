"""The family of storms that a tune makes of a scenario."""

from __future__ import annotations

from functools import cache

import pytest
from test_studies.sweep_cases import SMALL, scenario
from test_studies.tune_cases import SLOW, tuned_with

from simcb.options import TuneOptions
from simcb.scenario import Scenario, parse_scenario
from simcb.studies import StudyError
from simcb.studies.evaluation.settings import axes_of
from simcb.studies.tune import TuneResult, plan_tune
from simcb.studies.tune.storms import STORMS, family_of, storms_named
from simcb.world.conditions import drawn_faults
from simcb.world.streams import Streams

AXES = axes_of({"breaker.failure_threshold": [3, 5]})
EVERY = (*STORMS, "own")


def family(*scenarios: Scenario, names: tuple[str, ...] = EVERY) -> dict[str, Scenario]:
    return {each.name: each for _, each in family_of(scenarios, AXES, names)}


def test_every_storm_is_a_scenario_of_its_own_and_the_day_comes_last() -> None:
    """Read back as it is written; its fault strikes the service behind the tuned breaker."""
    found = family(scenario())
    assert list(found) == ["small", *(name for name in STORMS if name != "day"), "day"]
    for name, each in found.items():
        assert parse_scenario(each.to_yaml()) == each
        assert [fault.on for fault in each.faults] == ["store"] * (name != "day")
        assert all(fault.by_lot for fault in each.faults)
        assert not (each.thresholds and name != "small")


def test_moments_and_lengths_differ_by_replicate_and_not_by_setting() -> None:
    """So nothing is fitted to one length, and settings are compared in the same storms."""
    hung = family(scenario())["hung"]

    def windows(changes: dict[str, object], replicate: int) -> list[tuple[float, float]]:
        drawn = drawn_faults(hung.with_(changes), Streams(0, replicate))
        return [window for _, fault in drawn for window in fault.windows]

    first, second = windows({}, 0), windows({}, 1)
    assert first != second
    assert windows({"failure_threshold": 40}, 0) == first


def test_scenarios_that_differ_in_faults_alone_have_one_family() -> None:
    """And another system has its own."""
    one = list(family_of([scenario(), scenario(SLOW)], AXES, EVERY))
    assert [name for name, _ in one].count("own") == 2
    assert len(one) == len(STORMS) + 2
    other = scenario(SMALL.replace("workers:", "replicas: 2, workers:"))
    assert len(list(family_of([scenario(), other], AXES, EVERY))) == 2 * len(STORMS) + 2


def test_a_storm_lasts_as_long_as_hung_calls_are_waited_for() -> None:
    """Otherwise nobody would notice it; and a file's long fault is not simulated six times."""
    patient = scenario().with_({"store.timeout": "30s"})
    assert family(patient)["hung"].faults[0].lasts.mean_value == pytest.approx(90.0)
    long = scenario().with_({"faults.0.for": "2h", "duration": "3h"})
    assert family(long)["hung"].faults[0].lasts.mean_value == pytest.approx(60.0)


@pytest.mark.parametrize(
    ("text", "said"), [("day,hangs", "did you mean"), ("hung,hung", "twice"), ("", "no storm")]
)
def test_storms_that_do_not_exist_are_refused(text: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        storms_named(text)
    assert storms_named("all") == EVERY
    assert storms_named("day, hung") == ("day", "hung")


def test_a_day_alone_is_nothing_to_withstand() -> None:
    with pytest.raises(StudyError, match="no storm"):
        plan_tune(scenario(), TuneOptions({"breaker.failure_threshold": [3, 5]}, storms="day"))


@cache
def in_storms() -> TuneResult:
    """Return a tune in which a threshold of one rejects what an ordinary day would answer."""
    erring = parse_scenario(SMALL.replace("workers:", "errors: 2%, workers:"))
    space = {"breaker.failure_threshold": [1, 3, 12], "breaker.recovery_timeout": ["500ms", "8s"]}
    return tuned_with_storms(erring, space)


def tuned_with_storms(base: Scenario, space: dict[str, list[object]]) -> TuneResult:
    from test_studies.tune_cases import FEW, tune

    words = {"trials": 6, "batch": 6, "replicates": 3, "fresh": 3, "workers": 0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simcb.studies.tune.checking.DEFAULTS", FEW)
        return tune(base, space, storms="day,refused,partial,own", **words)  # type: ignore[arg-type]


def test_what_costs_the_ordinary_day_too_much_is_not_eligible() -> None:
    """However well it does in the storms."""
    result = in_storms()
    assert result.feasible
    assert result.best["breaker.failure_threshold"] != 1
    twitchy = [each for each in result.trials if each.setting.values[0] == 1]
    assert twitchy
    assert all(each.violation > 0.0 or each.worst for each in twitchy)
    assert result.winner is not None
    assert result.trials[result.winner].violation == 0.0


def test_with_own_faults_alone_nothing_is_drawn_anew() -> None:
    """As a tune was before there were families."""
    assert [each.base for each in tuned_with().scenarios] == [scenario(), scenario(SLOW)]
