"""Something that happens to a study's process as it saves a certain batch of records.

What a test does from outside to a process it watches may come too late on a busy machine; what
the process does to itself comes exactly then.
"""

from __future__ import annotations

import os
from pathlib import Path

from test_cli.commands import environment

SITE = """
import os, signal
real, written = os.write, 0
def write(handle, data):
    global written
    done = real(handle, data)
    if bytes(data[:8]) == b'{{"key":"':
        written += 1
        if written == {number}:
            {action}
    return done
os.write = write
"""
CTRL_C = "os.killpg(0, signal.SIGINT)"
"""As a terminal does it: every process of the group gets it."""
DIES = "os.kill(os.getpid(), signal.SIGKILL)"
WORKER_DIES = "import multiprocessing as m; m.active_children()[0].kill()"


def at_record(folder: Path, action: str, number: int = 1) -> dict[str, str]:
    """Return an environment in which an action happens after so many batches are saved."""
    site = folder / f"site-{number}"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(SITE.format(number=number, action=action))
    usual = environment()
    return {**usual, "PYTHONPATH": os.pathsep.join((str(site), usual["PYTHONPATH"]))}
