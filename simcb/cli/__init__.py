"""The command line: words in, a study called, a view shown.

The room holds no logic of its own: whatever a verb does, a Python function does with the
same arguments. Modules of it import nothing heavy at their top, so that help is instant.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line on the process's arguments and exit with its code."""
    from simcb.cli.app import start

    start()
