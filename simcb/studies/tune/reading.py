"""A tune back from its directory: its steps are taken again with what was run, and nothing is run.

What a tune does next depends on what is known, so its log is all there is to keep.
"""

from __future__ import annotations

import re
from pathlib import Path

from simcb.scenario.axes import split
from simcb.studies.reading import read_kept
from simcb.studies.sweep.crews import Inline
from simcb.studies.sweep.engine import Engine
from simcb.studies.sweep.manifest import MANIFEST, Manifest, StoreError, read_manifest
from simcb.studies.sweep.objective import Better
from simcb.studies.sweep.store import Store
from simcb.studies.tune.arena import Contest, Ledger
from simcb.studies.tune.planning import BETWEEN, TunePlan
from simcb.studies.tune.result import TuneResult
from simcb.studies.tune.search import Search
from simcb.studies.tune.storms import make_storms
from simcb.studies.tune.tuning import Tuning

_DESIGN = re.compile(r"a search of (\d+) settings, (\d+) at a time, checked (\d+) times")
_JUDGED = re.compile(r"within (\S+)")


def is_tune(directory: str | Path) -> bool:
    """Tell whether a study's directory is a tune's.

    Raises:
        StoreError: it is no study's, or it is damaged.
    """
    return bool(read_manifest(Path(directory)).goal)


def open_tune(directory: str | Path) -> TuneResult:
    """Read what a tune has kept in a directory.

    Where the log ends, because the tune was stopped or because another version of Optuna
    proposes other settings, the result ends too, and is not `complete`.

    Args:
        directory: what `out` named.

    Raises:
        StoreError: there is no tune in it, it is damaged, or it replays data that is not in it.
        MissingExtraError: Optuna is not installed.
    """
    folder = Path(directory)
    held = read_manifest(folder)
    if not held.goal:
        raise StoreError(str(folder), "holds a sweep and no tune", "open it as a sweep")
    plan = _plan(folder, held)
    search = Search(plan.axes, len(plan.storms[0].aims), plan.batch, plan.seed)
    ledger = Ledger(Store(folder), plan.storms)
    contest = Contest(plan.storms, plan.engine, ledger, Inline(), lambda: True)
    return Tuning(plan, contest, search, None).run()


def _plan(folder: Path, held: Manifest) -> TunePlan:
    file = str(folder / MANIFEST)
    again = "name its scenarios to simcb tune, with --out and --resume: nothing is run twice"
    design, judged = _DESIGN.fullmatch(held.design), _JUDGED.fullmatch(held.by)
    if not held.varied or design is None or judged is None:
        raise StoreError(file, "was written by a simcb that could not show a tune again", again)
    trials, batch, fresh = map(int, design.groups())
    aims = {better: f"{better.value}:" for better in Better}
    wanted = split(held.goal)
    try:
        texts = re.split(rf"^{BETWEEN}", held.scenario, flags=re.MULTILINE)
        plan = TunePlan(
            storms=make_storms(
                [read_kept(text, f"{file}, a scenario") for text in texts],
                minimize=_after(aims[Better.LOWER], wanted),
                maximize=_after(aims[Better.HIGHER], wanted),
                subject_to=[each for each in wanted if not each.startswith(tuple(aims.values()))],
            ),
            axes=held.varied,
            trials=trials,
            batch=batch,
            replicates=held.replicates,
            fresh=fresh,
            seed=held.seed,
            tolerance=float(judged[1]),
            engine=Engine(**held.engine),
        )
    except (ValueError, TypeError):
        remedy = "name the directory of a tune, or tune anew in another"
        raise StoreError(file, "is damaged: it is no manifest of a tune", remedy) from None
    if plan.manifest() != held:
        why = "; ".join(held.differences(plan.manifest()))
        raise StoreError(file, f"cannot be shown from what is kept: {why}", again)
    return plan


def _after(prefix: str, texts: list[str]) -> list[str]:
    return [each.removeprefix(prefix) for each in texts if each.startswith(prefix)]
