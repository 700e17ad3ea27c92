"""Data files beside a scenario: found in its folder and nowhere else, read within limits.

This module knows folders; it must not know scenarios or what the numbers mean.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from simcb.scenario.recorded import (
    MOST_DATA_BYTES,
    Column,
    Recall,
    Recording,
    read_recording,
)
from simcb.scenario.refusal import Refused, did_you_mean, shown


def recall_from(folder: Path | None) -> Recall:
    """Return what brings the numbers of the data files in a folder, each read once."""
    if folder is None:
        return nowhere

    @cache
    def recall(file: str, column: Column) -> Recording:
        return _read(folder, file, column)

    return recall


def nowhere(file: str, column: Column) -> Recording:
    """Refuse to bring any file: the scenario has no folder.

    Raises:
        Refused: always.
    """
    raise Refused(
        "lies beside a scenario file, and this scenario is none",
        "write the scenario to a file in the same folder and read it from there",
    )


def without_numbers(file: str, column: Column) -> Recording:
    """Return a recording that is empty, for a scenario that is shown and not run."""
    return Recording(())


def _read(folder: Path, file: str, column: Column) -> Recording:
    """Return the numbers of one file.

    Raises:
        Refused: the file cannot be read, or does not hold such numbers.
    """
    try:
        home = folder.resolve()
        path = (home / file).resolve(strict=True)
        if not path.is_relative_to(home):
            raise Refused("is a link out of the scenario's folder", "copy the file into it")
        if path.is_dir():
            raise Refused("is a directory", "name a file in it")
        if not path.is_file():
            raise Refused("is not a regular file", "name a file with rows of numbers")
        with path.open(encoding="utf-8-sig", newline="") as opened:
            if os.fstat(opened.fileno()).st_size > MOST_DATA_BYTES:
                mebibytes = MOST_DATA_BYTES // 1024**2
                raise Refused(f"is larger than {mebibytes} MiB", "take a part of it")
            return read_recording(opened, column)
    except FileNotFoundError:
        near = did_you_mean(file, _names_in(folder))
        remedy = f"did you mean `{shown(near)}`?" if near else "put it beside the scenario"
        raise Refused("does not exist in the scenario's folder", remedy) from None
    except UnicodeDecodeError:
        raise Refused("is not UTF-8 text", "save it as UTF-8") from None
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, Refused):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise Refused(f"cannot be read ({shown(reason)})", "name another file") from None


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError:
        return []
