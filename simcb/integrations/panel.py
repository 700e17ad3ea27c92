"""One page for services under trial: how they fare, their breakers, and buttons for trouble.

The page is one file that fetches nothing but its own state. A browser lets it run only the script
and the style that are in it; names are put into it as text. Another site's page can neither read
the state nor press a button: what asks has to have this page's own address.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Final, Protocol
from urllib.parse import urlsplit

from simcb.errors import MissingExtraError

try:
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
    from starlette.routing import Route
except ImportError as error:
    raise MissingExtraError("starlette", "serve") from error

SHOWN: Final = 180
"""How many steps of the past are shown."""

MOST_EVENTS: Final = 50

TROUBLES: Final = ("hang", "slow", "stop")
ACTIONS: Final = (*TROUBLES, "heal")
"""What can be done to a service: three kinds of trouble, and the end of any."""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """How a service fares.

    Args:
        name: its name.
        url: where it answers.
        trouble: what is wrong with it, in a word or two; "" if nothing is.
        facts: other things worth showing, each a name and a value.
        actions: what can be done to it.
    """

    name: str
    url: str
    trouble: str
    facts: tuple[tuple[str, str], ...] = ()
    actions: tuple[str, ...] = ACTIONS


@dataclass(frozen=True, slots=True)
class BreakerState:
    """What a breaker is at.

    Args:
        name: its name.
        state: `closed`, `open` or `half_open`.
        admitted: calls it has let through.
        rejected: calls it has not.
        failures: those that failed.
    """

    name: str
    state: str
    admitted: int
    rejected: int
    failures: int


class Source(Protocol):
    """What a panel shows and does."""

    title: str
    about: str

    def now(self) -> tuple[float, float | None]:
        """Return the seconds since the beginning, and those at the end if there is one."""

    def services(self) -> Iterable[ServiceState]:
        """Return how the services fare now."""

    def breakers(self) -> Iterable[BreakerState]:
        """Return what the breakers are at now."""

    async def act(self, service: str, action: str) -> None:
        """Do one of `ACTIONS` to a service.

        Raises:
            KeyError: there is no such service.
        """


class History:
    """How many requests came to what, in each second of the last minutes, and what breakers did."""

    def __init__(self) -> None:
        self._steps: dict[str, deque[tuple[int, dict[str, int]]]] = {}
        self._events: deque[tuple[float, str, str, str]] = deque(maxlen=MOST_EVENTS)

    def count(self, now: float, service: str, word: str) -> None:
        """Count a request to a service that came to `word` at `now`, seconds."""
        second = int(now)
        steps = self._steps.setdefault(service, deque(maxlen=SHOWN + 1))
        if not steps or steps[-1][0] < second:
            steps.append((second, {}))
        counts = steps[-1][1]
        counts[word] = counts.get(word, 0) + 1

    def changed(self, now: float, breaker: str, before: str, after: str) -> None:
        """Take note that a breaker changed its state."""
        self._events.appendleft((now, breaker, before, after))

    def as_dict(self, now: float) -> dict[str, object]:
        """Return the last minutes, the newest change of a breaker first."""
        first = int(now) - SHOWN
        steps = {
            name: [[second, counts] for second, counts in known if second > first]
            for name, known in self._steps.items()
        }
        return {"shown": SHOWN, "steps": steps, "events": list(self._events)}


def panel_routes(
    source: Source, history: History, hosts: Sequence[str], path: str = "/"
) -> list[Route]:
    """Return the routes of a panel: the page, its state, and what its buttons do.

    Args:
        source: what is shown.
        history: what has been counted.
        hosts: the names by which the page may be asked for; "*" for any.
        path: where the page is, ending with a slash.
    """

    def own(
        endpoint: Callable[[Request], Awaitable[Response]],
    ) -> Callable[..., Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            host = request.headers.get("host", "")
            origin = request.headers.get("origin")
            known = "*" in hosts or (urlsplit(f"//{host}").hostname or "") in hosts
            if not known or (origin is not None and origin != f"{request.url.scheme}://{host}"):
                return PlainTextResponse("this page answers only itself\n", 403)
            return await endpoint(request)

        return guarded

    async def show(_: Request) -> Response:
        text, policy = _page()
        return HTMLResponse(
            text,
            headers={
                "Content-Security-Policy": policy,
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
            },
        )

    async def state(_: Request) -> Response:
        now, until = source.now()
        return JSONResponse(
            {
                "title": source.title,
                "about": source.about,
                "now": now,
                "until": until,
                "services": [asdict(each) for each in source.services()],
                "breakers": [asdict(each) for each in source.breakers()],
                **history.as_dict(now),
            },
            headers={"Cache-Control": "no-store"},
        )

    async def act(request: Request) -> Response:
        service, action = request.path_params["service"], request.path_params["action"]
        if action not in ACTIONS:
            known = ", ".join(ACTIONS)
            return PlainTextResponse(f"unknown: {action}; there are: {known}\n", 404)
        try:
            await source.act(service, action)
        except KeyError:
            known = ", ".join(each.name for each in source.services())
            return PlainTextResponse(f"no such service: {service}; there are: {known}\n", 404)
        return JSONResponse({"service": service, "action": action})

    return [
        Route(path, own(show)),
        Route(f"{path}state", own(state)),
        Route(f"{path}services/{{service}}/{{action}}", own(act), methods=["POST"]),
    ]


@cache
def _page() -> tuple[str, str]:
    """Return the page and the policy by which a browser runs only what is in it."""
    text = resources.files("simcb.integrations").joinpath("panel.html").read_text("utf-8")
    script, style = (_hashes(text, tag) for tag in ("script", "style"))
    return text, (
        f"default-src 'none'; img-src data:; script-src {script}; style-src {style}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hashes(text: str, tag: str) -> str:
    blocks = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    digests = (hashlib.sha256(block.encode()).digest() for block in blocks)
    return " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in digests)
