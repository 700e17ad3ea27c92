"""The manifest of a study's directory: what is being studied, written once and never changed.

It holds all that decides the results, so that going on with another scenario, another design
or another version is noticed and told, instead of being mixed in.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from simcb.errors import SimcbError
from simcb.plain_files import read_plain
from simcb.scenario.refusal import shown
from simcb.scenario.sweep import MOST_REPLICATES
from simcb.studies.sweep.axes import Axis, Measuring, Span, Value
from simcb.studies.sweep.columns import Column
from simcb.studies.sweep.plan import Setting
from simcb.typed import mistyped

MANIFEST = "manifest.json"
LOG = "log"
FORMAT = 1
"""The version of the directory's layout."""

MOST_BYTES = 2**30
"""Bytes of a manifest, and more than any has."""

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


class StoreError(SimcbError):
    """A sweep's directory cannot be used.

    Args:
        path: the directory or file.
        why: what is wrong.
        remedy: what to do.
    """

    def __init__(self, path: str, why: str, remedy: str) -> None:
        super().__init__(path, why, remedy)
        self.path = path
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.path}: {self.why}; {self.remedy}"


class StoreChangedError(SimcbError):
    """A directory holds a sweep of something else.

    Args:
        path: the directory.
        differences: what differs, each as a phrase.
    """

    def __init__(self, path: str, differences: tuple[str, ...]) -> None:
        super().__init__(path, differences)
        self.path = path
        self.differences = differences

    def __str__(self) -> str:
        listed = "".join(f"\n  {each}" for each in self.differences)
        return (
            f"{self.path}: it holds another sweep, and results of the two cannot be mixed; "
            f"ask for what it holds, or name another directory:{listed}"
        )


@dataclass(frozen=True)
class Manifest:
    """What is being studied.

    Args:
        engine: versions by name.
        scenario: the base scenario's file, or those of several one after the other.
        digest: identifies the base scenarios, the data they replay included.
        axes: each axis's path and values, as text.
        design: grid, zip or lhs:N; or how a tune searches.
        replicates: how many runs each setting has, at most.
        seed: names the luck.
        refine: the border to be refined and how deep, as text, or "".
        goal: what decides which settings are tried next, as text; "" for a sweep.
        varied: the axes of a sweep as they are, to show it again; `axes` says the same.
        by: what a sweep was first ranked by; another ranking of the same runs is no other sweep.
        columns: what the numbers of a record are, in order.
        settings: the settings known before anything is run.
        digests: the effective scenario of each of them.
    """

    engine: dict[str, str]
    scenario: str
    digest: str
    axes: tuple[str, ...]
    design: str
    replicates: int
    seed: int
    refine: str
    columns: tuple[Column, ...]
    settings: tuple[Setting, ...]
    digests: tuple[str, ...]
    goal: str = ""
    varied: tuple[Axis, ...] = field(default=(), compare=False)
    by: str = field(default="", compare=False)

    def to_text(self) -> str:
        """Return the manifest's file, the same for equal manifests."""
        content: dict[str, Json] = {
            "engine": {**self.engine},
            "scenario": self.scenario,
            "digest": self.digest,
            "axes": [*self.axes],
            "design": self.design,
            "replicates": self.replicates,
            "seed": self.seed,
            "refine": self.refine,
            "goal": self.goal,
            "varied": [_axis_to_json(axis) for axis in self.varied],
            "by": self.by,
            "columns": [[each.metric, each.phase, each.of] for each in self.columns],
            "settings": [[*each.values] for each in self.settings],
            "digests": [*self.digests],
        }
        frame: dict[str, Json] = {
            "format": FORMAT,
            "checksum": _checksum(content),
            "sweep": content,
        }
        return json.dumps(frame, indent=1, sort_keys=True, ensure_ascii=True) + "\n"

    def differences(self, other: Manifest) -> tuple[str, ...]:
        """Return what another manifest has otherwise, this one being what there was."""
        found = [
            f"{name} was {self.engine.get(name, 'absent')}, is {other.engine.get(name, 'absent')}"
            for name in sorted({*self.engine, *other.engine})
            if self.engine.get(name) != other.engine.get(name)
        ]
        found += _line_differences(self.scenario, other.scenario)
        if self.digest != other.digest and self.scenario == other.scenario:
            found.append("the data file that the scenario replays has changed")
        for was, now in zip_longest(self.axes, other.axes, fillvalue="no further axis"):
            if was != now:
                found.append(f"the axis was {shown(was, 200)}, is {shown(now, 200)}")
        named = (
            ("the design", self.design, other.design),
            ("replicates", self.replicates, other.replicates),
            ("the seed", self.seed, other.seed),
            ("the refinement", self.refine or "none", other.refine or "none"),
            ("the goal", self.goal or "none", other.goal or "none"),
        )
        found += [f"{name} was {was}, is {now}" for name, was, now in named if was != now]
        if not found and self != other:
            found.append("the settings or the metrics have changed")
        return tuple(found)


def _line_differences(was: str, now: str, most: int = 5) -> list[str]:
    """Return the lines that a scenario's file had otherwise, the first few of them."""
    pairs = zip_longest(was.splitlines(), now.splitlines(), fillvalue="")
    changed = [(a.strip() or "nothing", b.strip() or "nothing") for a, b in pairs if a != b]
    lines = [f"the scenario had {shown(a, 100)!r}, has {shown(b, 100)!r}" for a, b in changed]
    more = len(lines) - most
    return lines[:most] + ([f"and {more} more lines of the scenario"] if more > 0 else [])


def _axis_to_json(axis: Axis) -> Json:
    span = axis.span
    ends: Json = [span.low, span.high, span.measuring.value, span.log] if span else None
    return {"path": axis.path, "values": [*axis.values], "span": ends}


def _axis_from_json(axis: Any) -> Axis:  # as json.loads gave it
    span = None
    if axis["span"] is not None:
        low, high, measuring, log = axis["span"]
        span = Span(low, high, Measuring(measuring), log)
    return Axis(axis["path"], tuple(axis["values"]), span)


def _checksum(content: dict[str, Json]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a directory.

    Raises:
        StoreError: there is none, or it is damaged or of another version.
    """
    path = folder / MANIFEST
    remedy = "name the directory of a sweep, or begin anew in another"
    try:
        frame = json.loads(read_plain(path, MOST_BYTES))
        if frame["format"] != FORMAT:
            why = f"its layout has version {frame['format']}, this simcb knows {FORMAT}"
            raise StoreError(str(path), why, "go on with the simcb that made it, or begin anew")
        content = frame["sweep"]
        if frame["checksum"] != _checksum(content):
            raise StoreError(str(path), "is damaged: its checksum is wrong", remedy)
        return _manifest_of(content)
    except OSError as error:
        why = f"cannot be read ({error.strerror or error})"
        raise StoreError(str(path), why, remedy) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise StoreError(str(path), "is damaged: it is no manifest", remedy) from None


def _manifest_of(content: Any) -> Manifest:  # as json.loads gave it
    """Return what a manifest says.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is none, or not whole.
    """
    manifest = Manifest(
        engine=dict(content["engine"]),
        scenario=content["scenario"],
        digest=content["digest"],
        axes=tuple(content["axes"]),
        design=content["design"],
        replicates=content["replicates"],
        seed=content["seed"],
        refine=content["refine"],
        goal=content["goal"],
        varied=tuple(_axis_from_json(each) for each in content["varied"]),
        by=content["by"],
        columns=tuple(Column(*each) for each in content["columns"]),
        settings=tuple(Setting(tuple(each)) for each in content["settings"]),
        digests=tuple(content["digests"]),
    )
    axes, settings = len(manifest.varied), manifest.settings
    whole = (
        not any(mistyped(manifest, Manifest, MANIFEST))
        and len(manifest.axes) == axes
        and len(manifest.digests) == len(settings)
        and all(len(each.values) == axes and all(map(_is_usual, each.values)) for each in settings)
        and 1 <= manifest.replicates <= MOST_REPLICATES
    )
    if not whole:
        raise ValueError(MANIFEST)
    return manifest


def _is_usual(value: Value) -> bool:
    """Tell whether a value, if it is a number, is one that the numbers of a table hold."""
    return isinstance(value, str) or abs(value) < 2**63


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into a directory, whole or not at all, and onto the disk."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".manifest-")
    try:
        with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
            file.write(manifest.to_text())
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, folder / MANIFEST)
    except BaseException:
        os.unlink(name)
        raise
