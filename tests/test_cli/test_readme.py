"""What the README shows of the command line is what the command line prints."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
from test_cli.commands import simcb
from test_cli.pages import commands_in, write_files

README = Path(__file__).parents[2] / "README.md"
SHOWN = commands_in(README)
SETTINGS = Path(__file__).parents[1] / "test_exchange" / "settings"
DEAR = ("advise", "compare", "conformance", "league", "run")


@pytest.mark.parametrize(
    ("command", "output"),
    [
        pytest.param(*each, marks=[pytest.mark.slow] if each[0].startswith(DEAR) else [])
        for each in SHOWN
    ],
    ids=[command for command, _ in SHOWN],
)
def test_the_readme_shows_what_is_printed(
    command: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SETTINGS, tmp_path, dirs_exist_ok=True)
    write_files(README, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert simcb(*shlex.split(command)).stdout.rstrip("\n") == output


def test_the_readme_has_every_question() -> None:
    """Each topic of explain stands there with a scenario whose answer is worth reading."""
    topics = simcb("explain", "--topics").stdout.split("\n\n")[0].splitlines()
    asked = {words[-1] for command, _ in SHOWN if len(words := shlex.split(command)) == 3}
    assert {line.split()[0] for line in topics} <= asked
