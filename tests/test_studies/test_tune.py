"""The tune: the same luck everywhere, regret against the best known, and a check on fresh luck."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from test_studies.sweep_cases import SMALL, after, scenario, sweep
from test_studies.tune_cases import (
    FEW,
    NARROW,
    SPACE,
    briefly,
    kept,
    scenarios,
    tune,
    tuned,
    tuned_with,
)

from simcb.breaker import FailureRate, SlowCallRate
from simcb.errors import MissingExtraError
from simcb.metrics import difference, estimate
from simcb.options import TuneOptions
from simcb.scenario import list_shipped, parse_scenario, read_scenario
from simcb.studies import StudyError, run_once
from simcb.studies.evaluation.contenders import without_breaker
from simcb.studies.evaluation.manifest import StoreChangedError, StoreError
from simcb.studies.evaluation.settings import axes_of, axis_of
from simcb.studies.tune import (
    DEFAULTS,
    NO_BREAKER,
    YOURS,
    TuneProgress,
    TuneResult,
    open_tune,
    plan_tune,
)
from simcb.studies.tune.contenders import with_default
from simcb.studies.tune.racing import rungs
from simcb.studies.tune.search import Search, Tried
from simcb.studies.tune.sensitivity import reach_of
from simcb.views import data
from simcb.views.tune import tune_document

GRID = {"breaker.failure_threshold": [1, 3, 30], "breaker.recovery_timeout": ["1s", "2s", "8s"]}


def bytes_of(result: TuneResult) -> str:
    return data.as_json(tune_document(result))


@pytest.mark.slow
def test_no_tune_makes_more_runs_than_its_plan_says() -> None:
    """With two aims, so that the best of each runs in the check, too; and walks begin anew."""
    words: dict[str, object] = {
        "maximize": ["goodput"],
        "minimize": ["amplification"],
        "trials": 2,
        "batch": 2,
        "replicates": 2,
        "fresh": 2,
        "seed": 1,
        "storms": "own",
    }
    plan = plan_tune(scenarios(), TuneOptions(NARROW, **words))  # type: ignore[arg-type]
    assert tune(scenarios(), NARROW, workers=0, **words).tally.ran <= plan.runs  # type: ignore[arg-type]


def test_a_space_of_few_settings_is_searched_whole_and_gives_the_sweeps_best() -> None:
    """Racing sends settings home early, but the best is the one that runs of all of them show."""
    found = tune(scenario(), GRID, trials=50, replicates=6, fresh=2, workers=0)
    swept = sweep(scenario(), GRID, replicates=6, workers=0)
    assert len(found.trials) == found.searched == 9
    assert swept.best is not None
    assert found.best == swept.values_of(swept.best.setting)
    assert {trial.replicates for trial in found.trials} > {6}


def test_regret_is_what_is_lost_to_the_best_known_on_the_same_luck() -> None:
    """Of one scenario: the mean paired loss of goodput, as a share of the best's goodput."""
    found = tune(scenario(), GRID, trials=9, replicates=4, fresh=2, workers=0)

    def goodputs(number: int) -> list[float]:
        values = dict(zip(GRID, found.trials[number].setting.values, strict=True))
        variant = scenario().with_(values)
        runs = [run_once(variant, 0, i).measures.value("goodput") for i in range(4)]
        return [value for value in runs if value is not None]

    assert found.winner is not None
    best = goodputs(found.winner)
    assert found.trials[found.winner].worst == (0.0,)
    for trial in found.trials:
        ours = goodputs(trial.number)[: trial.replicates]
        loss = difference(ours, best[: trial.replicates]).mean
        top = estimate(best[: trial.replicates]).mean
        assert loss is not None
        assert top is not None
        if trial.replicates == 4:
            assert trial.worst[0] == pytest.approx(loss / top)


@pytest.mark.slow
def test_the_worst_regret_is_the_largest_over_the_scenarios() -> None:
    """No complete setting beats the winner by more than does not matter."""
    result = tuned()
    assert result.winner is not None
    winner = result.trials[result.winner]
    complete = [trial for trial in result.trials if trial.replicates == result.replicates]
    assert len(complete) > 3
    assert winner.worst[0] >= 0.0
    assert winner.worst[0] <= min(trial.worst[0] for trial in complete) + result.tolerance


def test_bad_settings_get_few_runs() -> None:
    """Whoever is beaten beyond doubt after three runs gets no more of them."""
    assert rungs(10) == (3, 5, 10)
    assert rungs(2) == (2,)
    assert rungs(40) == (3, 5, 10, 20, 40)
    result = tuned()
    counts = [trial.replicates for trial in result.trials]
    assert set(counts) == {3, 5}
    dropped = [trial.worst[0] for trial in result.trials if trial.replicates == 3]
    stayed = [trial.worst[0] for trial in result.trials if trial.replicates == 5]
    assert sum(dropped) / len(dropped) > sum(stayed) / len(stayed)
    # The contenders' runs are counted, too: 13 of 3 in each of two scenarios, and specialists.
    assert result.tally.ran < len(result.trials) * 5 * 2 + 15 * 3 * 2


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_who_runs_it_changes_nothing(workers: int) -> None:
    """The same bytes from this process, from threads, and from one or two other processes."""
    assert bytes_of(tuned_with(workers=workers)) == bytes_of(briefly())
    with ThreadPoolExecutor(workers) as executor:
        assert bytes_of(tuned_with(workers=workers, executor=executor)) == bytes_of(briefly())


@pytest.mark.slow
def test_another_seed_is_another_search() -> None:
    """The seed names the luck of the runs and of what is proposed."""
    other = tuned_with(seed=7)
    ours = [trial.setting for trial in briefly().trials]
    assert [trial.setting for trial in other.trials] != ours
    assert other.check is not None
    assert other.check.seed == 8


@pytest.mark.parametrize("calls", [1, 8, 14])
def test_a_stopped_tune_goes_on_and_ends_in_the_same_bytes(tmp_path: Path, calls: int) -> None:
    """What was run is not run again, and nobody can tell from the result."""
    first = kept(tmp_path / "t", stop=after(calls))
    assert not first.complete
    assert first.check is None
    second = kept(tmp_path / "t", resume=True)
    assert bytes_of(second) == bytes_of(briefly())
    assert second.tally.reused == first.tally.ran
    third = kept(tmp_path / "t", resume=True)
    assert third.tally.ran == 0
    assert bytes_of(third) == bytes_of(briefly())


def test_a_damaged_log_costs_the_damaged_runs_and_no_more(tmp_path: Path) -> None:
    """A torn record is counted, and its run is made again."""
    kept(tmp_path / "t")
    (segment,) = (tmp_path / "t" / "log").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([lines[0][:50] + b"\n", *lines[1:]]))
    again = kept(tmp_path / "t", resume=True)
    assert again.tally.damaged == again.tally.ran == 1
    assert bytes_of(again) == bytes_of(briefly())


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    """Another goal, another number of trials, or a sweep: the difference is named."""
    kept(tmp_path / "t")
    with pytest.raises(StoreError, match="--resume"):
        kept(tmp_path / "t")
    with pytest.raises(StoreChangedError, match="the goal was max:goodput, is min:p99"):
        kept(tmp_path / "t", resume=True, minimize=["p99"])
    with pytest.raises(StoreChangedError, match="a search of 4 settings") as told:
        kept(tmp_path / "t", resume=True, trials=5)
    assert "it holds another study" in str(told.value)
    assert "sweep" not in str(told.value)
    with pytest.raises(StoreChangedError, match=r"this sweep .*\n  it is the directory of a tune$"):
        sweep(scenario(), GRID, replicates=6, workers=0, out=tmp_path / "t", resume=True)
    sweep(scenario(), GRID, replicates=1, workers=0, out=tmp_path / "s")
    with pytest.raises(StoreChangedError, match=r"this tune .*\n  it is the directory of a sweep$"):
        kept(tmp_path / "s", resume=True)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"subject_to": ["rejected{fault, store} <= 90%", "success >= 1%"], "tolerance": 0.2},
        {"maximize": ["goodput"], "minimize": ["amplification{fault,store}", "collapse"]},
    ],
    ids=["plain", "limited", "many aims"],
)
def test_a_tune_reads_back_as_it_was_and_runs_nothing(
    more: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its steps are taken again with what the log has."""
    written = kept(tmp_path / "t", replicates=2, **more)
    monkeypatch.setattr("simcb.world.simulate", lambda *_: pytest.fail("something was run"))
    monkeypatch.setattr("simcb.studies.tune.checking.DEFAULTS", FEW)
    read = open_tune(tmp_path / "t")
    assert read.complete
    assert bytes_of(read) == bytes_of(written)
    assert len(list((tmp_path / "t" / "log").iterdir())) == 1


def test_a_stopped_tune_opens_as_far_as_it_came(tmp_path: Path) -> None:
    """And a sweep, or what is damaged, is told."""
    kept(tmp_path / "t", stop=after(20))
    read = open_tune(tmp_path / "t")
    assert not read.complete
    assert read.check is None
    assert read.best
    sweep(scenario(), GRID, replicates=1, workers=0, out=tmp_path / "s")
    with pytest.raises(StoreError, match="holds a sweep and no tune"):
        open_tune(tmp_path / "s")


@pytest.mark.slow
def test_the_winner_keeps_what_has_to_hold() -> None:
    """A limit rules out what is best without it, and is judged as a threshold of a run is."""
    free = tuned_with(SPACE, maximize=["success"], trials=8)
    limit = ["rejected <= 25%"]
    bound = tuned_with(SPACE, maximize=["success"], subject_to=limit, trials=8)
    assert bound.winner is not None
    assert bound.feasible
    assert bound.trials[bound.winner].violation == 0.0
    assert bound.best != free.best
    broken = [trial for trial in bound.trials if trial.violation > 0.0]
    assert broken
    assert bound.check is not None
    for contender in bound.check.contenders:
        held = [limit.passed for scenario in contender.scenarios for limit in scenario.limits]
        assert contender.feasible == all(held)
        assert len(held) == 2


def test_where_nothing_holds_the_nearest_wins_and_says_so() -> None:
    """The limit is out of reach; whoever misses it by least is told, as infeasible."""
    result = tuned_with(subject_to=["success >= 100%"])
    assert not result.feasible
    assert result.winner is not None
    complete = [trial for trial in result.trials if trial.replicates == result.replicates]
    nearest = min(trial.violation for trial in complete if trial.number < result.searched)
    assert result.trials[result.winner].violation <= nearest


def test_several_aims_have_a_front_that_nothing_beats() -> None:
    """The winner is a compromise on it."""
    result = tuned_with(maximize=["goodput"], minimize=["amplification"])
    complete = [trial for trial in result.trials if trial.replicates == result.replicates]
    front = [result.trials[number] for number in result.front]
    assert result.winner in result.front
    for one in front:
        for other in complete:
            pairs = list(zip(other.worst, one.worst, strict=True))
            assert not (all(a <= b for a, b in pairs) and any(a < b for a, b in pairs))


RECOVERS = SMALL.replace("duration: 12s", "duration: 25s")


def test_a_time_that_never_comes_counts_as_the_whole_duration() -> None:
    """So that a mean exists, and a setting that recovers in half of its runs beats one in none."""
    space = {"breaker.recovery_timeout": ["500ms", "40s"]}
    result = tune(
        parse_scenario(RECOVERS),
        space,
        minimize=["time_to_recover"],
        trials=2,
        replicates=3,
        fresh=2,
        workers=0,
    )
    assert result.best == {"breaker.recovery_timeout": "500ms"}
    # The best recovers at once, and yet the regret is no more than all of the duration.
    assert 0.9 < max(trial.worst[0] for trial in result.trials) <= 1.0
    assert result.filled
    assert all(each.never and not each.undefined for each in result.filled)


def test_regret_does_not_grow_beyond_measure_where_the_best_is_nothing() -> None:
    """Pieces are counted, and latency is compared with what is usual, if that is more."""
    hasty = SMALL.replace("timeout: 500ms", "timeout: 60ms")
    space = {"breaker.failure_threshold": [1, 2, 30], "breaker.recovery_timeout": ["200ms", "20s"]}

    def tuned_by(aim: str) -> TuneResult:
        return tune(
            parse_scenario(hasty), space, minimize=[aim], trials=6, replicates=3, fresh=2, workers=0
        )

    trips = tuned_by("false_trips")
    worst = {trial.setting.values: trial.worst[0] for trial in trips.trials if trial.worst}
    assert worst[30, "20s"] == 0.0
    runs = [
        run_once(
            parse_scenario(hasty).with_({"failure_threshold": 1, "recovery_timeout": "200ms"}),
            0,
            replicate,
        ).measures.value("false_trips")
        or 0.0
        for replicate in range(3)
    ]
    assert worst[1, "200ms"] == pytest.approx(sum(runs) / 3)
    # Who rejects nearly everything is done at once: the best median is nothing.
    median = tuned_by("p50")
    assert median.check is not None
    assert median.check.winner.scenarios[0].aims[0].mean == 0.0
    assert 0.1 < max(trial.worst[0] for trial in median.trials) < 2.0


def test_what_is_undefined_counts_as_the_worst_and_never_as_the_best() -> None:
    """A breaker that is switched off has no false trips, but that is no merit of it."""
    hasty = SMALL.replace("timeout: 500ms", "timeout: 60ms").replace("threshold: 3", "threshold: 1")
    result = tune(
        parse_scenario(hasty),
        {"breaker.enabled": ["false", "true"]},
        minimize=["false_trips"],
        trials=2,
        replicates=4,
        fresh=2,
        workers=0,
    )
    assert result.best == {"breaker.enabled": "true"}
    (filled,) = result.filled
    assert filled.undefined >= 4
    assert not filled.never


def test_a_number_that_a_storm_cannot_have_is_refused() -> None:
    """Without a fault there is nothing to recover from; or it ends too late for it to be seen."""
    calm = parse_scenario(SMALL[: SMALL.index("faults:")])
    with pytest.raises(StudyError, match="`time_to_recover` does not exist in this scenario"):
        plan_tune(
            [scenario(), calm], TuneOptions(SPACE, minimize=["time_to_recover"], storms="own")
        )
    late = parse_scenario(SMALL.replace("for: 4s", "for: 8s"))
    with pytest.raises(StudyError, match="`small`: `time_to_recover` is undefined in all of"):
        tune(late, SPACE, minimize=["time_to_recover"], batch=2, replicates=2, workers=0)


def test_the_reach_surrounds_the_winner() -> None:
    """Along each axis the stretch that is as good holds the winner's value."""
    result = tuned()
    for reach in result.reach:
        values = [step.value for step in reach.steps]
        first, own, last = map(values.index, (reach.low, reach.value, reach.high))
        assert first <= own <= last
        assert all(step.as_good for step in reach.steps[first : last + 1])
        assert not any(step.as_good for step in reach.steps[max(first - 1, 0) : first])
        assert not any(step.as_good for step in reach.steps[last + 1 : last + 2])
        lowest, highest = values.index(reach.lowest), values.index(reach.highest)
        assert lowest <= first <= last <= highest
        for beyond in (lowest - 1, highest + 1):
            if 0 <= beyond < len(values):
                step = reach.steps[beyond]
                assert step.excess[0].low is not None
                assert step.excess[0].low > result.tolerance
        assert reach.at_stake == max(step.excess[0].mean or 0.0 for step in reach.steps)


@pytest.mark.slow
def test_what_is_much_worse_on_average_is_not_as_good_however_few_its_runs() -> None:
    """Three runs prove little: a fifth slower is not shown to be worse, and not as good either."""
    result = tune(
        scenario(), SPACE, minimize=["p99"], trials=6, batch=3, replicates=3, fresh=2, workers=0
    )
    reach = result.reach[0]
    first = reach.steps[0]
    assert first.not_worse
    assert (first.excess[0].mean or 0.0) > 0.1
    assert not first.as_good
    assert reach.lowest == 1
    assert int(reach.low) > 10
    for step in reach.steps:
        assert step.as_good == ((step.excess[0].mean or 0.0) <= result.tolerance)


def test_importance_is_what_moving_a_value_loses_on_average() -> None:
    """As shares of all axes together; alone, or where nothing is lost, it is unknown."""
    result = tuned()
    means = [
        sum(max(step.excess[0].mean or 0.0, 0.0) for step in reach.steps) / len(reach.steps)
        for reach in result.reach
    ]
    assert result.importance == pytest.approx([mean / sum(means) for mean in means])
    assert replace(result, reach=()).importance == (None, None)


def test_a_best_at_the_edge_of_what_was_looked_at_says_so() -> None:
    """If there is something beyond that makes sense; there is no threshold below one."""
    space = {"breaker.failure_threshold": [1, 40], "breaker.recovery_timeout": "2s..8s"}
    result = tune(scenario(), space, trials=6, batch=3, replicates=4, fresh=2, workers=0)
    threshold, timeout = result.reach
    assert str(timeout.value).startswith("2.0")
    assert timeout.beyond == "below"
    assert (threshold.value, threshold.beyond) == (1, "")


def test_the_check_is_on_other_luck_with_the_numbers_a_run_gives() -> None:
    """The winner first, then yours and the libraries, each with its paired difference."""
    result = tuned()
    check = result.check
    assert check is not None
    assert [each.name for each in check.contenders] == [
        "",
        YOURS,
        NO_BREAKER,
        *(default.name for default in DEFAULTS),
    ]
    assert check.seed == 1
    yours, best = check.contender(YOURS), check.winner
    for number, base in enumerate(scenarios()):
        own = [run_once(base, 1, i).measures.value("goodput") for i in range(3)]
        tuned_runs = [
            run_once(base.with_(dict(result.best)), 1, i).measures.value("goodput")
            for i in range(3)
        ]
        assert yours.scenarios[number].aims[0] == estimate(own)
        assert yours.scenarios[number].regret[0].mean is not None
        assert yours.scenarios[number].regret[0].mean <= (yours.worst[0].mean or 0.0) + 1e-12
        assert best.scenarios[number].aims[0] == estimate(tuned_runs)
        behind = yours.scenarios[number].behind
        assert behind is not None
        assert behind[0] == difference(own, tuned_runs)
    with pytest.raises(KeyError):
        check.contender("nobody")


@pytest.mark.parametrize(
    "name",
    [
        each if each == "slow-replica" else pytest.param(each, marks=pytest.mark.slow)
        for each in list_shipped()
        if read_scenario(each).guarded_calls
    ],
)
@pytest.mark.parametrize("default", DEFAULTS, ids=lambda default: default.name)
def test_every_librarys_default_fits_every_guarded_scenario(name: str, default: object) -> None:
    """The breaker becomes the library's; what is guarded, counted and shared stays."""
    base = read_scenario(name)
    variant = base.with_(with_default(base, default))  # type: ignore[arg-type]
    pairs = list(zip(base.guarded_calls, variant.guarded_calls, strict=True))
    assert pairs
    for (*_, before), (*_, now) in pairs:
        assert before.breaker is not None
        assert now.breaker is not None
        assert now.breaker.trip is not None
        assert now.breaker.counts == before.breaker.counts
        assert now.breaker.per_replica == before.breaker.per_replica
        assert now.breaker.rules()
    off = base.with_(without_breaker(base))
    assert not any(call.breaker and call.breaker.enabled for *_, call in off.guarded_calls)


def test_the_libraries_that_judge_by_rate_are_written_as_such() -> None:
    """resilience4j and interlock: ten probes in all, half of them, and calls of a minute."""
    base = scenario()
    for name, least in (("resilience4j 50%/60s", 100), ("interlock 50%/60s", 10)):
        (default,) = (each for each in DEFAULTS if each.name == name)
        ((*_, call),) = base.with_(with_default(base, default)).guarded_calls
        assert call.breaker is not None
        half_open = call.breaker.half_open_policy()
        assert (half_open.probes, half_open.verdict, half_open.successes) == (10, 0.5, None)
        assert half_open.lease > base.duration
        assert call.breaker.rules() == (
            FailureRate(0.5, calls=100, minimum_calls=least),
            SlowCallRate(60.0, 1.0, calls=100, minimum_calls=least),
        )


def test_settings_that_a_scenario_refuses_are_told_and_passed_over() -> None:
    """A space may hold what makes no sense; the search goes around it."""
    text = SMALL.replace(
        "failure_threshold: 3, recovery_timeout: 2s",
        "trip: {kind: failure_rate, rate: 50%, calls: 20, minimum_calls: 5}",
    )
    space = {"trip.calls": "5..30", "trip.minimum_calls": "5..30"}
    result = tune(parse_scenario(text), space, trials=12, replicates=3, fresh=2, workers=0)
    refused = [trial for trial in result.trials if trial.refused]
    assert refused
    assert all("more than the window's" in trial.refused for trial in refused)
    assert all(not trial.worst for trial in refused)
    assert result.winner is not None
    calls, minimum = result.best.values()
    assert int(minimum) <= int(calls)


def test_a_space_in_which_nothing_makes_sense_is_an_error() -> None:
    """And says what is wrong."""
    with pytest.raises(StudyError, match="names no place"):
        tune(scenario(), {"breaker.nothing": [1, 2]}, workers=0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"trials": 0}, "trials is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"replicates": 1}, "replicates is 1; give 2"),
        ({"fresh": 1}, "fresh is 1"),
        ({"tolerance": 1.5}, "tolerance is 1.5"),
        ({"minimize": ["p98"]}, "there is no metric `p98`"),
        ({"minimize": ["p99"], "maximize": ["p99"]}, "given twice"),
        ({"maximize": ["p50", "p95", "p99", "p999", "success"]}, "5 aims"),
        ({"subject_to": ["success"]}, "not a threshold"),
        ({"subject_to": ["sucess > 1%"]}, "did you mean `success`"),
        ({"workers": -1}, "workers is -1"),
        ({"trials": 10_000, "replicates": 100}, "--allow-large"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_runs(
    words: dict[str, object], said: str
) -> None:
    """Each with its remedy."""
    with pytest.raises(StudyError) as told:
        tuned_with(**words)
    assert said in str(told.value)


def test_no_scenarios_and_no_space_are_told() -> None:
    """There has to be something to hold in, and something to change."""
    with pytest.raises(StudyError, match="0 scenarios"):
        tune([], SPACE)
    with pytest.raises(StudyError, match="nothing is varied"):
        tune(scenario(), {})


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that installs it, where more is tried than what covers the space evenly."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert tuned_with().complete
    with pytest.raises(MissingExtraError, match=r"simcb\[tune\]"):
        tuned_with(trials=9)


def test_progress_tells_the_stage_and_the_best() -> None:
    """Searching, then walking, then checking; runs only grow."""
    told: list[TuneProgress] = []
    tuned_with(progress=told.append)
    assert list(dict.fromkeys(each.stage for each in told)) == ["searching", "walking", "checking"]
    assert [each.ran for each in told] == sorted(each.ran for each in told)
    assert told[-1].best is not None


class TestSearch:
    """What is proposed, from the history alone."""

    def test_proposals_are_new_and_inside_the_space(self) -> None:
        """First evenly over the space, then where it was good."""
        axes = axes_of({"a.b": "1..100@log", "c.d": "10ms..1s", "e.f": ["x", "y"]})
        search = Search(axes, 1, 5, seed=3)
        history: list[Tried] = []
        for _ in range(8):
            found = search.propose(history)
            assert len(found) == 5
            assert not {each.setting for each in history} & set(found)
            for setting in found:
                whole, time, word = setting.values
                assert isinstance(whole, int)
                assert 1 <= whole <= 100
                assert str(time).endswith("s")
                assert word in ("x", "y")
                history.append(Tried(setting, (abs(whole - 10.0) + 50.0 * (word == "x"),), 0.0))
            assert search.propose(history[:-5]) == found
        late = [each.setting.values for each in history[20:]]
        assert sum(values[2] == "y" for values in late) > len(late) / 2

    def test_a_space_that_is_used_up_gives_nothing(self) -> None:
        """Four settings, and then no more."""
        search = Search(axes_of({"a.b": [1, 2], "c.d": ["1s", "2s"]}), 1, 3, seed=0)
        history: list[Tried] = []
        while found := search.propose(history):
            history += [Tried(setting, (1.0,), 0.0) for setting in found]
        assert len({each.setting for each in history}) == len(history) == 4


@pytest.mark.slow
def test_a_cluster_gives_the_same_bytes() -> None:
    """Dask's workers run what this process would have run."""
    pytest.importorskip("distributed")
    assert bytes_of(tuned_with(dask="local", workers=2)) == bytes_of(briefly())


@pytest.mark.slow
@pytest.mark.minutes
def test_five_outages_have_a_setting_that_beats_five_and_a_minute_on_fresh_luck(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By more than a tenth of the goodput in the worst of them, with the interval."""
    names = ["metastable-overload", "gc-pause", "redis-500-retries", "flaky-payments", "flapping"]
    space = {"breaker.failure_threshold": [3, 10, 30], "breaker.recovery_timeout": ["2s", "10s"]}
    monkeypatch.setattr("simcb.studies.tune.checking.DEFAULTS", FEW)
    found = tune([read_scenario(name) for name in names], space, trials=6, replicates=2, fresh=6)
    assert found.check is not None
    (behind,) = found.check.contender("pybreaker 5/60s").behind or ()
    assert behind.low is not None
    assert behind.low > 0.1


def test_a_value_that_was_not_run_everywhere_is_stopped() -> None:
    """What is known of it is the least it loses, and is marked so."""
    known = SimpleNamespace(
        seen=np.array([4, 4]),
        counts=np.array([4, 0]),
        feasible=np.array([True, True]),
        losses=np.zeros((2, 1, 2, 4)),
        leads=lambda _candidate, _best, count: (estimate([-0.03] * count),),
    )
    found = reach_of(axis_of("a.b", [1, 2]), 1, {1: 0, 2: 1}, known, 0, 0.01)  # type: ignore[arg-type]
    assert [step.stopped for step in found.steps] == [False, True]
    assert not found.steps[1].as_good
