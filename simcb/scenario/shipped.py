"""The scenarios that come with simcb, found by name, and the one that `simcb init` writes.

An installed copy has them inside the package; a checkout, which an editable install points
at, has them beside it. Both are looked at, whatever way simcb was installed.
"""

from __future__ import annotations

from pathlib import Path

from simcb.scenario.problems import Findings, Mark, Source
from simcb.scenario.refusal import Refused, choice_remedy, quoted

_PACKAGE = Path(__file__).resolve().parent.parent
_SUFFIX = ".yaml"


def list_shipped() -> tuple[str, ...]:
    """Return the names of all shipped scenarios, sorted."""
    return tuple(sorted({path.stem for folder in _folders() for path in _files(folder)}))


def find_shipped(name: str) -> Path:
    """Return the file of a shipped scenario, or raise `ScenarioError`."""
    for folder in _folders():
        for path in _files(folder):
            if path.stem == name:
                return path
    findings = Findings()
    what = f"{quoted(name)} is neither a file nor a shipped scenario"
    refused = Refused(what, choice_remedy(name, list_shipped()))
    findings.add(Mark(Source(name)), "", refused)
    findings.raise_if_any()
    raise AssertionError("an unknown name was reported")


def _folders() -> list[Path]:
    folders = [_PACKAGE / "shipped"]
    # Beside an installed package stand other people's folders; beside a checkout, ours.
    if (_PACKAGE.parent / "pyproject.toml").is_file():
        folders.append(_PACKAGE.parent / "scenarios")
    return [folder for folder in folders if folder.is_dir()]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.is_file())


def template() -> str:
    """Return the text of a starter scenario, which reads cleanly."""
    return Path(__file__).with_name("starter.yaml").read_text(encoding="utf-8")
