"""A sweep back from its directory: what was run is read, and nothing is run."""

from __future__ import annotations

from pathlib import Path

from simcb.studies.reading import read_kept
from simcb.studies.sweep.campaign import Campaign
from simcb.studies.sweep.engine import Engine
from simcb.studies.sweep.manifest import MANIFEST, Manifest, StoreError, read_manifest
from simcb.studies.sweep.objective import parse_objective, recorded_border
from simcb.studies.sweep.plan import parse_design
from simcb.studies.sweep.planning import Plan
from simcb.studies.sweep.result import SweepResult
from simcb.studies.sweep.store import Store


def is_sweep(directory: str | Path) -> bool:
    """Tell whether a directory is a sweep's, or a tune's."""
    return (Path(directory) / MANIFEST).is_file()


def open_sweep(directory: str | Path, *, by: str | None = None) -> SweepResult:
    """Read what a sweep has kept in a directory, whether it came to its end or not.

    What the log lacks is missing from the result, which then is not `complete`. The versions
    that made it do not matter: numbers are read, not made. The data that a scenario replays is
    not read again, so the result can be looked at and not be run from.

    Args:
        directory: what `out` named.
        by: the number to rank by; what it was first ranked by if None.

    Raises:
        StoreError: there is no sweep in it, or it is damaged, or it is a tune's.
        StudyError: there is no number `by` in it.
    """
    folder = Path(directory)
    held = read_manifest(folder)
    if held.goal:
        raise StoreError(
            str(folder),
            "holds a tune, whose steps cannot be shown again",
            "read summary.json in it, or lay its best.yaml over the scenario with -f",
        )
    plan = _plan(folder, held, by)
    return Campaign(plan, held.digests, Store(folder), None).recalled()


def _plan(folder: Path, held: Manifest, by: str | None) -> Plan:
    damaged = "name the directory of a sweep, or sweep anew in another"
    file = str(folder / MANIFEST)
    try:
        scenario = read_kept(held.scenario, f"{file}, its scenario")
        border, depth = None, 0
        if held.refine:
            text, _, deep = held.refine.rpartition(" depth ")
            border, depth = recorded_border(text, scenario, held.columns), int(deep)
        return Plan(
            scenario=scenario,
            axes=held.varied,
            design=parse_design(held.design),
            settings=held.settings,
            replicates=held.replicates,
            seed=held.seed,
            columns=held.columns,
            objective=parse_objective(by or held.by, scenario, held.columns),
            border=border,
            depth=depth,
            engine=Engine(**held.engine),
        )
    except (ValueError, TypeError):
        raise StoreError(file, "is damaged: it is no manifest of a sweep", damaged) from None
