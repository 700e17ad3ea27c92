"""What runs inside a probe is part of it.

A function that is guarded and calls another one guarded by the same breaker is one call on
trial: were the inner call rejected because the outer one has the only place, no probe could
ever end well. So what runs inside a probe is marked by a variable of the context, which tasks
and `asyncio.to_thread` inside the probe have too. A permit or a `with` block is a place taken
by hand and marks nothing. A mark that an interrupt leaves behind is harmless: it only says
something while its probe is out.
"""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar, Token

from simcb.breaker.states import HalfOpenState, Probe, RampState

INSIDE: ContextVar[tuple[Probe, ...]] = ContextVar("simcb.breaker.probes", default=())
"""The probes, of any breakers, that the present code is part of."""

INNER_CALLS = 10
"""How many calls a probe may make through its own breaker, before one has needed more.

What needs more could then never be a probe that ends well, so the next probe may make twice as
many as the last one could not do with.
"""

Mark = Token[tuple[Probe, ...]]


def enter(held: object) -> Mark | None:
    """Marks what follows as part of the call that this permit, if it is one, stands for."""
    probe = getattr(held, "_probe", None)
    return None if probe is None else INSIDE.set((*INSIDE.get(), probe))


def outer_of(period: HalfOpenState | RampState) -> Probe | None:
    """Returns which of a period's probes the present code is part of, if it is of any."""
    inside = INSIDE.get()
    return next((probe for probe in inside if period.holds(probe)), None) if inside else None


def leave(mark: Mark | None) -> None:
    """Takes the mark away, if there is one.

    There may be none any more: a coroutine that another context finishes or throws away has
    left it in the first, and an interrupted call may leave twice.
    """
    if mark is not None:
        with suppress(ValueError, RuntimeError):
            INSIDE.reset(mark)
