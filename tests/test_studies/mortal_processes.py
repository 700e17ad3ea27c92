"""Worker processes that kill themselves: so many of those that start, and whoever is told to."""

from __future__ import annotations

from pathlib import Path

SITE = """
import os, signal, sys
if "--multiprocessing-fork" in sys.orig_argv:
    for name in sorted(os.listdir({tokens!r})):
        try:
            os.unlink(os.path.join({tokens!r}, name))
        except FileNotFoundError:
            continue
        {end}
"""
KILLED = "os.kill(os.getpid(), signal.SIGKILL)"
ENDED = "os._exit(1)"


def mortal(folder: Path, deaths: int, end: str = KILLED) -> str:
    """Return a PYTHONPATH by which the next so many workers end while they start.

    Each takes a token with it, so how many there are is certain, and no time decides anything.
    """
    tokens = folder / "tokens"
    tokens.mkdir(exist_ok=True)
    for number in range(deaths):
        (tokens / f"{number:04d}").touch()
    (folder / "sitecustomize.py").write_text(SITE.format(tokens=str(tokens), end=end))
    return str(folder)


def left(folder: Path) -> int:
    """Return how many have still to die."""
    return len([*(folder / "tokens").iterdir()])
