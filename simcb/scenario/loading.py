"""From what a user names to a Scenario: a file, a shipped name or standard input.

Overlays are merged over it and single places set before anything is judged, so all problems of all
of them come together.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from simcb.scenario import reader
from simcb.scenario.checks import ThresholdCheck
from simcb.scenario.fields import fields
from simcb.scenario.model import ROOT, Scenario
from simcb.scenario.paths import merged, with_value
from simcb.scenario.problems import Findings, Mark, Source
from simcb.scenario.recorded import Recall, recall_from, without_numbers
from simcb.scenario.refusal import Refused, choice_remedy, shown
from simcb.scenario.shipped import find_shipped, list_shipped
from simcb.scenario.tree import Items, Node, Scalar, Tree
from simcb.scenario.validation import validate

_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}

STDIN = "-"  # the source that means standard input


def read_scenario(
    source: str | Path,
    *,
    overlays: Sequence[str | Path] = (),
    sets: Sequence[str] = (),
    check_threshold: ThresholdCheck | None = None,
) -> Scenario:
    """Read a scenario from a file, from standard input, or by its shipped name.

    Data files that it names are looked for in the folder of the scenario's file.

    Args:
        source: a path, `-`, or a shipped name. Text that names an existing file, or has a
            separator or a YAML ending, is a path; a directory that has a shipped name is not
            meant by it.
        overlays: files merged over it, in order; a key at their top that is no word of a
            scenario is a path, as in `sets`.
        sets: `PATH=VALUE` changes, in order; a path may be shortened to any ending that
            names one place.
        check_threshold: checks thresholds, which are about metrics that nobody here knows.

    Raises:
        ScenarioError: with every problem of all of them.
    """
    findings = Findings()
    folder = None
    if isinstance(source, str) and source == STDIN:
        beginning = partial(sys.stdin.buffer.read, reader.MOST_BYTES + 1)
        root = _tree_of("<stdin>", beginning, findings)
    else:
        path = _path_of(source)
        remedy = f"write a path or a shipped name: {choice_remedy('', list_shipped())[6:]}"
        root, folder = _from_file(path, findings, remedy), path.parent
    return _finish(root, overlays, sets, findings, recall_from(folder), check_threshold)


def parse_scenario(
    text: str,
    file: str = "<text>",
    *,
    overlays: Sequence[str | Path] = (),
    sets: Sequence[str] = (),
    folder: Path | None = None,
    replays: bool = True,
    check_threshold: ThresholdCheck | None = None,
) -> Scenario:
    """Read a scenario from YAML text.

    Args:
        text: the scenario.
        file: what messages call it.
        overlays: files merged over it, in order.
        sets: `PATH=VALUE` changes, in order.
        folder: where the data files lie that it names; without one it may name none.
        replays: false leaves replayed arrivals without their numbers, to show a scenario
            whose data files are not at hand; it cannot be run.
        check_threshold: checks thresholds, as for `read_scenario`.

    Raises:
        ScenarioError: with every problem of all of them.
    """
    findings = Findings()
    recall = recall_from(folder) if replays else without_numbers
    return _finish(
        reader.read_tree(text, file, findings), overlays, sets, findings, recall, check_threshold
    )


def line_finder(
    source: str | Path, *, overlays: Sequence[str | Path] = (), sets: Sequence[str] = ()
) -> Callable[[Sequence[str | int]], str]:
    """Return what says in which line a place of a scenario stands, or what is around it.

    It says "" where that is unknown: standard input can be read only once.

    Args:
        source: what the scenario was read from, without a problem.
        overlays: what was merged over it.
        sets: what was set.
    """
    if source == STDIN:
        return lambda keys: ""
    path = _path_of(source)
    found = _from_file(path, Findings(), "")
    root = _changed(found, overlays, sets, Findings())

    def line(keys: Sequence[str | int]) -> str:
        node, mark = root, None
        for key in keys:
            entry = node.entries.get(str(key)) if isinstance(node, Tree) else None
            if entry is not None:
                node, mark = entry.node, entry.key_mark
            elif isinstance(node, Items) and isinstance(key, int) and key < len(node.items):
                node = node.items[key]
                mark = node.mark
            elif key != 0:
                # Where a list may have one entry only, that may stand there without the list.
                break
        if mark is None or found is None or not mark.source.lines:
            return ""
        own = mark.source == found.mark.source
        return f"line {mark.line}" if own else f"{shown(mark.source.label)}, line {mark.line}"

    return line


def _finish(
    root: Node | None,
    overlays: Sequence[str | Path],
    sets: Sequence[str],
    findings: Findings,
    recall: Recall,
    check_threshold: ThresholdCheck | None = None,
) -> Scenario:
    root = _changed(root, overlays, sets, findings)
    if root is None:
        findings.raise_if_any()
        raise AssertionError("a file that cannot be read was reported")
    return validate(Scenario, root, findings, recall, check_threshold)


def _changed(
    root: Node | None, overlays: Sequence[str | Path], sets: Sequence[str], findings: Findings
) -> Node | None:
    """Return the tree with overlays merged over it, and places set."""
    for overlay in overlays:
        remedy = "write the path of a file, no shipped name and no `-`"
        over = _from_file(Path(overlay), findings, remedy)
        if over is None or root is None:
            continue
        if isinstance(over, Tree):
            root = _laid_over(root, over, findings)
        elif not (isinstance(over, Scalar) and over.broken):
            findings.add(over.mark, "", Refused("is not a mapping", "write `key: value`"))
    for change in sets:
        root = _with_change(root, change, findings)
    return root


def _laid_over(root: Node, over: Tree, findings: Findings) -> Node:
    """Return the tree with an overlay merged over it.

    A key that is no word of a scenario is a path, as `--set` takes it: so an overlay can say
    `breaker.recovery_timeout: 10s` for scenarios whose callers have other names.
    """
    words = fields(Scenario)
    known = {key: entry for key, entry in over.entries.items() if key in words}
    root = merged(root, replace(over, entries=known), ROOT)
    for key, entry in over.entries.items():
        if key in words or not isinstance(root, Tree):
            continue
        try:
            root = with_value(root, key, entry.node, ROOT)
        except Refused as refused:
            findings.add(entry.key_mark, "", refused)
    return root


def _with_change(root: Node | None, change: str, findings: Findings) -> Node | None:
    """Return the tree with one `PATH=VALUE` applied, or note why that is impossible."""
    label = f"--set {shown(change, 120)}"
    path, equals, written = change.partition("=")
    if not equals or not path.strip():
        mark = Mark(Source(label))
        findings.add(mark, "", Refused("is not a change", "write `--set PATH=VALUE`"))
        return root
    value = reader.read_value(written, label, findings)
    if value is None or not isinstance(root, Tree):
        return root
    try:
        return with_value(root, path.strip(), value, ROOT)
    except Refused as refused:
        findings.add(value.mark, "", refused)
        return root


def _path_of(source: str | Path) -> Path:
    """Return the file that a source names."""
    if isinstance(source, Path):
        return source
    looks_like_a_path = "/" in source or "\\" in source or source.endswith((".yaml", ".yml"))
    if looks_like_a_path or _may_be_meant(Path(source)):
        return Path(source)
    return find_shipped(source)


def _may_be_meant(path: Path) -> bool:
    """Return True if there is a file, or a directory that no shipped scenario is called like."""
    try:
        return path.exists() and not (path.is_dir() and path.name in list_shipped())
    except (OSError, ValueError):
        return False


def _from_file(path: Path, findings: Findings, remedy: str) -> Node | None:
    """Return a file's tree, or note why there is none, and what to write if it is not there."""

    def beginning() -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(reader.MOST_BYTES + 1)
        except IsADirectoryError:
            raise Refused("is a directory", "name a file in it") from None
        except (FileNotFoundError, NotADirectoryError):
            raise Refused("does not exist", remedy) from None

    return _tree_of(str(path), beginning, findings)


def _tree_of(label: str, read: Callable[[], bytes], findings: Findings) -> Node | None:
    """Return the tree of what is read, or note why there is none."""
    mark, data = Mark(Source(label)), b""
    try:
        data = read()
        return reader.read_tree(_decoded(data), label, findings)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace").split("\n")
        source = Source.of(label, data.decode("utf-8-sig", "replace"))
        mark = Mark(source, len(before), len(before[-1]) + 1)
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        refused = Refused(what, "save the file as UTF-8")
    except Refused as error:
        refused = error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        refused = Refused(f"cannot be read ({shown(reason)})", "name another file")
    findings.add(mark, "", refused)
    return None


def _decoded(data: bytes) -> str:
    """Return the text of a file."""
    if len(data) > reader.MOST_BYTES:
        raise Refused("is larger than 1 MiB", "write a smaller scenario")
    for prefix, name in _BYTE_ORDER_MARKS.items():
        if data.startswith(prefix):
            raise Refused(f"is {name} text", "save it as UTF-8")
    if b"\x00" in data:
        raise Refused("is binary", "give a YAML file")
    return data.decode("utf-8-sig")
