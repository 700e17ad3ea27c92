"""The luck of every attempt: streams by where in a request's life the attempt stands.

The n-th request of a group meets the same demand at the k-th attempt of a call whatever
happened before it. So attempts are found in a tree: a press of the user has its calls, a
call has its attempts, an attempt has the calls that serving it makes. Each node holds
streams, and the request's number in its group is the index into all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from simcb.scenario.calls import Call
from simcb.scenario.model import Service
from simcb.world.streams import Column, Streams, sampler_of, uniform


class Tree:
    """The root: knows the services and makes the nodes as they are first needed."""

    def __init__(self, streams: Streams, services: Mapping[str, Service]) -> None:
        self.streams = streams
        self.services = services
        self.samplers = {name: sampler_of(service.work) for name, service in services.items()}

    def calls(self, path: str, calls: Mapping[str, Call]) -> tuple[CallLuck, ...]:
        """Return a node for each of `calls`, which the entity at `path` makes."""
        return tuple(CallLuck(self, f"{path}/{name}", name) for name in calls)


class CallLuck:
    """The luck of one call: of its attempts, and of its fallback."""

    __slots__ = ("_attempts", "_path", "_tree", "fallback", "service")

    def __init__(self, tree: Tree, path: str, service: str) -> None:
        self._tree = tree
        self._path = path
        self.service = service
        self._attempts: list[AttemptLuck] = []
        self.fallback: Column = tree.streams.column(path, "fallback", uniform)

    def attempt(self, retry: int) -> AttemptLuck:
        """Return the node of the first attempt (0), the first retry (1), …"""
        try:
            return self._attempts[retry]
        except IndexError:
            while len(self._attempts) <= retry:
                path = f"{self._path}/{len(self._attempts)}"
                self._attempts.append(AttemptLuck(self._tree, path, self.service))
            return self._attempts[retry]


class AttemptLuck:
    """The luck of one attempt: its work, its lots, and the calls made on its behalf."""

    __slots__ = ("_lots", "_path", "_tree", "calls", "errors", "jitter", "work")

    def __init__(self, tree: Tree, path: str, service: str) -> None:
        self._tree = tree
        self._path = path
        self._lots: dict[str, Column] = {}
        self.work: Column = tree.streams.column(path, "work", tree.samplers[service])
        self.errors: Column = tree.streams.column(path, "errors", uniform)
        self.jitter: Column = tree.streams.column(path, "jitter", uniform)
        self.calls: tuple[CallLuck, ...] = tree.calls(path, tree.services[service].calls)

    def lot(self, label: str, request: int) -> float:
        """Return request number `request`'s lot for the fault of that label, in [0, 1)."""
        column = self._lots.get(label)
        if column is None:
            column = self._tree.streams.column(self._path, f"fault:{label}", uniform)
            self._lots[label] = column
        return column.at(request)
