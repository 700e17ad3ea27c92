"""Named streams of random numbers that do not depend on who draws first.

A stream is named by the replicate, the entity and what it decides. Its numbers are drawn in
fixed blocks by a counter-based generator keyed with a hash of that name, so the n-th number
is a function of the name and n alone: no draw in one place can move a draw in another, and
two variants of a scenario meet the same numbers (common random numbers).

The n-th request of a group meets the same demand at the k-th attempt of a call whatever
happened before it. So attempts are found in a tree: a user attempt has its calls, a call has its
attempts, an attempt has the calls that serving it makes. Each node holds streams, and the
request's number in its group is the index into all of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from hashlib import blake2b
from struct import unpack
from typing import Any

from numpy.random import Generator, Philox

from simcb.scenario.calls import Call
from simcb.scenario.model import Service
from simcb.scenario.retries import MOST_RETRIES
from simcb.trace import Flag
from simcb.world.samplers import Floats, Sampler, at_once, sampler_of, uniform, zipf

BLOCK_BITS = 9
BLOCK = 1 << BLOCK_BITS
_MASK = BLOCK - 1
_HEDGE = int(Flag.HEDGE)
_LEAST_KEPT_BLOCKS = 64
_KEPT_ROUNDS = 24
"""How many requests a closed group's fastest user may be ahead of its slowest before numbers
have to be drawn again; a block takes 4 kB."""


class Column:
    """One stream's numbers by index, drawn a block at a time and forgotten when old.

    At hand are the `_values` from index `_first` on, of the block that was asked for last.
    """

    __slots__ = ("_blocks", "_draws", "_first", "_kept", "_key", "_sampler", "_values")

    _values: array[float]

    def __init__(self, draws: Draws, key: tuple[int, int], sampler: Sampler, kept: int) -> None:
        self._draws = draws
        self._key = key
        self._sampler = sampler
        self._kept = kept
        self._blocks: dict[int, array[float]] = {}
        self._first = -BLOCK

    def at(self, index: int) -> float:
        """Return number `index` of the stream, the same whenever it is asked for."""
        place = index - self._first
        if 0 <= place <= _MASK:
            return self._values[place]
        block = index >> BLOCK_BITS
        values = self._blocks.get(block)
        if values is None:
            values = self._drawn(block)
        self._values = values
        self._first = block << BLOCK_BITS
        return values[index & _MASK]

    def _drawn(self, block: int) -> array[float]:
        """Draw a block that is not at hand, in the place of the oldest if there are too many."""
        if len(self._blocks) >= self._kept:
            del self._blocks[next(iter(self._blocks))]
        values = self._blocks[block] = array("d", self.block(block).tobytes())
        return values

    def block(self, block: int) -> Floats:
        """Return the `BLOCK` numbers of block number `block`, shape (BLOCK,)."""
        return self._sampler(self._draws.at(self._key, block), BLOCK)


class Draws:
    """A counter-based generator that begins where it is told: to make another one is dear."""

    def __init__(self) -> None:
        self._philox = Philox(0)
        self._generator = Generator(self._philox)

    def at(self, key: tuple[int, int], block: int) -> Generator:
        """Return the generator of a key, its low word first, at the beginning of a block."""
        state: Any = {
            "bit_generator": "Philox",
            "state": {"counter": (0, 0, block, 0), "key": key},
            "buffer": _NO_BUFFER,
            "buffer_pos": len(_NO_BUFFER),
            "has_uint32": 0,
            "uinteger": 0,
        }
        self._philox.state = state
        return self._generator


_NO_BUFFER = (0, 0, 0, 0)


class Streams:
    """The streams of one replicate.

    Args:
        seed: the user's seed.
        replicate: which replicate, from 0.
        spread: how far apart the indexes in use at one time may be; a closed group's users
            ask at their own pace, so theirs are as far apart as there are users.
    """

    def __init__(self, seed: int, replicate: int, spread: int = 0) -> None:
        self._prefix = f"{seed}/{replicate}/"
        self._draws = Draws()
        self._kept = _LEAST_KEPT_BLOCKS + _KEPT_ROUNDS * (spread >> BLOCK_BITS)

    def column(self, path: str, purpose: str, sampler: Sampler) -> Column:
        """Return the stream that decides `purpose` for the entity at `path`."""
        name = f"{self._prefix}{path}#{purpose}".encode()
        low, high = unpack("<QQ", blake2b(name, digest_size=16).digest())
        return Column(self._draws, (low, high), sampler, self._kept)


class GroupStreams:
    """The streams of a client group: those of its users, whom a sticky fault strikes for good.

    Args:
        tree: where streams come from.
        path: the group's path.
        users: how many users a closed group has; None where each request is another user.
    """

    def __init__(self, tree: StreamTree, path: str, users: int | None) -> None:
        self.tree = tree
        self.path = path
        self._users = users
        self._draws: dict[str, Column] = {}

    def draw(self, label: str, request: int) -> float:
        """Return the draw that the user of request number `request` has for a sticky fault."""
        column = self._draws.get(label)
        if column is None:
            column = self.tree.streams.column(self.path, f"fault:{label}", uniform)
            self._draws[label] = column
        return column.at(request if self._users is None else request % self._users)

    def calls(self, path: str, calls: Mapping[str, Call]) -> tuple[CallStreams, ...]:
        """Return a node for each of `calls`, which the entity at `path` makes."""
        return tuple(
            CallStreams(self, f"{path}/{name}", call.target(name), call)
            for name, call in calls.items()
        )


class StreamTree:
    """What all client groups share: the streams of the run and the laws of its services."""

    def __init__(self, streams: Streams, services: Mapping[str, Service]) -> None:
        self.streams = streams
        self.services = services
        self.samplers = {name: sampler_of(service.work) for name, service in services.items()}


class CallStreams:
    """The streams of one call: whether it is needed, for what, its attempts, its fallback."""

    __slots__ = (
        "_call",
        "_group",
        "_path",
        "_service",
        "attempts",
        "fallback",
        "hedges",
        "item",
        "key",
        "needed",
    )

    def __init__(self, group: GroupStreams, path: str, service: str, call: Call) -> None:
        self._group = group
        self._path = path
        self._service = service
        self._call = call
        self.attempts: list[AttemptStreams] = []
        self.hedges: dict[tuple[int, int], AttemptStreams] = {}
        column = group.tree.streams.column
        self.needed: Column = column(path, "needed", uniform)
        self.fallback: Column = column(path, "fallback", uniform)
        cache = None if call.fallback is None else call.fallback.cache
        if cache is not None:
            self.key: Column = column(path, "key", zipf(cache.keys, cache.zipf))
        if call.cache is not None:
            self.item: Column = column(path, "key", zipf(call.cache.keys, call.cache.zipf))

    def attempt(self, retry: int) -> AttemptStreams:
        """Return the node of the first attempt (0), the first retry (1), …

        There are as many as a number of retries can say; who retries for ever meets them again
        and again.
        """
        retry %= MOST_RETRIES + 1
        while len(self.attempts) <= retry:
            path = f"{self._path}/{len(self.attempts)}"
            self.attempts.append(AttemptStreams(self._group, path, self._service, self._call))
        return self.attempts[retry]

    def hedge(self, retry: int, nth: int) -> AttemptStreams:
        """Return the node of the first (1), second (2), … hedge of an attempt."""
        place = (retry % (MOST_RETRIES + 1), nth)
        node = self.hedges.get(place)
        if node is None:
            path = f"{self._path}/{place[0]}/hedge/{nth}"
            node = AttemptStreams(self._group, path, self._service, self._call, _HEDGE)
            self.hedges[place] = node
        return node


class AttemptStreams:
    """The streams of one attempt: its work, its ways, its draws, and the calls it leads to.

    Attributes:
        flags: what its row is marked with from the beginning.
    """

    __slots__ = (
        "_draws",
        "_group",
        "_path",
        "balance",
        "calls",
        "errors",
        "flags",
        "jitter",
        "reply",
        "send",
        "throttle",
        "work",
    )

    def __init__(
        self, group: GroupStreams, path: str, service: str, call: Call, flags: int = 0
    ) -> None:
        tree = group.tree
        self.flags = flags
        column = tree.streams.column
        self._group = group
        self._path = path
        self._draws: dict[str, Column] = {}
        self.work: Column = column(path, "work", tree.samplers[service])
        self.errors: Column = column(path, "errors", uniform)
        self.jitter: Column = column(path, "jitter", uniform)
        self.balance: Column = column(path, "balance", uniform)
        self.throttle: Column = column(path, "throttle", uniform)
        way: Sampler = at_once if call.network is None else sampler_of(call.network)
        self.send: Column = column(path, "send", way)
        self.reply: Column = column(path, "reply", way)
        self.calls: tuple[CallStreams, ...] = group.calls(path, tree.services[service].calls)

    def draw(self, label: str, request: int, sticky: bool) -> float:
        """Return request number `request`'s draw for the fault of that label, in [0, 1).

        A sticky fault strikes a user for good: every attempt of theirs draws the same draw.
        """
        if sticky:
            return self._group.draw(label, request)
        column = self._draws.get(label)
        if column is None:
            column = self._group.tree.streams.column(self._path, f"fault:{label}", uniform)
            self._draws[label] = column
        return column.at(request)
