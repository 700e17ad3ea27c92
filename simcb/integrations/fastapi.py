"""What a FastAPI application says when a breaker is open, and how a route gets a breaker.

    app = FastAPI()
    answer_rejections(app)                      # an open breaker is a 503 with Retry-After
    answer_failures(app, httpx.HTTPError)       # and so is a failure before it has opened

    @app.get("/checkout", dependencies=[guarded_by(payments)])
    async def checkout() -> Receipt: ...

A rejected call becomes 503 with `Retry-After` and a problem document (RFC 9457), from
wherever in the application the `CircuitOpenError` comes: a guard, a decorated function, a
guarded httpx transport. An answer that is not quite what was asked for, such as a cached one,
is marked with `mark_degraded`.

A breaker is also a decorator, so `@app.get(…)` above `@payments` works as well. It sees an
`HTTPException(404)` as the exception it is and would count it, unless it is told as much of
HTTP as the dependency knows:

    payments = CircuitBreaker("payments", ignore=is_client_error)

A WebSocket gets the 503 instead of its handshake, or once it is open the close code 1013. What
happens after a response has begun, in a streamed body or a background task, can change no status
any more: Starlette turns a rejection there into "response already started". So ask
before returning the response, and guard a background task by `breaker.call` and its own `except`;
the guard of its route has settled by then, as a success if the route returned.

It knows HTTP answers only; which breaker stands before which upstream is the application's
business.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, Final

from simcb.breaker import (
    BulkheadFullError,
    CircuitBreaker,
    CircuitOpenError,
    ParameterError,
    Permit,
)
from simcb.breaker.nesting import enter, leave
from simcb.errors import MissingExtraError
from simcb.integrations import encodable
from simcb.integrations.transports import SERVER_ERROR, TOO_MANY_REQUESTS

try:
    from fastapi import Depends, FastAPI, Request, Response, WebSocket, params
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException  # FastAPI's own is one of these
    from starlette.websockets import WebSocketState
except ImportError as error:
    raise MissingExtraError("fastapi", "fastapi") from error

DEGRADED_HEADER: Final = "X-Degraded"
"""The response header of an answer that had to be made without its upstream."""

LONGEST_WAIT: Final = 86_400
"""Seconds in the longest `Retry-After`, a day: whoever comes back later comes back anyway."""

TRY_AGAIN_LATER: Final = 1013
"""What a WebSocket is closed with, once it is open and no status can be sent any more."""

PROBLEM_JSON: Final = "application/problem+json"

_log = logging.getLogger("simcb.integrations")


def retry_after_header(seconds: float) -> str:
    """Returns the value of `Retry-After`: whole seconds, rounded up, from 1 to a day.

    What is no number of seconds, NaN, gives 1.
    """
    return str(math.ceil(min(max(1.0, seconds), LONGEST_WAIT)))  # max(1.0, nan) is 1.0


def unavailable_response(why: str, retry_after: float, *, breaker: str | None = None) -> Response:
    """Returns a 503 that tells a client why and when to come back.

    The body is a problem document with `type`, `title`, `status`, `detail`, `retry_after`
    (seconds, the same whole number as in the header) and, if given, `breaker`.

    Args:
        why: one sentence for the client.
        retry_after: seconds until it is worth asking again.
        breaker: the name of the breaker that is open; what UTF-8 cannot carry is escaped.
    """
    wait = retry_after_header(retry_after)
    body: dict[str, str | int] = {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": encodable(f"{why} Try again in {wait} s."),
        "retry_after": int(wait),
    }
    if breaker is not None:
        body["breaker"] = encodable(breaker)
    return JSONResponse(
        body,
        status_code=503,
        headers={"Retry-After": wait, "Cache-Control": "no-store"},
        media_type=PROBLEM_JSON,
    )


def rejection_response(
    error: CircuitOpenError | BulkheadFullError, *, name_breaker: bool = True
) -> Response:
    """Returns the 503 for a call that a breaker or a bulkhead has rejected.

    Args:
        error: the rejection; a full bulkhead suggests to come back after a second.
        name_breaker: False leaves the breaker's name out, which is the host's name where
            breakers are per host, and clients outside may have no business knowing it.
    """
    why, wait = "As many requests as this service can bear are running already.", 0.0
    if isinstance(error, CircuitOpenError):
        wait = error.retry_after
        why = "The service this request needs is failing and is being left alone."
        if error.forced:
            why = "The service this request needs has been switched off."
        elif not wait:
            why = "The service this request needs has failed and is being tried again."
    return unavailable_response(why, wait, breaker=error.name if name_breaker else None)


def answer_rejections(app: FastAPI, *, name_breaker: bool = True) -> None:
    """Makes an application answer 503 wherever an open breaker or a full bulkhead rejects.

    Args:
        app: the application; call this once for each, mounted ones included.
        name_breaker: as in `rejection_response`.
    """

    async def answer(asked: Request | WebSocket, error: Exception) -> Response | None:
        assert isinstance(error, (CircuitOpenError, BulkheadFullError))
        return await _said_to(asked, rejection_response(error, name_breaker=name_breaker))

    _answer(app, (CircuitOpenError, BulkheadFullError), answer)


async def _said_to(asked: Request | WebSocket, response: Response) -> Response | None:
    """Returns what is to be sent; a WebSocket that is open takes none, and is closed instead."""
    if isinstance(asked, WebSocket) and asked.application_state is WebSocketState.CONNECTED:
        await asked.close(TRY_AGAIN_LATER)
        return None
    return response


def _answer(app: FastAPI, kinds: Iterable[type[Exception]], answer: Any) -> None:
    # To Starlette's types a handler is one of requests or one of WebSockets, and never both.
    for kind in kinds:
        app.add_exception_handler(kind, answer)


def answer_failures(
    app: FastAPI,
    *kinds: type[Exception],
    why: str = "The service this request needs does not answer.",
    retry_after: float = 1.0,
) -> None:
    """Makes an application answer 503 to an upstream's failures before its breaker opens, too.

        answer_failures(app, httpx.HTTPError)

    Each is logged as a warning, which an unhandled exception would have been. One that has a
    response below 500 other than 429, as `raise_for_status` raises it, stays unhandled, hence
    a 500: this application has asked wrongly, and asking again would not help. Beware
    that a rejected call was never made, but a failed one may have had its effect; that matters
    to whoever repeats a POST.

    Args:
        app: the application; call this once for each, mounted ones included.
        kinds: the exceptions by which the upstream's client says that it failed.
        why: one sentence for the client.
        retry_after: seconds until it is worth asking again.

    Raises:
        ParameterError: if there are no kinds, or one is not narrower than Exception: a bug of
            the application's own is no outage of an upstream's.
    """
    for kind in kinds or (None,):
        if not isinstance(kind, type) or kind is Exception or not issubclass(kind, Exception):
            allowed = "kinds of exceptions narrower than Exception, such as httpx.HTTPError"
            raise ParameterError("kinds", kind, allowed)

    async def answer(asked: Request | WebSocket, error: Exception) -> Response | None:
        if isinstance(error, (CircuitOpenError, BulkheadFullError)):
            return await _said_to(asked, rejection_response(error, name_breaker=False))
        if _is_our_mistake(error):
            raise error
        method = asked.scope.get("method", "WebSocket")
        _log.warning("%s %r is answered with 503: %r", method, asked.url.path, error)
        return await _said_to(asked, unavailable_response(why, retry_after))

    _answer(app, kinds, answer)


def _is_our_mistake(error: Exception) -> bool:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return isinstance(status, int) and status < SERVER_ERROR and status != TOO_MANY_REQUESTS


def is_client_error(error: BaseException) -> bool:
    """Whether an exception answers the client and says nothing about the upstream.

    It does if it is an `HTTPException` below 500, Starlette's or FastAPI's, or a request that
    does not validate.
    """
    if isinstance(error, HTTPException):
        return error.status_code < SERVER_ERROR
    return isinstance(error, RequestValidationError)


@dataclass(frozen=True, slots=True)
class Guard:
    """A dependency that lets a request into its route only with the breaker's permit.

    The permit is settled by how the route ends: a return is a success; what `is_client_error`
    says nothing about the upstream; any other `HTTPException` is a failure; anything else is
    judged by the breaker's parameters. A route that *returns* an error, or knows better,
    takes the permit as a parameter and settles it itself:

        async def checkout(permit: Annotated[Permit, guarded_by(payments)]) -> Response:
            …
            permit.failure()

    Guards of one breaker are equal, so FastAPI asks for one permit a request however often
    the route and its routers name them: a second one would take a probe's only place.
    """

    breaker: CircuitBreaker

    def __post_init__(self) -> None:
        if not isinstance(self.breaker, CircuitBreaker):
            raise ParameterError("breaker", self.breaker, "a CircuitBreaker")

    async def __call__(self) -> AsyncIterator[Permit]:
        """Yields the permit to the route; rejects the request if there is none."""
        permit = self.breaker.acquire()
        mark = enter(permit)
        try:
            yield permit
            permit.success()
        except BaseException as error:
            _settle(permit, error)
            raise
        finally:
            leave(mark)


def _settle(permit: Permit, error: BaseException) -> None:
    if is_client_error(error):
        permit.ignore()
    elif isinstance(error, HTTPException):
        permit.failure(error)
    else:
        permit.raised(error)


def guarded_by(breaker: CircuitBreaker) -> params.Depends:
    """Returns the dependency that guards a route, for `dependencies=[…]` or `Annotated`.

    It settles when the route has returned, before the response is sent: a slow client does
    not make the upstream look slow.

    Raises:
        ParameterError: if this is no breaker.
    """
    depends: params.Depends = Depends(Guard(breaker), scope="function")
    return depends


def mark_degraded(response: Response) -> None:
    """Marks a response as made without its upstream, from cached data or a default.

        answer = await prices.ask_async(fetch_price, article)    # prices is a CachedFallback
        if answer.stale:
            mark_degraded(response)

    Adds `X-Degraded: true`, and `Cache-Control: no-store` so that no cache on the way keeps
    it after the upstream is back.

    Args:
        response: the response to mark, before it is sent; where a route returns one of its own,
            that one, because FastAPI then drops the headers of the one it has handed in.
    """
    response.headers[DEGRADED_HEADER] = "true"
    response.headers["Cache-Control"] = "no-store"


def describe_rejections() -> dict[int | str, dict[str, Any]]:
    """Returns the 503 for a route's `responses=`, so that the API's documentation has it."""
    return {
        503: {
            "description": "A service this request needs is failing; come back later.",
            "headers": {
                "Retry-After": {
                    "description": "Seconds until it is worth asking again.",
                    "schema": {"type": "integer", "minimum": 1},
                }
            },
            "content": {PROBLEM_JSON: {"schema": {"type": "object"}}},
        }
    }


__all__ = [
    "DEGRADED_HEADER",
    "Guard",
    "answer_failures",
    "answer_rejections",
    "describe_rejections",
    "guarded_by",
    "is_client_error",
    "mark_degraded",
    "rejection_response",
    "retry_after_header",
    "unavailable_response",
]
