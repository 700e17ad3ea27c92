"""The family of storms that a tune makes of a scenario."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from test_studies.sweep_cases import SMALL, scenario
from test_studies.tune_cases import FEW, SLOW, tune, tuned_with

from simcb.options import JobOptions, TuneOptions
from simcb.scenario import Scenario, parse_scenario
from simcb.scenario.axes import to_plain
from simcb.studies import StudyError
from simcb.studies.evaluation.settings import Setting, axes_of, changes_of
from simcb.studies.tune import TuneResult, open_tune, plan_tune
from simcb.studies.tune.advise import advise
from simcb.studies.tune.sensitivity import grid_of
from simcb.studies.tune.space import calmness, default_space, rule_words, tolerated
from simcb.studies.tune.storms import STORMS, family_of, storms_named
from simcb.views.advise import AdviceView, advise_document
from simcb.views.data import as_json
from simcb.views.document import Page, Table
from simcb.views.formats import Format, render
from simcb.views.tune import tune_document
from simcb.views.tune_data import changes_with
from simcb.views.tune_view import TuneView
from simcb.world.conditions import drawn_faults
from simcb.world.streams import Streams

AXES = axes_of({"breaker.failure_threshold": [3, 5]})
EVERY = (*STORMS, "own")


def family(*scenarios: Scenario, names: tuple[str, ...] = EVERY) -> dict[str, Scenario]:
    return {each.name: each for _, each in family_of(scenarios, AXES, names)}


def test_every_storm_is_a_scenario_of_its_own_and_the_day_comes_last() -> None:
    """Read back as it is written; its fault strikes the service behind the tuned breaker."""
    found = family(scenario())
    assert list(found) == ["own", *(name for name in STORMS if name != "day"), "day"]
    for name, each in found.items():
        assert parse_scenario(each.to_yaml()) == each
        assert [fault.on for fault in each.faults] == ["store"] * (name != "day")
        assert all(fault.by_lot for fault in each.faults)
        assert not (each.thresholds and name != "own")


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


IN_STORMS: dict[str, object] = {
    "storms": "day,refused,flapping,own",
    "trials": 6,
    "batch": 6,
    "replicates": 3,
    "fresh": 3,
}
ERRING = SMALL.replace("workers:", "errors: 2%, workers:")
RULES_OF_ERRING = {
    "breaker.failure_threshold": [1, 3, 12],
    "breaker.recovery_timeout": ["500ms", "8s"],
}


@cache
def in_storms() -> TuneResult:
    """Return a tune in which a threshold of one rejects what an ordinary day would answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simcb.studies.tune.checking.DEFAULTS", FEW)
        return tune(scenario(ERRING), RULES_OF_ERRING, workers=0, **IN_STORMS)  # type: ignore[arg-type]


def test_a_library_goes_no_further_once_it_is_behind_and_its_row_says_so() -> None:
    """What is known of it then is at least so much; the ordinary day it has had before."""
    result = in_storms()
    assert result.check is not None
    stopped = [each for each in result.check.contenders if each.stopped]
    assert stopped
    for each in stopped:
        assert each.name not in ("", "yours", "no breaker")
        assert 0 < each.runs < result.check.winner.runs == 3 * 4
        assert all(lead.low is not None and lead.low > 0.0 for lead in each.behind or ())
        assert each.day is not None
        assert each.day.lost.n == 3
        ran = [found for found in each.scenarios if found.replicates]
        assert max(found.regret[0].mean or 0.0 for found in ran if found.regret) == pytest.approx(
            each.worst[0].mean
        )
    lines = render(tune_document(result), Format.TABLE, Page(width=120)).plain.splitlines()
    (row,) = (line for line in lines if line.startswith(stopped[0].marked_name) and "early" in line)
    assert f" {stopped[0].runs}, stopped early" in row
    assert row.count("≥ ") == 2
    assert any(line.startswith("≥ at least: stopped early") for line in lines)
    cells = TuneView(result).by_scenario(stopped[0].name).table.rows
    assert [row[1] for row in cells].count("–") == sum(
        not each.replicates for each in stopped[0].scenarios
    )


def test_as_many_runs_are_foretold_as_are_made_to_a_factor_of_two() -> None:
    """Of a family and of own faults alike."""
    made = in_storms().tally.ran
    plan = plan_tune(scenario(ERRING), TuneOptions(RULES_OF_ERRING, **IN_STORMS))  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simcb.studies.tune.plan.DEFAULTS", FEW)
        assert plan.likely_runs / 2 <= made <= min(plan.likely_runs * 2, plan.runs)


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


def test_the_usual_space_is_the_rule_the_opening_and_the_timeout() -> None:
    """In words of the file, calmer rules later; the file's own values are among them."""
    trip, opening, timeout = default_space(scenario())
    assert trip.path == "breaker.trip"
    tolerances = [tolerated(str(value)) for value in trip.values]
    assert tolerances == sorted(tolerances)
    words = [rule_words(str(value)) for value in trip.values]
    assert {"3 in a row", "40 in a row", "50% of 20 calls"} <= set(words)
    assert "2s" in opening.values
    assert timeout.values[-1] == "500ms"
    for axis in (trip, opening, timeout):
        for value in axis.values:
            scenario().with_({axis.path: to_plain(value)})


def test_all_guarded_calls_to_one_service_are_set_alike() -> None:
    """Each at its place; without a breaker there is nothing to tune."""
    two = SMALL.replace(
        "\nservices:",
        "\n  robots:\n    arrivals: {kind: poisson, rate: 5/s}\n"
        "    calls: {store: {timeout: 1s, breaker: {recovery_timeout: 3s}}}\nservices:",
    )
    both = parse_scenario(two)
    trip, opening, _ = default_space(both)
    assert len(trip.places) == 2
    assert {"2s", "3s"} <= set(opening.values)
    plan = plan_tune(both, TuneOptions())
    changes = changes_of(plan.axes, Setting(tuple(axis.values[0] for axis in plan.axes)))
    found = {call.timeout for _, _, call in both.with_(changes).guarded_calls}
    assert len(found) == 1
    with pytest.raises(StudyError, match="no breaker to tune"):
        plan_tune(scenario().without_breakers(), TuneOptions())


def test_calmness_is_the_threshold_first_then_the_shorter_opening() -> None:
    axes = axes_of({"breaker.recovery_timeout": ["1s", "9s"], "breaker.failure_threshold": [1, 9]})
    order = [("1s", 9), ("9s", 9), ("1s", 1), ("9s", 1)]
    assert sorted(order, key=lambda values: calmness(axes, values), reverse=True) == order


def test_of_settings_that_cannot_be_told_apart_the_calmest_wins() -> None:
    """No complete setting as good as the best has a higher threshold."""
    result = in_storms()
    assert result.winner is not None
    best = result.trials[result.winner]
    whole = [each for each in result.trials if each.worst and each.replicates == result.replicates]
    assert best.worst[0] <= min(each.worst[0] for each in whole if not each.violation) + 0.01


def test_the_page_says_what_the_ordinary_day_costs_and_goes_storm_by_storm() -> None:
    """And opens with what is to be done."""
    result = in_storms()
    document = tune_document(result)
    text = "\n".join(document.findings)
    assert "ordinary day: " in text
    assert "false trips in 24 h" in text
    assert "tuned: the calls to store" in text
    tables = [block for block in document.blocks if isinstance(block, Table)]
    storms = next(table for table in tables if table.header[0] == "storm")
    assert [row[0] for row in storms.rows] == [each.name for each in result.scenarios]
    assert storms.header[2:] == ("best", "yours", "no breaker")
    data = document.data()
    assert data["storms"] == ["own", "refused", "flapping", "day"]
    again = replace(result, tolerance=0.99)
    assert again.advice == "no breaker"
    assert tune_document(again).findings[0].startswith("no breaker is as good")
    assert result.check is not None
    alone = replace(result.check, contenders=result.check.contenders[:2])
    only_yours = replace(result, tolerance=0.99, check=alone)
    assert tune_document(only_yours).findings[0].startswith("yours is as good")


def test_a_family_tune_goes_on_and_reads_back(tmp_path: Path) -> None:
    """The storms are kept as they were made."""
    words = {"trials": 2, "batch": 2, "replicates": 2, "fresh": 2, "storms": "refused,day"}
    first = tuned_with({"breaker.failure_threshold": [3, 12]}, out=tmp_path / "t", **words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simcb.studies.tune.checking.DEFAULTS", FEW)
        read = open_tune(tmp_path / "t")
    assert read.complete
    assert as_json(tune_document(read)) == as_json(tune_document(first))


def test_advice_is_five_lines_and_moves_the_guesses() -> None:
    """Half and double of the workers and the work."""
    options = TuneOptions(
        {"breaker.failure_threshold": [3, 12]},
        storms="refused,day",
        trials=2,
        batch=2,
        replicates=2,
        fresh=2,
    )
    advice = advise(scenario(), options, JobOptions(workers=0))
    assert {each.name for each in advice.guesses} == {"workers of store", "work of store"}
    view = AdviceView(advice)
    assert len(view.lines) == 5
    assert view.lines[0].startswith(("set ", "leave it as it is"))
    assert "half and double" in view.lines[4] or "measure them" in view.lines[4]
    assert scenario().with_(view.best).duration == scenario().duration
    assert parse_scenario(SMALL).name in advise_document(advice).title
    assert advice.result.check is not None
    assert [each.name for each in advice.result.check.contenders] == ["", "yours", "no breaker"]


def test_where_no_breaker_is_best_nobody_asks_how_far_its_values_may_move() -> None:
    """And what cannot beat it is not run to the end."""
    words = {"trials": 4, "batch": 4, "replicates": 3, "fresh": 2, "workers": 0}
    space = {"breaker.failure_threshold": [1, 2], "breaker.recovery_timeout": ["4s", "8s"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simcb.studies.tune.checking.DEFAULTS", FEW)
        result = tune(scenario(), space, storms="partial,blip", **words)  # type: ignore[arg-type]
    assert result.complete
    assert result.advice == "no breaker"
    assert result.reach == ()
    assert any(each.replicates == 0 for each in result.trials)
    with pytest.raises(StudyError, match="no breaker is as good"):
        TuneView(result).reach("breaker.failure_threshold")


def test_an_ordinary_day_has_a_row_of_what_is_lost_needlessly() -> None:
    """It has no regret, and stands among the storms all the same."""
    rows = TuneView(in_storms()).by_scenario("best", "no breaker").table.rows
    assert [row[0] for row in rows][-1] == "day, lost needlessly"
    assert rows[-1][2] == "0%"


def test_of_a_long_list_both_ends_and_some_between_are_walked() -> None:
    """The winner's own value always."""
    (axis,) = axes_of({"breaker.failure_threshold": [*range(1, 31)]})
    assert grid_of(axis, axis.values[8]) == (1, 7, 9, 13, 18, 24, 30)


def test_the_best_rule_is_laid_over_a_scenario_as_it_is_given() -> None:
    """A rule is text in an axis and a mapping in a scenario."""
    best = changes_with({"breaker.trip": "{kind: consecutive_failures, threshold: 40}"})
    (found,) = [
        each.breaker.rules() for *_, each in scenario().with_(best).guarded_calls if each.breaker
    ]
    assert [rule.threshold for rule in found] == [40]
