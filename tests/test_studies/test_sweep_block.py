"""A scenario's own sweep: what it asks for, what takes its place, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_studies.sweep_cases import OVER, SMALL, planned, scenario, sweep

from simcb.options import DEEPEST, MOST_REPLICATES
from simcb.scenario import Scenario, parse_scenario
from simcb.scenario.sweep import Design, Kind
from simcb.studies import StudyError, run
from simcb.studies.evaluation.cells import scenario_digest
from simcb.studies.evaluation.manifest import StoreChangedError
from simcb.studies.sweep import check_block

BLOCK = """\
sweep:
  over:
    breaker.failure_threshold: [1, 30]
    breaker.recovery_timeout: 1s..8s/2
  design: zip
  replicates: 2
  by: success{fault}
"""


def with_block(old: str = "", new: str = "") -> Scenario:
    """Return the small scenario with its own sweep, one piece of it exchanged."""
    assert old in BLOCK
    return parse_scenario(SMALL + BLOCK.replace(old, new))


def test_a_plan_without_axes_is_the_blocks() -> None:
    """All the block's words are taken, as if they had been given."""
    assert planned(with_block()) == planned(
        scenario(),
        {"breaker.failure_threshold": [1, 30], "breaker.recovery_timeout": "1s..8s/2"},
        design="zip",
        replicates=2,
        by="success{fault}",
    )


def test_what_is_given_takes_the_place_of_one_word() -> None:
    """Given axes replace the block's, with all that is about them; the other words stay."""
    block = with_block()
    given = planned(block, {"store.workers": [4, 8, 16]})
    assert [axis.path for axis in given.axes] == ["store.workers"]
    assert (given.design, given.replicates) == (Design(Kind.GRID), 2)
    assert str(given.objective) == "success{fault}"
    refining = with_block("design: zip", "refine: success=60%\n  depth: 2")
    assert planned(refining, {"store.workers": [4, 8, 16]}).border is None
    assert len(planned(block, design="grid").settings) == 4
    assert planned(block, replicates=3).replicates == 3
    assert str(planned(block, by="p99").objective) == "p99"
    refined = planned(with_block("design: zip", "refine: success=60%\n  depth: 2"))
    assert (str(refined.border), refined.depth) == ("success=0.6", 2)
    assert planned(with_block("design: zip", "depth: 2"), refine="success=60%").depth == 2
    assert planned(with_block("design: zip", "refine: success=60%"), depth=1).depth == 1


def test_without_axes_and_block_the_two_ways_out_are_told() -> None:
    """On the command line, or in the file."""
    with pytest.raises(StudyError, match="or write a `sweep:` block"):
        planned(scenario())
    with pytest.raises(StudyError, match="nothing is varied"):
        planned(with_block(), {})


def test_limits_of_the_file_and_of_arguments_are_the_same() -> None:
    """What the block may say may be given, and no more."""
    planned(scenario(), OVER, replicates=MOST_REPLICATES, refine="success=60%", depth=DEEPEST)
    with pytest.raises(StudyError, match=f"give 1 to {MOST_REPLICATES}"):
        planned(with_block(), replicates=MOST_REPLICATES + 1)
    with pytest.raises(StudyError, match=f"give 1 to {DEEPEST}"):
        planned(scenario(), OVER, refine="success=60%", depth=DEEPEST + 1)


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"sweep.replicates": [1, 2]}, "a word of the sweep itself"),
        ({"store.workers": [1, 2], "services.store.workers": [3]}, "the same place as"),
        ({"failure_threshold": [1, 3], "trip": ["{kind: failure_rate, calls: 9}"]}, "is undone"),
        ({"nothing": [1, 2]}, "names no place"),
    ],
)
def test_axes_that_are_given_are_held_to_the_same_rules(over: dict[str, object], said: str) -> None:
    """An axis that would change nothing is no axis, wherever it comes from."""
    with pytest.raises(StudyError, match=said):
        planned(with_block(), over, design="grid")


def test_an_axis_may_take_the_place_of_the_other_form() -> None:
    """`recovery_timeout` is varied over a file that says `recovery`, and the other way round."""
    long = parse_scenario(SMALL.replace("recovery_timeout: 2s", "recovery: {timeout: 2s}"))
    plan = planned(long, {"breaker.recovery_timeout": ["1s", "4s"]})
    assert len(plan.settings) == 2
    result = sweep(long, {"breaker.recovery_timeout": ["1s"]}, replicates=1, workers=0)
    breaker = result.scenario_of(0).guarded_calls[0][2].breaker
    assert breaker is not None
    assert (breaker.recovery, breaker.recovery_timeout) == (None, 1.0)
    other = sweep(scenario(), {"recovery.factor": [2]}, replicates=1, workers=0)
    breaker = other.scenario_of(0).guarded_calls[0][2].breaker
    assert breaker is not None
    assert breaker.recovery is not None
    assert (breaker.recovery.timeout, breaker.recovery.factor) == (2.0, 2.0)


def test_the_block_decides_nothing_about_a_run() -> None:
    """Digests of runs and of scenarios are those without it, and so is the manifest's text."""
    assert run(with_block()).digest == run(scenario()).digest
    assert run(with_block()).summary == run(scenario()).summary
    assert scenario_digest(with_block()) == scenario_digest(scenario())
    plan = planned(with_block())
    assert plan.scenario == scenario()
    assert "sweep" not in plan.manifest(()).scenarios[0]


def test_a_changed_word_keeps_a_directory_and_a_changed_axis_is_told(tmp_path: Path) -> None:
    """By what is ranked decides no cell; another axis is another sweep, and named as an axis."""
    first = sweep(with_block(), out=tmp_path / "s", workers=0)
    assert first.tally.ran == 4
    again = sweep(with_block("success{fault}", "p99"), out=tmp_path / "s", workers=0, resume=True)
    assert (again.tally.ran, again.tally.reused) == (0, 4)
    by_hand = sweep(
        scenario(),
        ["breaker.failure_threshold=1,30", "breaker.recovery_timeout=1s..8s/2"],
        design="zip",
        replicates=2,
        out=tmp_path / "s",
        workers=0,
        resume=True,
    )
    assert by_hand.tally.ran == 0
    with pytest.raises(StoreChangedError) as told:
        sweep(with_block("[1, 30]", "[1, 20]"), out=tmp_path / "s", workers=0, resume=True)
    assert told.value.differences == (
        "the axis was breaker.failure_threshold=1,30, is breaker.failure_threshold=1,20",
    )


def test_a_block_is_examined_without_running_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics, refinement and every single setting are checked; no block is nothing to check."""
    monkeypatch.setattr("simcb.world.build.World.run", lambda *_: pytest.fail("it was run"))
    size = check_block(with_block())
    assert size is not None
    assert (size.settings, size.cells) == (2, 8)
    assert check_block(scenario()) is None
    for old, new, said in (
        ("success{fault}", "sucess", "sweep: there is no metric `sucess`; did you mean `success`"),
        ("  by:", "  refine: collapse=50%\n  by:", "sweep: a zip cannot be refined"),
        ("[1, 30]", "[1, 0]", "sweep: with breaker.failure_threshold=0 .*is too small"),
    ):
        with pytest.raises(StudyError, match=said):
            check_block(with_block(old, new))
