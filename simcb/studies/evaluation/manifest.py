"""The manifest of a study's directory: what is being studied, written once and never changed.

It holds all that decides the results, so that going on with another scenario, another design
or another version is noticed and told, instead of being mixed in.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from simcb.errors import SimcbError
from simcb.options import SweepOptions, TuneOptions
from simcb.plain_files import read_plain
from simcb.scenario.axes import Axis
from simcb.scenario.refusal import shown
from simcb.studies.evaluation.cells import Column, Engine
from simcb.studies.evaluation.settings import Setting
from simcb.studies.run import StudyError, check_ranges
from simcb.studies.tags import checked_tags

MANIFEST = "manifest.json"
LOG = "log"
FORMAT = 2
"""The version of the directory's layout."""

_DIGEST = re.compile("[0-9a-f]{32}")

MOST_BYTES = 2**30
"""Bytes of a manifest, and more than any has."""


class StoreError(SimcbError):
    """A study's directory cannot be used.

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
    """A directory holds a study of something else.

    Args:
        path: the directory.
        differences: what differs, each as a phrase.
        study: what was to go on, as in `sweep`.
    """

    def __init__(self, path: str, differences: tuple[str, ...], study: str = "sweep") -> None:
        super().__init__(path, differences, study)
        self.path = path
        self.differences = differences
        self.study = study

    def __str__(self) -> str:
        listed = "".join(f"\n  {each}" for each in self.differences)
        holds = f"another study, and this {self.study} cannot go on with it"
        remedy = "ask for what it holds, or name another directory"
        return f"{self.path}: it holds {holds}; {remedy}:{listed}"


@dataclass(frozen=True)
class SweepSpec:
    """A sweep, with all that decides its results.

    Args:
        engine: the versions it is run with.
        scenarios: the base scenario's file.
        digest: identifies the base scenario, the data it replays included.
        axes: what is varied.
        options: what was asked for, with what the scenario's `sweep` and what is usual add to it;
            `over` is not in it, for it has been read.
        columns: what the numbers of a record are, in order.
        settings: the settings known before anything is run.
        digests: the effective scenario of each of them.
        beside: that of each contender.
        tags: what the user calls it.
        clients: the code of client groups, `module:function` each.
        source: identifies its source; "" if there is none.
    """

    engine: Engine
    scenarios: tuple[str, ...]
    digest: str
    axes: tuple[Axis, ...]
    options: SweepOptions
    columns: tuple[Column, ...]
    settings: tuple[Setting, ...]
    digests: tuple[str, ...]
    beside: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    clients: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    kind: Literal["sweep"] = "sweep"

    @property
    def decisive(self) -> SweepSpec:
        """The same without what decides no result: another ranking is no other sweep."""
        return replace(self, options=replace(self.options, by=None), tags={})

    @property
    def words(self) -> dict[str, object]:
        """What was asked for, as people read it."""
        asked = self.options
        return {
            "the design": asked.design,
            "replicates": asked.replicates,
            "the seed": asked.seed,
            "the refinement": f"{asked.refine} depth {asked.depth}" if asked.refine else "none",
            "the goal": "none",
            "beside the settings": "nothing" if asked.alone else "yours and no breaker",
        }


@dataclass(frozen=True)
class TuneSpec:
    """A tune, with all that decides its results.

    Args:
        engine: the versions it is run with.
        scenarios: the files of the scenarios, as storms were made of them.
        storms: the name of each one's storm.
        digest: identifies the scenarios, the data they replay included.
        axes: the space.
        options: what was asked for; the space, which is read, is not in it.
        columns: what the numbers of a record are in each scenario, one after the other.
        tags: what the user calls it.
    """

    engine: Engine
    scenarios: tuple[str, ...]
    storms: tuple[str, ...]
    digest: str
    axes: tuple[Axis, ...]
    options: TuneOptions
    columns: tuple[Column, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["tune"] = "tune"

    @property
    def decisive(self) -> TuneSpec:
        """The same without what decides no run."""
        options = replace(self.options, tolerance=0.0, day_budget=0.0)
        return replace(self, options=options, tags={})

    @property
    def words(self) -> dict[str, object]:
        """What was asked for, as people read it."""
        asked, size = self.options, self.options.size
        aims = [f"max:{each}" for each in asked.maximize] + [f"min:{e}" for e in asked.minimize]
        return {
            "the design": f"a search of {size.trials} settings, {size.batch} at a time, "
            f"checked {size.fresh} times",
            "replicates": size.replicates,
            "the seed": asked.seed,
            "the refinement": "none",
            "the goal": ", ".join([*aims, *asked.subject_to]),
        }


Spec = SweepSpec | TuneSpec


@cache
def _adapter() -> TypeAdapter[Spec]:
    return TypeAdapter(Annotated[Spec, Field(discriminator="kind")])


def differences(was: Spec, now: Spec) -> tuple[str, ...]:
    """Return what one manifest has otherwise than an earlier one."""
    if was.kind != now.kind:
        return (f"it is the directory of a {was.kind}",)
    versions = zip(was.engine.items.items(), now.engine.items.values(), strict=True)
    found = [f"{name} was {old}, is {new}" for (name, old), new in versions if old != new]
    found += _line_differences(was.scenarios, now.scenarios)
    if was.digest != now.digest and was.scenarios == now.scenarios:
        found.append("the data file that the scenario replays has changed")
    specs = ([f"{axis.path}={spec_of(axis)}" for axis in each.axes] for each in (was, now))
    for old, new in zip_longest(*specs, fillvalue="no further axis"):
        if old != new:
            found.append(f"the axis was {shown(old, 200)}, is {shown(new, 200)}")
    words = now.words
    found += [
        f"{name} was {old}, is {words[name]}"
        for name, old in was.words.items()
        if old != words[name]
    ]
    found += _code_differences(was, now)
    if not found and was.decisive != now.decisive:
        found.append("the settings or the metrics have changed")
    return tuple(found)


def _code_differences(was: Spec, now: Spec) -> Iterator[str]:
    if not (isinstance(was, SweepSpec) and isinstance(now, SweepSpec)):
        return
    if was.clients != now.clients:
        old, new = (
            ", ".join(f"{group}={code}" for group, code in sorted(each.clients.items()))
            for each in (was, now)
        )
        yield f"the clients' code was {shown(old, 200) or 'none'}, is {shown(new, 200) or 'none'}"
    elif was.source != now.source:
        yield "the source of the clients' code has changed"


def _line_differences(was: Sequence[str], now: Sequence[str], most: int = 5) -> list[str]:
    """Return the lines that the scenarios' files had otherwise, the first few of them."""
    old, new = ([line for text in each for line in text.splitlines()] for each in (was, now))
    pairs = zip_longest(old, new, fillvalue="")
    changed = [(a.strip() or "nothing", b.strip() or "nothing") for a, b in pairs if a != b]
    lines = [f"the scenario had {shown(a, 100)!r}, has {shown(b, 100)!r}" for a, b in changed]
    more = len(lines) - most
    return lines[:most] + ([f"and {more} more lines of the scenario"] if more > 0 else [])


def spec_of(axis: Axis) -> str:
    """Return an axis's values, or its range, as text."""
    if axis.span is None or axis.values:
        listed = ",".join(str(value) for value in axis.values)
        return f"{listed} @log" if axis.span is not None and axis.span.log else listed
    return f"{axis.span.low!r}..{axis.span.high!r}{'@log' if axis.span.log else ''}"


def _text_of(content: object) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=True)


def _checksum(content: object) -> str:
    return hashlib.blake2b(_text_of(content).encode(), digest_size=16).hexdigest()


def read_manifest(folder: Path) -> Spec:
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
        content = frame["study"]
        if frame["checksum"] != _checksum(content):
            raise StoreError(str(path), "is damaged: its checksum is wrong", remedy)
        spec = _adapter().validate_json(_text_of(content), strict=True)
        _check_whole(spec)
        return spec
    except OSError as error:
        why = f"cannot be read ({error.strerror or error})"
        raise StoreError(str(path), why, remedy) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, StudyError):
        raise StoreError(str(path), "is damaged: it is no manifest", remedy) from None


def _check_whole(spec: Spec) -> None:
    """Check what the types of a manifest do not say.

    Raises:
        ValueError, StudyError, TypeError: its parts do not fit each other, or are out of range.
    """
    checked_tags(spec.tags)
    if isinstance(spec, TuneSpec):
        check_ranges(spec.options, "trials", "batch", "replicates", "fresh", "seed")
        fits = (
            bool(spec.axes and spec.scenarios)
            and len(spec.storms) == len(spec.scenarios)
            and spec.options.space is None
        )
    else:
        asked = spec.options
        check_ranges(asked, "replicates", "seed", "depth")
        values = [each.values for each in spec.settings]
        fits = (
            asked.over is None
            and None not in (asked.design, asked.replicates, asked.by)
            and (asked.refine is None) == (asked.depth is None)
            and len(spec.scenarios) == 1
            and all(map(_DIGEST.fullmatch, (spec.digest, *spec.digests, *spec.beside)))
            and len(spec.digests) == len(spec.settings)
            and bool(spec.clients) == bool(_DIGEST.fullmatch(spec.source))
            and all(len(each) == len(spec.axes) and all(map(_is_usual, each)) for each in values)
        )
    if not fits:
        raise ValueError(MANIFEST)


def _is_usual(value: Any) -> bool:
    """Tell whether a value, if it is a number, is one that the numbers of a table hold."""
    return isinstance(value, str) or abs(value) < 2**63


def write_manifest(folder: Path, spec: Spec) -> None:
    """Write the manifest into a directory, whole or not at all, and onto the disk."""
    content = _adapter().dump_python(spec, mode="json")
    frame = {"format": FORMAT, "checksum": _checksum(content), "study": content}
    text = json.dumps(frame, indent=1, sort_keys=True, ensure_ascii=True) + "\n"
    handle, name = tempfile.mkstemp(dir=folder, prefix=".manifest-")
    try:
        with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, folder / MANIFEST)
    except BaseException:
        os.unlink(name)
        raise
