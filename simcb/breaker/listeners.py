"""Tells listeners about transitions: outside the lock, in order, each exactly once.

One thread tells at a time. A transition made meanwhile, by another thread or by a listener
itself, is left in `_news` and told by whoever is telling, so a listener may reset the
breaker, call through it, or wait for a thread that does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from simcb.breaker.bounds import functions
from simcb.breaker.enums import Outcome
from simcb.breaker.errors import ParameterError
from simcb.breaker.judging import log_failure
from simcb.breaker.kinds import is_plain
from simcb.breaker.permit import Issuer
from simcb.breaker.records import CallRecord, Transition

Listener = Callable[[Transition], object]
CallListener = Callable[[CallRecord], object]


class Listeners(Issuer):
    """The part of a breaker that keeps its lock, its listeners and what they have yet to hear.

    `_news` holds transitions nobody has begun to tell, `_topic` the one being told, `_to_tell`
    who has yet to hear it, `_teller` the token of the thread that is at it.
    """

    __slots__ = (
        "_call_listeners",
        "_listeners",
        "_news",
        "_teller",
        "_to_tell",
        "_topic",
        "name",
    )

    def __init__(
        self, name: str, listeners: Iterable[Listener], call_listeners: Iterable[CallListener]
    ) -> None:
        if not isinstance(name, str):
            raise ParameterError("name", name, "a string")
        self.name = name
        self._listeners: tuple[Listener, ...] = functions("listeners", listeners, "Transition")
        self._call_listeners: tuple[CallListener, ...] = functions(
            "call_listeners", call_listeners, "CallRecord"
        )
        self._news: tuple[Transition, ...] = ()
        self._topic: Transition | None = None
        self._to_tell: tuple[Listener, ...] = ()
        super().__init__()

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
        with self._lock:
            self._listeners += (listener,)

    def add_call_listener(self, listener: CallListener) -> None:
        """Calls the function with a `CallRecord` of every call that ends from now on.

        A breaker with call listeners reads its clock twice for every call.
        """
        if not is_plain(listener):
            raise ParameterError("listener", listener, "a plain function of one CallRecord")
        with self._lock:
            self._time_calls_locked()
            self._call_listeners += (listener,)

    def _time_calls_locked(self) -> None:
        raise NotImplementedError

    def remove_listener(self, listener: Listener) -> None:
        """Stops calling the function; one that was never added is no error."""
        self._remove("_listeners", listener)

    def remove_call_listener(self, listener: CallListener) -> None:
        """Stops calling the function; one that was never added is no error."""
        self._remove("_call_listeners", listener)

    def _remove(self, where: str, listener: object) -> None:
        """Compares outside the lock, because comparing may be the user's code."""
        while True:
            seen: tuple[Any, ...] = getattr(self, where)
            kept = tuple(one for one in seen if one != listener)
            with self._lock:
                if getattr(self, where) is seen:
                    setattr(self, where, kept)
                    return

    def _report(
        self, outcome: Outcome, now: float, took: float, error: BaseException | None
    ) -> None:
        record = CallRecord(self.name, now, outcome, took, error)
        for listener in self._call_listeners:
            try:
                listener(record)
            except Exception:
                log_failure("call listener %r raised on %r", listener, record)

    def _announce(self) -> None:
        """Tells all news, unless somebody is already at it."""
        token = object()
        try:
            while True:
                with self._lock:
                    listener = self._next_locked(token)
                topic = self._topic
                if listener is None or topic is None:
                    return
                self._to_tell = self._to_tell[1:]  # only the teller comes here, and tells it now
                try:
                    listener(topic)
                except Exception:
                    log_failure("listener %r raised on %r", listener, topic)
        finally:
            if self._teller is token:
                self._teller = None

    def _next_locked(self, token: object) -> Listener | None:
        """Returns whom to tell next; takes or gives back the teller's place as needed."""
        if self._teller is None:
            self._teller = token
        if self._teller is not token:
            return None
        while not self._to_tell:
            if not self._news:
                self._teller = self._topic = None
                return None
            # One statement: what leaves one place has arrived in the other.
            self._topic, self._to_tell, self._news = self._news[0], self._listeners, self._news[1:]
        return self._to_tell[0]
