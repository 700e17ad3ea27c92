"""A sweep read back from its directory is the sweep that wrote it, and nothing is run for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_studies.sweep_cases import OVER, after, kept, scenario, sweep, swept

from simcb.options import TuneOptions
from simcb.studies import StudyError
from simcb.studies.evaluation.manifest import (
    MANIFEST,
    StoreError,
    TuneSpec,
    read_manifest,
    write_manifest,
)
from simcb.studies.sweep import SweepResult, is_sweep, open_sweep


def same(one: SweepResult, other: SweepResult) -> bool:
    """Tell whether two results are equal in all that does not depend on who ran what."""
    assert one.table.values.tobytes() == other.table.values.tobytes()
    assert one.table.verdicts.tolist() == other.table.verdicts.tolist()
    parts = ("scenario", "axes", "design", "settings", "replicates", "seed", "objective")
    more = ("border", "fine_settings", "ranking", "complete")
    return all(getattr(one, name) == getattr(other, name) for name in (*parts, *more))


@pytest.mark.parametrize(
    ("over", "more"),
    [
        (OVER, {}),
        (
            ["breaker.failure_threshold=1..9", "breaker.recovery_timeout=200ms..8s@log"],
            {"design": "lhs:5"},
        ),
        (["breaker.recovery_timeout=1s..8s/3@log"], {"by": "p99{fault}"}),
        (OVER, {"design": "zip", "by": "collapse", "replicates": 1}),
        (
            {"faults.0.for": "1s..9s/2@log", "store.workers": [1, 8]},
            {"refine": "success=60%", "depth": 2, "replicates": 1},
        ),
    ],
    ids=["grid", "sampled", "ranked", "zipped", "refined"],
)
def test_a_sweep_reads_back_as_it_was(
    over: object, more: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Axes with their ranges, the border, the refinement's settings and the ranking included."""
    settings = {"replicates": 2, **more}
    written = sweep(scenario(), over, workers=0, out=tmp_path / "s", **settings)  # type: ignore[arg-type]
    monkeypatch.setattr("simcb.world.simulate", lambda *_: pytest.fail("something was run"))
    read = open_sweep(tmp_path / "s")
    assert same(read, written)
    assert read.tally.ran == 0
    assert len(list((tmp_path / "s" / "log").iterdir())) == 1


def test_another_ranking_can_be_asked_for(tmp_path: Path) -> None:
    """By any number that the runs have, and by no other."""
    kept(tmp_path)
    read = open_sweep(tmp_path, by="p99{fault}")
    assert read.ranking == sweep(scenario(), OVER, replicates=4, workers=0, by="p99{fault}").ranking
    with pytest.raises(StudyError, match="did you mean `goodput`"):
        open_sweep(tmp_path, by="godput")


def test_ranking_the_same_runs_otherwise_is_no_other_sweep(tmp_path: Path) -> None:
    """A directory can be gone on with by another number; it keeps the first."""
    kept(tmp_path)
    again = kept(tmp_path, resume=True, by="p99")
    assert again.tally.ran == 0
    assert open_sweep(tmp_path).objective == swept().objective


def test_an_interrupted_sweep_opens_as_far_as_it_came(tmp_path: Path) -> None:
    """It says that it is not complete; a refinement is followed as far as its runs go."""
    part = kept(tmp_path / "grid", stop=after(2))
    read = open_sweep(tmp_path / "grid")
    assert not read.complete
    assert read.ranking == part.ranking
    refined = sweep(
        scenario(),
        {"faults.0.for": "1s..9s/2", "store.workers": [1, 8]},
        refine="success=60%",
        replicates=1,
        workers=0,
        out=tmp_path / "refined",
        stop=after(5),
    )
    assert not refined.complete
    assert not open_sweep(tmp_path / "refined").complete


def test_a_tunes_directory_is_named_as_such(tmp_path: Path) -> None:
    """Its files are named instead."""
    kept(tmp_path)
    held = read_manifest(tmp_path)
    scenarios, columns = held.scenarios, held.columns
    goal = TuneOptions(maximize=("goodput",))
    spec = TuneSpec(held.engine, scenarios, ("own",), held.digest, held.axes, goal, columns)
    write_manifest(tmp_path, spec)
    assert is_sweep(tmp_path)
    with pytest.raises(StoreError, match=r"holds a tune.*summary\.json.*best\.yaml"):
        open_sweep(tmp_path)


def test_what_is_no_sweep_is_refused(tmp_path: Path) -> None:
    """An empty directory, and a manifest that somebody has changed."""
    assert not is_sweep(tmp_path)
    with pytest.raises(StoreError, match="cannot be read"):
        open_sweep(tmp_path)
    kept(tmp_path / "s")
    path = tmp_path / "s" / MANIFEST
    content = json.loads(path.read_text())
    content["study"]["options"]["seed"] = 8
    path.write_text(json.dumps(content))
    with pytest.raises(StoreError, match="its checksum is wrong"):
        open_sweep(tmp_path / "s")
