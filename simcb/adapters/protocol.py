"""What the simulator asks of a breaker that is not its own, and how one is registered.

Three names: `state`, `enter()` and `leave(entry, error)`. A class that has them, and takes a
clock first and its settings by name, is all that an entry point of the group `simcb.breakers`
needs to name; the README has one of thirty lines. The name of the entry point is the word in a
scenario, the parameters besides the clock are what `settings` may hold.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

Clock = Callable[[], float]
"""Returns the simulated seconds since the run began."""

BUSY = object()
"""What `enter` returns when the caller has to wait until another call has left."""

GIVEN = ("clock", "random")
"""Parameters of a breaker that the simulator fills in: a clock, and a source of draws."""


class Breaker(Protocol):
    """A breaker in virtual time.

    It reads time from its clock alone and never sleeps. The simulator is one thread, and a call
    lasts from `enter` to `leave`: many may be in between.
    """

    @property
    def state(self) -> str:
        """`closed`, `open` or `half_open`; it is read after every step, and recorded."""

    def enter(self) -> Any:
        """Ask for a call: return what `leave` needs, `None` to reject it, or `BUSY`.

        A caller that is told `BUSY` waits, first come first served, and asks again when a call
        has left.
        """

    def leave(self, entry: Any, error: BaseException | None) -> None:
        """End a call that was let through.

        Args:
            entry: what `enter` returned for it.
            error: None if it went well; a `CallFailed` if it is a failure; a `CancelledError`
                of asyncio if its caller has left, or gave up before it was sent.
        """


class CallFailed(Exception):
    """What a protected call raises in the simulator."""


@dataclass(frozen=True)
class Comparable:
    """The parameters of a breaker that mean most nearly what those of others mean.

    Args:
        settings: returns the settings that open it at the `threshold`-th failure in a row, for
            `timeout` seconds.
        nearly: what is not alike even then; "" if nothing.
        window: returns the settings that open it at a `rate` of the last `calls` calls, from a
            `minimum` of them on, for `timeout` seconds; None if it is not known.
        no_window: why there are none such; "" if there may be.
    """

    settings: Callable[[int, float], dict[str, object]]
    nearly: str = ""
    window: Callable[[float, int, int, float], dict[str, object]] | None = None
    no_window: str = ""


def renamed(threshold: str, timeout: str) -> Callable[[int, float], dict[str, object]]:
    """Return the settings of a breaker that only has its own names for the two, in seconds."""
    return lambda failures, seconds: {threshold: failures, timeout: seconds}


@dataclass(frozen=True)
class Adapter:
    """A breaker that a scenario may name.

    Args:
        name: the word in a scenario: `breaker: {use: NAME}`.
        make: makes one: called with a clock, with `random=` if it takes that, and the settings.
        about: what it is, and how it reads time, in a sentence or two.
        signature: returns the signature by which settings are checked; that of `make` if None.
        withheld: parameters of it that no file can give, beside those the simulator fills in.
        package: the distribution it comes from; "" for what is written here.
        model: whether it models rules that live in another language.
        comparable: its settings for a comparison of breakers; None if there are none.
        remark: what of its behaviour a reader of results has to know; "" if nothing.
        wall_clock: whether it reads a clock that somebody may set.
    """

    name: str
    make: Callable[..., Breaker]
    about: str
    signature: Callable[[], inspect.Signature] | None = None
    withheld: frozenset[str] = field(default=frozenset())
    package: str = ""
    model: bool = False
    comparable: Comparable | None = None
    remark: str = ""
    wall_clock: bool = False

    @property
    def version(self) -> str:
        """The installed version of its package; "" if it has none."""
        try:
            return version(self.package) if self.package else ""
        except PackageNotFoundError:
            return ""

    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """Return the parameters that a file may give, by name.

        Raises:
            MissingExtraError: its package is not installed.
        """
        if self.signature is not None:
            every = list(self.signature().parameters.values())
        else:
            every = list(inspect.signature(self.make).parameters.values())[1:]
        named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return {
            each.name: each
            for each in every
            if each.kind in named and each.name not in (*self.withheld, *GIVEN)
        }

    def build(
        self, clock: Clock, settings: Mapping[str, object], random: Callable[[], float]
    ) -> Breaker:
        """Make one.

        Args:
            clock: returns the simulated seconds.
            settings: its own parameters.
            random: returns draws from [0, 1).

        Raises:
            MissingExtraError: its package is not installed.
        """
        draws = {"random": random} if "random" in inspect.signature(self.make).parameters else {}
        return self.make(clock, **draws, **settings)
