"""Knows inside which probes the present code runs, so that a probe may call its own breaker.

A function that is guarded and calls another one guarded by the same breaker is one call on
trial: were the inner call rejected because the outer one has the only place, no probe could
ever end well. A permit or a `with` block is a place taken by hand and marks nothing. The mark
is a variable of the context, so tasks and `asyncio.to_thread` inside the probe have it too. One
that an interrupt leaves behind is harmless: it only says something while its probe is out.

An ailing service must not hear of a thousand calls because one of them is on trial, so a probe
makes only so many. What needs more could then never be a probe that ends well, so the next
probe may make twice as many as the last one could not do with.
"""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar, Token

from simcb.breaker.states import Probe

INSIDE: ContextVar[tuple[Probe, ...]] = ContextVar("simcb.breaker.probes", default=())
"""The probes, of any breakers, that the present code is part of."""

INNER_CALLS = 10
"""How many calls a probe may make through its own breaker, before one has needed more."""

Mark = Token[tuple[Probe, ...]]


def enter(held: object) -> Mark | None:
    """Marks what follows as part of the call that this permit, if it is one, stands for."""
    probe = getattr(held, "_probe", None)
    return None if probe is None else INSIDE.set((*INSIDE.get(), probe))


def outer_of(probes: tuple[Probe, ...]) -> Probe | None:
    """Returns which of these probes the present code is part of, if it is of any."""
    return next((probe for probe in INSIDE.get() if probe in probes), None)


def leave(mark: Mark | None) -> None:
    """Takes the mark away, if there is one.

    There may be none any more: a coroutine that another context finishes or throws away has
    left it in the first, and an interrupted call may leave twice.
    """
    if mark is not None:
        with suppress(ValueError, RuntimeError):
            INSIDE.reset(mark)
