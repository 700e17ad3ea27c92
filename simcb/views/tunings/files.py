"""A tune's derived files, beside its log: made anew from the numbers each time.

`best.yaml`, the overlay with the winner; `summary.json`, `trials.csv`, `contenders.csv` and
`tune.png`. Equal results give equal bytes.
"""

from __future__ import annotations

from pathlib import Path

from simcb.studies.sweep import StoreError
from simcb.views.sweeps.files import put, text_of
from simcb.views.tunings.answer import TuneAnswer, overlay
from simcb.views.tunings.json_object import as_json
from simcb.views.tunings.tidy import contender_lines, trial_lines

BEST = "best.yaml"
SUMMARY = "summary.json"
TRIALS = "trials.csv"
CONTENDERS = "contenders.csv"
PICTURE = "tune.png"


def write_tune(answer: TuneAnswer, directory: str | Path) -> None:
    """Write what a tune came to into its directory, replacing what an earlier end left.

    Raises:
        StoreError: the directory cannot be written; the log is as it was.
    """
    from simcb.views import plots
    from simcb.views.tunings.figure import tune_figure

    folder = Path(directory)
    result = answer.result
    try:
        put(folder / SUMMARY, text_of([as_json(answer, indent=2), "\n"]))
        put(folder / TRIALS, text_of(trial_lines(result)))
        put(folder / CONTENDERS, text_of(contender_lines(result)))
        if result.winner is not None:
            put(folder / BEST, text_of([overlay(answer)]))
            plots.save(tune_figure(result), folder / PICTURE)
    except OSError as error:
        why = f"cannot be written ({error.strerror or type(error).__name__})"
        remedy = "make room, and resume: every run is kept"
        raise StoreError(str(directory), why, remedy) from None
