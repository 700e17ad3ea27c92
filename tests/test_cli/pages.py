"""The commands that a page of the documentation shows, and the files that they need."""

from __future__ import annotations

import re
from pathlib import Path


def commands_in(page: Path) -> list[tuple[str, str]]:
    """Return what a page has after each `$ simcb`, and the output that it shows below."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"```console\n\$ simcb (.+?)\n(.*?)\n```", text, re.DOTALL)


def files_in(page: Path) -> dict[str, str]:
    """Return the blocks of a page that have a file's name, by that name."""
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"```(?:csv|json|python|yaml) (\S+)\n(.*?)```", text, re.DOTALL)
    files = dict(named)
    assert len(files) == len(named)
    return files


def write_files(page: Path, folder: Path) -> None:
    """Write the files of a page into a folder."""
    for name, text in files_in(page).items():
        (folder / name).write_text(text, encoding="utf-8")
