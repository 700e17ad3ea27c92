"""The scenarios that come with simcb, found by name, and the one that `simcb init` writes.

An installed copy has them inside the package; a checkout, which an editable install points
at, has them beside it. Both are looked at, whatever way simcb was installed.
"""

from __future__ import annotations

import re
from pathlib import Path

from simcb.scenario.problems import Findings, Mark, Source
from simcb.scenario.reader import parse_value
from simcb.scenario.refusal import Refused, choice_remedy, quoted

_BODY = re.compile(r"^(?!name:|about:)\w", re.MULTILINE)
"""Where a file goes on from what it is about to what happens in it."""

_PACKAGE = Path(__file__).resolve().parent.parent


def list_shipped() -> tuple[str, ...]:
    """Return the names of all shipped scenarios, sorted."""
    return tuple(sorted(_shipped()))


def shipped_abouts() -> dict[str, str]:
    """Return what each shipped scenario is about, by name; the rest of their files is not read."""
    found = {}
    for name, path in sorted(_shipped().items()):
        head = _BODY.split(path.read_text(encoding="utf-8"), maxsplit=1)[0]
        words = parse_value(head, str(path))
        found[name] = str(words["about"]) if isinstance(words, dict) else ""
    return found


def find_shipped(name: str) -> Path:
    """Return the file of a shipped scenario, or raise `ScenarioError`."""
    shipped = _shipped()
    if name in shipped:
        return shipped[name]
    findings = Findings()
    what = f"{quoted(name)} is neither a file nor a shipped scenario"
    findings.add(Mark(Source(name)), "", Refused(what, choice_remedy(name, list_shipped())))
    findings.raise_if_any()
    raise AssertionError("an unknown name was reported")


def _shipped() -> dict[str, Path]:
    # Beside an installed package stand other people's folders; beside a checkout, ours.
    folders = (
        [_PACKAGE.parent / "scenarios"] if (_PACKAGE.parent / "pyproject.toml").is_file() else []
    )
    return {
        path.stem: path
        for folder in (*folders, _PACKAGE / "shipped")
        for path in folder.glob("*.yaml")
        if path.is_file()
    }


def template() -> str:
    """Return the text of a starter scenario, which reads cleanly."""
    return Path(__file__).with_name("starter.yaml").read_text(encoding="utf-8")
