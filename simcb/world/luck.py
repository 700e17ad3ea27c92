"""The luck of every attempt: streams by where in a request's life the attempt stands.

The n-th request of a group meets the same demand at the k-th attempt of a call whatever
happened before it. So attempts are found in a tree: a press of the user has its calls, a
call has its attempts, an attempt has the calls that serving it makes. Each node holds
streams, and the request's number in its group is the index into all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simcb.scenario.calls import Call
from simcb.scenario.model import Service
from simcb.world.streams import Column, Sampler, Streams, sampler_of, uniform, zipf


class Root:
    """A client group as the origin of requests: its users, who may be struck by bad luck for good.

    Args:
        tree: where streams come from.
        path: the group's path.
        users: how many users a closed group has; None where each request is another user.
    """

    def __init__(self, tree: Tree, path: str, users: int | None) -> None:
        self.tree = tree
        self.path = path
        self._users = users
        self._lots: dict[str, Column] = {}

    def lot(self, label: str, request: int) -> float:
        """Return the lot that the user of request number `request` has for a sticky fault."""
        column = self._lots.get(label)
        if column is None:
            column = self.tree.streams.column(self.path, f"fault:{label}", uniform)
            self._lots[label] = column
        return column.at(request if self._users is None else request % self._users)

    def calls(self, path: str, calls: Mapping[str, Call]) -> tuple[CallLuck, ...]:
        """Return a node for each of `calls`, which the entity at `path` makes."""
        return tuple(CallLuck(self, f"{path}/{name}", name, call) for name, call in calls.items())


class Tree:
    """What every root shares: the streams of the run and the laws of its services."""

    def __init__(self, streams: Streams, services: Mapping[str, Service]) -> None:
        self.streams = streams
        self.services = services
        self.samplers = {name: sampler_of(service.work) for name, service in services.items()}


class CallLuck:
    """The luck of one call: whether it is needed, of its attempts, and of its fallback."""

    __slots__ = ("_call", "_path", "_root", "_service", "attempts", "fallback", "key", "needed")

    def __init__(self, root: Root, path: str, service: str, call: Call) -> None:
        self._root = root
        self._path = path
        self._service = service
        self._call = call
        self.attempts: list[AttemptLuck] = []
        column = root.tree.streams.column
        self.needed: Column = column(path, "needed", uniform)
        self.fallback: Column = column(path, "fallback", uniform)
        cache = None if call.fallback is None else call.fallback.cache
        if cache is not None:
            self.key: Column = column(path, "key", zipf(cache.keys, cache.zipf))

    def attempt(self, retry: int) -> AttemptLuck:
        """Return the node of the first attempt (0), the first retry (1), …"""
        while len(self.attempts) <= retry:
            path = f"{self._path}/{len(self.attempts)}"
            self.attempts.append(AttemptLuck(self._root, path, self._service, self._call))
        return self.attempts[retry]


class AttemptLuck:
    """The luck of one attempt: its work, its ways, its lots, and the calls made on its behalf."""

    __slots__ = (
        "_lots",
        "_path",
        "_root",
        "balance",
        "calls",
        "errors",
        "jitter",
        "reply",
        "send",
        "throttle",
        "work",
    )

    def __init__(self, root: Root, path: str, service: str, call: Call) -> None:
        tree = root.tree
        column = tree.streams.column
        self._root = root
        self._path = path
        self._lots: dict[str, Column] = {}
        self.work: Column = column(path, "work", tree.samplers[service])
        self.errors: Column = column(path, "errors", uniform)
        self.jitter: Column = column(path, "jitter", uniform)
        self.balance: Column = column(path, "balance", uniform)
        self.throttle: Column = column(path, "throttle", uniform)
        way: Sampler = _at_once if call.network is None else sampler_of(call.network)
        self.send: Column = column(path, "send", way)
        self.reply: Column = column(path, "reply", way)
        self.calls: tuple[CallLuck, ...] = root.calls(path, tree.services[service].calls)

    def lot(self, label: str, request: int, sticky: bool) -> float:
        """Return request number `request`'s lot for the fault of that label, in [0, 1).

        A sticky fault strikes a user for good: every attempt of theirs draws the same lot.
        """
        if sticky:
            return self._root.lot(label, request)
        column = self._lots.get(label)
        if column is None:
            column = self._root.tree.streams.column(self._path, f"fault:{label}", uniform)
            self._lots[label] = column
        return column.at(request)


def _at_once(_: np.random.Generator, size: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.zeros(size)
