"""The sweep: the same luck everywhere, a ranking with its doubts, and refinement."""

from __future__ import annotations

import math
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

import pytest
from test_studies.sweep_cases import OVER, SMALL, after, made, planned, scenario, sweep, swept

from simcb.metrics import Verdict, difference, estimate
from simcb.scenario import parse_scenario
from simcb.studies import StudyError, run_once
from simcb.studies.evaluation.cells import Column, columns_of
from simcb.studies.evaluation.objective import parse_objective
from simcb.studies.evaluation.settings import parse_axis
from simcb.studies.sweep import Progress, SweepTooLargeError, check_sweep_size, measure_plan
from simcb.studies.sweep.plan import estimate_time
from simcb.studies.sweep.refining import Refinement


def test_a_cell_is_the_run_of_its_setting() -> None:
    """Every number of every cell is what a run of that scenario and replicate measures."""
    result = swept()
    number, replicate = 5, 2
    run = run_once(result.scenario_of(number), 0, replicate)
    assert result.values_of(number) == {
        "breaker.failure_threshold": 3,
        "breaker.recovery_timeout": "8s",
    }
    for item in run.measures:
        index = result.table.index[Column(item.name, item.phase, item.of)]
        known = float(result.table.values[number, replicate, index])
        assert known == item.value or (item.value is None and known != known)


def test_settings_share_their_luck() -> None:
    """What a breaker cannot change, the users' arrivals, is the same in all settings."""
    result = swept()
    index = result.table.index[Column("offered_rate", "whole", "")]
    offered = result.table.values[:, :, index]
    assert (offered == offered[0]).all()
    assert len(set(offered[0].tolist())) > 1


def test_the_ranking_is_by_the_mean_and_ties_are_by_the_paired_difference() -> None:
    """Best first; a setting is tied if it may be no worse than the best by 1 %."""
    result = swept()
    means = [each.estimate.mean for each in result.ranking]
    assert means == sorted(means, key=lambda mean: -(mean or 0.0))
    best = result.ranking[0]
    series = {
        each.setting: result.table.series(each.setting, result.objective) for each in result.ranking
    }
    assert best.tied
    assert {each.tied for each in result.ranking} == {True, False}
    for each in result.ranking[1:]:
        assert each.estimate == estimate(series[each.setting])
        paired = difference(series[best.setting], series[each.setting])
        assert each.behind == paired
        assert paired.high is not None
        assert each.tied == (paired.high >= -0.01 * (best.estimate.mean or 0.0))


NEVER = math.inf
TIMEOUTS = "breaker.recovery_timeout=1s,2s,3s,4s"


def test_a_time_that_never_comes_counts_before_any_that_does() -> None:
    """Settings are ordered by how often they are `never`, then by the mean of the others."""
    result = made(
        [[NEVER] * 3 + [1.0] * 7, [NEVER] * 3 + [0.5] * 7, [NEVER] * 10, [NEVER] + [9.0] * 9],
        TIMEOUTS,
    )
    assert [each.setting for each in result.ranking] == [3, 1, 0, 2]
    assert result.best is not None
    assert result.best.estimate.never == 1


def test_never_is_told_apart_only_by_more_replicates_than_chance_takes() -> None:
    """Six more of ten are no coin's work, five more may be; without an interval nothing is sure."""
    base = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
    result = made(
        [base, [NEVER] * 5 + base[5:], [NEVER] * 6 + base[6:], [NEVER, *base[1:]]], TIMEOUTS
    )
    assert {each.setting: each.tied for each in result.ranking} == {
        0: True,
        1: True,
        2: False,
        3: True,
    }
    once = made([[1.0], [2.0], [NEVER], [3.0]], TIMEOUTS)
    assert all(each.tied for each in once.ranking)


def test_what_is_as_often_never_is_compared_by_the_times_that_came() -> None:
    """The paired interval of the finite times decides, whatever the infinite ones are."""
    base = [NEVER, 1.0, 2.0, 3.0, 4.0]
    later = [NEVER, 2.1, 2.9, 4.0, 5.05]
    result = made([base, later, [NEVER, 1.5, 1.2, 3.9, 3.5], base], TIMEOUTS)
    assert {each.setting: each.tied for each in result.ranking} == {
        0: True,
        1: False,
        2: True,
        3: True,
    }


@pytest.mark.parametrize(("replicates", "tied"), [(2, True), (5, True), (6, False)])
def test_differences_without_spread_are_judged_by_their_signs(replicates: int, tied: bool) -> None:
    """Two collapses against none may be chance, and so may two equal steps of any number."""
    two = "breaker.recovery_timeout=1s,2s"
    for by in ("collapse", "time_to_recover"):
        result = made([[0.0] * replicates, [1.0] * replicates], two, by=by)
        assert [each.setting for each in result.ranking] == [0, 1]
        assert result.ranking[1].tied is tied


def test_a_setting_worse_by_less_than_a_hundredth_is_as_good() -> None:
    """However sure it is; of a share, a hundredth of what it lacks of the whole."""
    two = "breaker.recovery_timeout=1s,2s"
    base = [100.0, 101.0, 102.0, 103.0]
    near, far = ([one - by - 0.01 * n for n, one in enumerate(base)] for by in (0.06, 2.0))
    assert [each.tied for each in made([base, near], two, by="goodput").ranking] == [True, True]
    assert [each.tied for each in made([base, far], two, by="goodput").ranking] == [True, False]
    shares = [[0.999, 0.9991, 0.9992], [0.998, 0.9983, 0.9981]]
    assert [each.tied for each in made(shares, two, by="success").ranking] == [True, False]


def test_a_setting_without_a_value_is_last_and_as_good_as_none() -> None:
    """Undefined is neither good nor bad."""
    result = made([[math.nan] * 3, [1.0, 2.0, 3.0]], "breaker.recovery_timeout=1s,2s")
    assert [(each.setting, each.tied) for each in result.ranking] == [(1, True), (0, False)]


def test_the_metric_says_which_way_is_better() -> None:
    """Goodput is maximised and latency minimised; what has no nature needs a word."""
    columns = columns_of(scenario())
    for name in ("goodput", "success", "answered", "availability"):
        assert parse_objective(name, scenario(), columns).better.value == "max"
    assert parse_objective("p99{fault}", scenario(), columns).better.value == "min"
    assert parse_objective("max:utilisation{store}", scenario(), columns).better.value == "max"
    assert parse_objective("p99{fault:refuse:store}", scenario(), columns).column.phase == "fault"
    with pytest.raises(StudyError, match="neither better nor worse"):
        parse_objective("utilisation{store}", scenario(), columns)


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("goodputt", "did you mean `goodput`"),
        ("p99{falut}", "did you mean"),
        ("utilisation", "max:utilisation or min:utilisation"),
        ("time_to_recover{fault}", "once in a run"),
        ("p99{", "not a threshold"),
    ],
)
def test_a_wrong_objective_is_told_before_anything_runs(by: str, said: str) -> None:
    """With the remedy that thresholds give."""
    with pytest.raises(StudyError) as told:
        planned(scenario(), OVER, by=by)
    assert said in str(told.value)


LAYERS = """
name: layers
duration: 20s
clients:
  users:
    arrivals: {kind: constant, rate: 1/s}
    calls: {edge: {timeout: 3s, retry: {max_retries: 2}}}
services:
  edge: {workers: 9, work: 1ms, calls: {bottom: {timeout: 1s, retry: {max_retries: 2}}}}
  bottom: {workers: 9, work: 1ms}
faults:
  - {kind: errors, rate: 100%, on: bottom, at: 5s, for: 10s}
"""


@pytest.mark.parametrize(
    ("by", "best"),
    [
        ("amplification{fault}", 9.0),
        ("amplification{fault,edge}", 3.0),
        ("min:utilisation{fault}", 0.0018),
        ("goodput{recovery,users}", 1.0),
    ],
)
def test_without_a_service_settings_are_ranked_by_the_worst(by: str, best: float) -> None:
    """As a threshold means it: two layers of two retries are nine attempts at the bottom."""
    over = {"edge.workers": [9]}
    result = sweep(scenario(LAYERS), over, by=by, replicates=2, workers=0)
    (only,) = result.ranking
    assert only.estimate.mean == pytest.approx(best, abs=0.0005)


def test_collapse_is_a_probability() -> None:
    """The share of replicates that end collapsed, with an interval that never is a point."""
    result = sweep(scenario(), {"breaker.failure_threshold": [3]}, by="collapse", workers=0)
    (only,) = result.ranking
    outcome = result.outcome(0)
    assert sum(outcome.verdicts.values()) == 10
    assert only.estimate.mean == outcome.verdicts.get(Verdict.COLLAPSED, 0) / 10
    assert only.estimate == outcome.collapse
    assert only.estimate.low is not None
    assert only.estimate.high is not None
    assert only.estimate.high > only.estimate.low


def test_a_phase_that_a_setting_lacks_is_undefined_there() -> None:
    """A fault that outlasts the run has no recovery; the others have."""
    result = sweep(scenario(), {"faults.0.for": ["4s", "20s"]}, replicates=2, workers=0)
    assert result.outcome(0).value("success", "recovery") is not None
    assert result.outcome(1).value("success", "recovery") is None
    assert "recovery" not in result.outcome(1).phases


def test_a_summary_of_a_setting_is_that_of_its_runs() -> None:
    """Means and intervals are those that `run` reports."""
    from simcb.studies import run

    result = swept()
    whole = run(result.scenario_of(0), replicates=4).summary
    assert {(i.name, i.phase, i.of): i.estimate for i in result.outcome(0).summary()} == {
        (i.name, i.phase, i.of): i.estimate for i in whole if i.estimate.n
    } | {
        (i.name, i.phase, i.of): i.estimate for i in result.outcome(0).summary() if not i.estimate.n
    }


def test_any_executor_will_do() -> None:
    """Threads give the same bytes; the executor is left running."""
    with ThreadPoolExecutor(2) as threads:
        result = sweep(scenario(), OVER, replicates=4, executor=threads, workers=2)
        assert threads.submit(int).result() == 0
    assert result.table.values.tobytes() == swept().table.values.tobytes()
    assert result.ranking == swept().ranking


class Counting(ThreadPoolExecutor):
    """Threads that note how many jobs were ever unfinished at once."""

    def __init__(self) -> None:
        super().__init__(1)
        self.unfinished: list[Future[object]] = []
        self.most = 0

    def submit(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Note a job and hand it on."""
        future = super().submit(*args, **kwargs)
        self.unfinished = [each for each in self.unfinished if not each.done()] + [future]
        self.most = max(self.most, len(self.unfinished))
        return future


def test_few_chunks_are_in_flight_at_a_time() -> None:
    """However many cells there are, two chunks for each worker are out."""
    with Counting() as threads:
        sweep(scenario(), OVER, replicates=4, executor=threads, workers=1)
    assert 1 <= threads.most <= 2


def test_a_cell_that_fails_is_reported_and_the_rest_completes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bug in one setting costs that setting."""

    def failing(variant, seed, replicate, **more):  # type: ignore[no-untyped-def]
        if replicate == 1:
            raise ZeroDivisionError("by chance")
        return run_once(variant, seed, replicate, **more)

    monkeypatch.setattr("simcb.studies.evaluation.cells.run_once", failing)
    result = sweep(scenario(), {"breaker.failure_threshold": [1, 3]}, replicates=3, workers=0)
    assert [(each.cell.setting, each.cell.replicate) for each in result.lost] == [(0, 1), (1, 1)]
    assert result.lost[0].reason == "ZeroDivisionError: by chance"
    assert result.outcome(1).runs == 2
    assert result.complete


def test_progress_counts_to_the_end_and_names_the_best() -> None:
    """The last report has all cells, and the best setting of the ranking."""
    told: list[Progress] = []
    result = sweep(scenario(), OVER, replicates=2, workers=0, progress=told.append)
    assert [each.done for each in told] == sorted({each.done for each in told})
    assert told[-1].done == told[-1].total == 18
    best = told[-1].best
    assert best is not None
    assert best[0] == result.settings[result.ranking[0].setting]


def test_a_wish_to_stop_ends_a_sweep_early() -> None:
    """What was run is there, and the result says that it is not complete."""
    result = sweep(scenario(), OVER, replicates=4, workers=0, stop=after(3))
    assert not result.complete
    assert 0 < result.tally.ran < 36


def test_a_refinement_follows_the_border() -> None:
    """It finds what the fine grid finds along the border, for a fraction of its settings."""
    over = {"faults.0.for": ["1s", "5s", "9s"], "arrivals.rate": ["5/s", "45/s", "85/s"]}
    calm = parse_scenario(SMALL.replace("at: 3s", "at: 1s"))
    refined = sweep(calm, over, replicates=1, workers=0, refine="success=50%", depth=2)
    assert refined.fine_settings == 9 * 9
    assert len(refined) < refined.fine_settings * 0.7
    # Everywhere along the border two finest neighbours lie on different sides.
    at = {
        setting.values: (outcome.value("success") or 0.0) >= 0.5
        for setting, outcome in refined.outcomes()
    }
    for rate in ("5/s", "25/s", "45/s", "65/s", "85/s"):
        row = sorted((float(str(v[0])[:-1]), side) for v, side in at.items() if v[1] == rate)
        changes = [(a[0], b[0]) for a, b in pairwise(row) if a[1] != b[1]]
        assert changes, rate
        assert min(b - a for a, b in changes) == 1.0
    again = sweep(calm, over, replicates=1, workers=0, refine="success=50%", depth=2)
    assert again.settings == refined.settings


def test_a_sharp_border_costs_about_a_tenth_of_the_fine_grid() -> None:
    """Every finest step across a curved border is found, with 11 % of the grid's settings."""
    axes = [parse_axis("a=0.0..1.0/8"), parse_axis("b=0.0..1.0/8")]
    refinement = Refinement(axes, 3)

    def side(point: tuple[int, ...]) -> bool:
        return sum(float(value) ** 2 for value in refinement.setting_at(point).values) > 0.6

    sides = {point: side(point) for point in refinement.points}
    while more := refinement.more(sides):
        sides |= {point: side(point) for point in more}
    assert refinement.fine_settings == 57 * 57
    assert len(sides) < 0.12 * refinement.fine_settings
    for x in range(57):
        for y in range(56):
            if side((x, y)) != side((x, y + 1)):
                assert {(x, y), (x, y + 1)} <= sides.keys()


@pytest.mark.parametrize(
    ("over", "refine", "said"),
    [
        ({"jitter": ["none", "full"]}, "success=50%", "no numbers"),
        ({"breaker.failure_threshold": [3, 1]}, "success=50%", "in order"),
        ({"breaker.failure_threshold": [1, 3]}, "success", "no border"),
        ({"breaker.failure_threshold": [1, 3]}, "success=5s", "share"),
        ({"breaker.failure_threshold": [1, 3]}, "collapse=5s", "share"),
    ],
)
def test_what_cannot_be_refined_is_told(over: dict[str, object], refine: str, said: str) -> None:
    """Before anything runs."""
    with pytest.raises(StudyError) as told:
        planned(scenario(), over, refine=refine)
    assert said in str(told.value)


def test_a_huge_sweep_has_to_be_allowed() -> None:
    """More than a hundred thousand runs are refused, with the number and the way out."""
    plan = planned(scenario(), {"breaker.failure_threshold": "1:11:1"}, replicates=10_000)
    _, size = measure_plan(plan)
    with pytest.raises(SweepTooLargeError, match="110,000 runs"):
        check_sweep_size(plan, size)


def test_a_dry_run_estimates_size_time_and_memory() -> None:
    """All of it from the plan and one short piece of a run."""
    plan = planned(scenario(), OVER)
    found = estimate_time(plan, 3)
    assert found.size.cells == 90
    assert found.size.requests == pytest.approx(90 * 240)
    assert found.workers == 3
    assert 0.0 < found.seconds < 60.0
    assert found.size.parent_megabytes > 0.0
