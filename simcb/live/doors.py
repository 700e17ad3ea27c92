"""The door of a service: a request of HTTP comes in, and what the service makes of it goes out.

The path, the method and the body decide nothing, except that GET /metrics asks for the numbers.
Who asks may be said by headers:

    Simcb-Caller: shop      as this caller, for faults on a link and for priorities
    Simcb-User: 17          as this user, for faults that strike the same users each time
    Simcb-Replica: 1        this replica, whatever the balancer would choose

200 is a good answer; 500 says that the service failed, 503 that one which it depends on did; 429,
with Retry-After, that it lets nobody in; where it refuses, the connection is reset. `X-Degraded`
marks what a fallback answered somewhere below.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from simcb.live.stage import Stage
from simcb.live.visits import DoorSite, Outside, OutsideStreams, Visit
from simcb.live.ways import ATTEMPT
from simcb.outcomes import AttemptOutcome
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import Service
from simcb.trace import Flag
from simcb.world.replicas import Replica
from simcb.world.routing import BALANCERS
from simcb.world.tasks import DEGRADED, ERROR, OK, REFUSED, THROTTLED

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
SendBack = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Resets = Callable[[Scope], bool]
Counts = Callable[[str, str, float], None]

CALLER, USER, REPLICA = "simcb-caller", "simcb-user", "simcb-replica"
RETRY_AFTER_MS = "retry-after-ms"
"""Retry-After has whole seconds; this has the time itself, in milliseconds."""

_LOST = int(Flag.LOST)
_WORDS = {
    OK: AttemptOutcome.OK.value,
    ERROR: AttemptOutcome.ERROR.value,
    REFUSED: AttemptOutcome.REFUSED.value,
    THROTTLED: AttemptOutcome.THROTTLED.value,
}
GONE = "gone"
"""Instead of an outcome: who asked did not wait for it."""
_LEAVING = -1
_ON = struct.pack("ii", 1, 0)


class Door:
    """One service's side of HTTP.

    Args:
        stage: where the service is at work.
        name: the service.
        resets: breaks the connection that a request has come by, if it can.
        count: told of the service, what became of a request, and the seconds it took.
    """

    def __init__(self, stage: Stage, name: str, resets: Resets, count: Counts) -> None:
        self.name = name
        self._stage = stage
        self._resets = resets
        self._count = count
        self._replicas = stage.world.replicas(name)
        service = stage.scenario.services[name]
        self._balancer = BALANCERS[service.balance](self._replicas)
        clients = stage.scenario.clients
        self._priorities = {each: group.priority for each, group in clients.items()}
        asking = [each for each, group in clients.items() if _asks(group, name)]
        services = [each for each, spec in stage.scenario.services.items() if _asks(spec, name)]
        self._callers = {*asking, *services}
        self._usual = asking[0] if len(asking) == 1 else ""
        self._streams = OutsideStreams(stage.world.tree, name)
        self._sites: dict[str, DoorSite] = {}
        self._number = 0

    async def __call__(self, scope: Scope, receive: Receive, send: SendBack) -> None:
        """Serve one request."""
        headers = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]
        }
        stage = self._stage
        came = stage.sync()
        heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def hear(visit: Visit, outcome: int) -> None:
            if not heard.done():
                visit.answered = stage.clock.now
                heard.set_result(outcome)

        visit, replica = self._visit(headers, hear, came)
        if visit is None:
            return await _gone(receive)
        gone = asyncio.ensure_future(_gone(receive))
        gone.add_done_callback(lambda _: hear(visit, _LEAVING))
        try:
            self._offer(visit, replica, came)
            outcome = await heard
            if outcome == _LEAVING:
                self._leave(visit, replica)
                return None
            left = stage.sync()
            self._count(self.name, _WORDS[outcome], left - came)
            if outcome == REFUSED and self._resets(scope):
                await gone  # It is, at once.
                return None
            await _reply(send, self.name, visit, outcome)
        except asyncio.CancelledError:
            self._leave(visit, replica)
            raise
        finally:
            self._streams.users.pop(visit.number, None)
            gone.cancel()

    def _offer(self, visit: Visit, replica: Replica, now: float) -> None:
        if replica.loses_attempts and replica.loses(visit, now):
            visit.flags |= _LOST
            visit.finished = True
        else:
            turned_away = replica.offer(visit, now)
            if turned_away:
                visit.finished = True
                visit.hear(visit, turned_away)
        self._stage.arm()

    def _leave(self, visit: Visit, replica: Replica) -> None:
        """Let the service learn that whoever asked has gone."""
        now = self._stage.sync()
        self._count(self.name, GONE, now - visit.since)
        if not visit.finished:
            visit.settled = True
            if visit.owed:
                replica.abandoned(visit)
        self._stage.arm()

    def _visit(
        self, headers: dict[str, str], hear: Callable[[Visit, int], None], now: float
    ) -> tuple[Visit | None, Replica]:
        ways, own = self._stage.ways, headers.get(ATTEMPT, "")
        if ways.knows(own):
            origin = ways.arrived(own)
            if origin is None:
                return None, self._replicas[0]
            replica = self._replicas[origin.replica_index - self._replicas[0].index]
            site = self._site(origin.site.caller)
            visit = Visit(site, origin.task, origin.node, replica, origin, hear, now)
            ways.met(visit)
            return visit, replica
        number = self._number
        self._number = number + 1
        user = headers.get(USER, "")
        if user.isascii() and user.isdecimal() and len(user) < 10:
            self._streams.users[number] = int(user)
        named = headers.get(CALLER, "")
        caller = named if named in self._callers else self._usual
        task = Outside(self._priorities.get(caller, 0)).task(number, now)
        node = self._streams.node
        replica = self._chosen(headers.get(REPLICA, ""), number)
        return Visit(self._site(caller), task, node, replica, None, hear, now), replica

    def _chosen(self, wanted: str, number: int) -> Replica:
        if wanted.isascii() and wanted.isdecimal() and len(wanted) < 10:
            place = int(wanted)
            if place < len(self._replicas):
                return self._replicas[place]
        picked = self._balancer.pick(self._streams.node, number)
        assert isinstance(picked, Replica)
        return picked

    def _site(self, caller: str) -> DoorSite:
        if caller not in self._sites:
            self._sites[caller] = DoorSite(caller, self._stage.ledger)
        return self._sites[caller]


def _asks(caller: ClientGroup | Service, service: str) -> bool:
    """Tell whether a caller asks a service."""
    return any(call.target(name) == service for name, call in caller.calls.items())


async def _gone(receive: Receive) -> None:
    """Wait until whoever asked has gone; what else they send is not read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _reply(send: SendBack, service: str, visit: Visit, outcome: int) -> None:
    status = 200
    headers = [(b"content-type", b"application/json")]
    if outcome == ERROR:
        status = 500 if visit.fails else 503
    elif outcome == THROTTLED:
        status = 429
        if visit.retry_after:
            whole, exact = math.ceil(visit.retry_after), round(1000 * visit.retry_after)
            headers.append((b"retry-after", str(whole).encode()))
            headers.append((RETRY_AFTER_MS.encode(), str(exact).encode()))
    elif outcome == REFUSED:
        status = 503
        headers.append((b"connection", b"close"))
    if visit.flags & DEGRADED:
        headers.append((b"x-degraded", b"true"))
    body = json.dumps({"service": service, "outcome": _WORDS[outcome]}).encode()
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def reset(transport: asyncio.Transport) -> None:
    """Break a connection so that the other side sees it reset, as if nobody listened."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ON)
    transport.abort()
