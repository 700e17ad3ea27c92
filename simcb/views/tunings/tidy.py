"""A tune as CSV: a line for every setting tried; and one for every contender in every scenario."""

from __future__ import annotations

from collections.abc import Iterator

from simcb.studies.tune import TuneResult
from simcb.views.formats.tidy import number_cell
from simcb.views.safe_text import csv_cell
from simcb.views.sweeps.tidy import line_writer


def trial_lines(result: TuneResult) -> Iterator[str]:
    """Yield a line for every setting tried: its values, replicates and regrets."""
    writer = line_writer()
    paths = [csv_cell(axis.path) for axis in result.axes]
    regrets = [f"worst regret {aim}" for aim in result.aims]
    yield writer.writerow(
        ["trial", "found", *paths, "replicates", *regrets, "violation", "front", "refused"]
    )
    for trial in result.trials:
        found = "searching" if trial.number < result.searched else "walking"
        worst = [number_cell(each) for each in trial.worst] or [""] * len(regrets)
        yield writer.writerow(
            [
                str(trial.number),
                "best" if trial.number == result.winner else found,
                *(csv_cell(str(value)) for value in trial.setting.values),
                str(trial.replicates),
                *worst,
                number_cell(trial.violation),
                "yes" if trial.number in result.front else "no",
                csv_cell(trial.refused),
            ]
        )


def contender_lines(result: TuneResult) -> Iterator[str]:
    """Yield a line for every contender, scenario and aim: its mean, and how it is behind."""
    writer = line_writer()
    header = ["contender", "scenario", "aim"]
    header += [
        f"{what}{end}" for what in ("mean", "regret", "behind") for end in ("", " low", " high")
    ]
    yield writer.writerow([*header, "differs"])
    if result.check is None:
        return
    for contender in result.check.contenders:
        for storm, found in zip(result.storms, contender.storms, strict=True):
            for index, aim in enumerate(storm.aims):
                row = [contender.name or "best", csv_cell(storm.name), str(aim)]
                behind = found.behind[index] if found.behind else None
                for each in (found.aims[index], found.regret[index], behind):
                    numbers = (None,) * 3 if each is None else (each.mean, each.low, each.high)
                    row += map(number_cell, numbers)
                yield writer.writerow([*row, csv_cell(contender.differs)])
