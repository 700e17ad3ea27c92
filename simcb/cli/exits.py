"""Exit codes, and the one place where an exception becomes one.

Whatever simcb refuses gets a message and no traceback; whatever it did not foresee is a bug
and says so.
"""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from typing import NoReturn, ParamSpec

import typer

from simcb.cli.console import complain
from simcb.errors import MissingExtraError, SimcbError

P = ParamSpec("P")

DEBUG = "SIMCB_DEBUG"
"""The environment variable that, set to 1, shows the traceback of a bug."""


class Code(IntEnum):
    """What the process tells its caller."""

    GOOD = 0
    BUG = 1
    WRONG_INPUT = 2
    MISSING_EXTRA = 3
    THRESHOLD_FAILED = 99
    INTERRUPTED = 130


def leave(code: Code) -> NoReturn:
    """End the command with a code."""
    raise typer.Exit(int(code))


def guarded(verb: Callable[P, None]) -> Callable[P, None]:
    """Return the verb with every exception turned into a message and an exit code.

    The command line's own exceptions, which say that a word was wrong, pass through.
    """

    @functools.wraps(verb)
    def guard(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            verb(*args, **kwargs)
        except MissingExtraError as error:
            complain(str(error))
            leave(Code.MISSING_EXTRA)
        except SimcbError as error:
            complain(str(error))
            leave(Code.WRONG_INPUT)
        except KeyboardInterrupt:
            complain(INTERRUPTED)
            leave(Code.INTERRUPTED)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except MemoryError:
            complain("out of memory; shorten the run, lower its rates or its replicates")
            leave(Code.WRONG_INPUT)
        except Exception as error:
            report_bug(error)
            leave(Code.BUG)

    return guard


INTERRUPTED = "interrupted"


def report_bug(error: Exception) -> None:
    """Say that simcb has a bug, in one line; with `SIMCB_DEBUG=1` the traceback goes before."""
    if os.environ.get(DEBUG) == "1":
        traceback.print_exception(error, file=sys.stderr)
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    hint = "" if os.environ.get(DEBUG) == "1" else f" with what {DEBUG}=1 shows"
    complain(f"this is a bug in simcb; please report it{hint}: {what}")
