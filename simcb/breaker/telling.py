"""Tells listeners about transitions: outside the lock, in order, each exactly once.

One thread tells at a time. A transition made meanwhile, by another thread or by a listener
itself, is left in `_news` and told by whoever is telling, so a listener may reset the
breaker, call through it, or wait for a thread that does. It knows nothing of what the
transitions mean.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from simcb.breaker.errors import ParameterError
from simcb.breaker.forking import renew_in_child
from simcb.breaker.judging import log_failure
from simcb.breaker.kinds import is_plain
from simcb.breaker.parameters import functions
from simcb.breaker.records import CallRecord, Transition
from simcb.breaker.sharing import Shared

Listener = Callable[[Transition], object]
CallListener = Callable[[CallRecord], object]


class Teller(Shared):
    """The part of a breaker that keeps its lock, its listeners and what they have yet to hear.

    `_news` holds transitions nobody has begun to tell, `_topic` the one being told, `_to_tell`
    who has yet to hear it, `_teller` the token of the thread that is at it.
    """

    __slots__ = (
        "__weakref__",
        "_listeners",
        "_lock",
        "_news",
        "_teller",
        "_to_tell",
        "_topic",
        "name",
    )

    def __init__(self, name: str, listeners: Iterable[Listener]) -> None:
        if not isinstance(name, str):
            raise ParameterError("name", name, "a string")
        self.name = name
        self._listeners: tuple[Listener, ...] = ()
        self._news: tuple[Transition, ...] = ()
        self._topic: Transition | None = None
        self._to_tell: tuple[Listener, ...] = ()
        self._renew_lock()
        renew_in_child(self)
        for listener in functions("listeners", listeners, "Transition"):
            self.add_listener(listener)

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()
        self._teller: object = None

    def add_listener(self, listener: Listener) -> None:
        """Calls the function with every `Transition` from now on.

        A listener that raises is logged and the next one is called. A KeyboardInterrupt or
        SystemExit in it passes through, and what was left to tell is told with the next news.
        """
        if not is_plain(listener):
            raise ParameterError("listener", listener, "a plain function of one Transition")
        with self._lock: self._listeners += (listener,)  # fmt: skip  # noqa: E701

    def remove_listener(self, listener: Listener) -> None:
        """Stops calling the function; one that was never added is no error."""
        while True:
            seen = self._listeners
            kept = tuple(one for one in seen if one != listener)
            with self._lock: done = self._swap_listeners_locked(seen, kept)  # fmt: skip  # noqa: E701
            if done:
                return

    def _swap_listeners_locked(
        self, seen: tuple[Listener, ...], kept: tuple[Listener, ...]
    ) -> bool:
        if self._listeners is seen: self._listeners = kept; return True  # fmt: skip  # noqa: E701, E702
        return False

    def _announce(self) -> None:
        """Tells all news, unless somebody is already at it."""
        token = object()
        try:
            self._tell(token)
        finally:
            # The second of two safety nets: an interrupt in the first one is caught by this.
            if self._teller is token:
                self._teller = None

    def _tell(self, token: object) -> None:
        try:
            while True:
                with self._lock: told = self._next_locked(token)  # fmt: skip  # noqa: E701
                if told is None:
                    return
                listener, transition = told
                try:
                    listener(transition)
                except Exception:
                    log_failure("listener %r raised on %r", listener, transition)
        except BaseException:
            if self._teller is token:
                self._teller = None
            raise

    def _next_locked(self, token: object) -> tuple[Listener, Transition] | None:
        """Takes the next pair to tell; takes or gives back the teller's place as needed."""
        if self._teller is None:
            self._teller = token
        if self._teller is not token:
            return None
        while not self._to_tell:
            if not self._news:
                self._teller = self._topic = None
                return None
            # Whole lines again: what leaves one place has arrived in the other.
            self._topic, self._to_tell, self._news = self._news[0], self._listeners, self._news[1:]
        listener, self._to_tell = self._to_tell[0], self._to_tell[1:]
        assert self._topic is not None
        return listener, self._topic
