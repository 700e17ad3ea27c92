"""Running the command line in this process and in one of its own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from simcb.cli.app import app

COMMAND = get_command(app)
"""What typer makes of the application; its own runner would make it anew for each command."""


def simcb(*words: str, stdin: bytes | None = None) -> Result:
    """Run a command in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", lambda _: COMMAND, raising=False)
        return CliRunner().invoke(app, list(words), input=stdin, prog_name="simcb")


def environment(**changes: str) -> dict[str, str]:
    """Return an environment for a process, free of what decides about colours and width."""
    decisive = ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "PYTHONIOENCODING", "SIMCB_DEBUG")
    kept = {name: value for name, value in os.environ.items() if name not in decisive}
    here = str(Path(__file__).resolve().parents[2])
    return {**kept, "PYTHONPATH": here, "TERM": "xterm-256color", **changes}


HANGS = 600.0
"""Seconds after which a process is taken to hang, on however busy a machine."""


def process(
    *words: str, stdin: bytes | None = None, **changes: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own, its output captured."""
    command = [sys.executable, "-m", "simcb", *words]
    return subprocess.run(
        command, input=stdin, capture_output=True, env=environment(**changes), timeout=HANGS
    )


def shell(line: str, **changes: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell, in which `$SIMCB` is the command, in a process of its own."""
    command = shlex.join([sys.executable, "-m", "simcb"])
    return subprocess.run(
        ["sh", "-c", line.replace("$SIMCB", command)],
        capture_output=True,
        env=environment(**changes),
        timeout=HANGS,
    )
