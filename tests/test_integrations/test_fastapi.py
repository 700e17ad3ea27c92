"""A FastAPI application with breakers in it: what clients are told, and what is counted."""

import asyncio
import json
import math
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Response, WebSocket
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from test_integrations.http_clients import Clock

from simcb.breaker import (
    BreakerRegistry,
    Bulkhead,
    BulkheadFullError,
    CachedFallback,
    CircuitBreaker,
    CircuitOpenError,
    CircuitState,
    ParameterError,
    Permit,
)
from simcb.integrations.fastapi import (
    DEGRADED_HEADER,
    Guard,
    answer_failures,
    answer_rejections,
    describe_rejections,
    guarded_by,
    is_client_error,
    mark_degraded,
    retry_after_header,
    unavailable_response,
)
from simcb.integrations.httpx import BreakerTransport


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def payments(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("payments", failure_threshold=2, recovery_timeout=10.0, clock=clock)


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    answer_rejections(app)
    return app


def ask(app: FastAPI, path: str, method: str = "GET") -> httpx.Response:
    """Ask the application without a socket; an unhandled exception becomes its 500."""

    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.request(method, path)

    return asyncio.run(once())


def counts(breaker: CircuitBreaker) -> tuple[int, int, int]:
    seen = breaker.snapshot()
    return seen.successes, seen.failures, seen.ignored


def open_up(breaker: CircuitBreaker) -> None:
    while breaker.state is not CircuitState.OPEN:
        breaker.acquire().failure()


@pytest.mark.parametrize(
    ("seconds", "header"),
    [
        (0.0, "1"),
        (0.2, "1"),
        (1.0, "1"),
        (1.0001, "2"),
        (59.01, "60"),
        (1e9, "86400"),
        (math.inf, "86400"),
        (-math.inf, "1"),
        (-3.0, "1"),
        (math.nan, "1"),
    ],
)
def test_retry_after_is_whole_seconds_rounded_up_from_one_to_a_day(seconds, header):
    """A client that obeys never comes too early nor spins on a zero, and nothing raises."""
    assert retry_after_header(seconds) == header


def test_an_open_breaker_becomes_503_with_retry_after_and_a_problem_document(app, payments, clock):
    """Header and body say the same thing, for machines and for people."""

    @app.get("/checkout")
    async def checkout() -> str:
        return payments.call(str, "paid")

    open_up(payments)
    clock.now += 2.5
    answer = ask(app, "/checkout")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "8"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "The service this request needs is failing and is being left alone. "
        "Try again in 8 s.",
        "retry_after": 8,
        "breaker": "payments",
    }


def test_the_breakers_name_can_be_kept_from_clients(payments):
    """The name of an inner host is nobody's business outside."""
    app = FastAPI()
    answer_rejections(app, name_breaker=False)

    @app.get("/checkout", dependencies=[guarded_by(payments)])
    async def checkout() -> None: ...

    open_up(payments)
    answer = ask(app, "/checkout")
    assert answer.status_code == 503
    assert "breaker" not in answer.json()
    assert "payments" not in answer.text


@pytest.mark.parametrize("name", ["\ud800", "caf\udce9", "\r\nX-Evil: 1", "ünï ☃", "\0"], ids=ascii)
@pytest.mark.parametrize("rejects", [CircuitOpenError, BulkheadFullError])
def test_any_name_is_answered_with_503(app, rejects, name):
    """One that no encoding takes is escaped, where the name came from a stranger's JSON."""

    @app.get("/checkout")
    async def checkout() -> None:
        raise rejects(name, math.nan, False)

    answer = ask(app, "/checkout")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["breaker"] == name.encode("utf-8", "backslashreplace").decode()
    assert "X-Evil" not in answer.headers


def test_a_reason_that_no_encoding_takes_is_escaped_too():
    """An application may put what it was sent into its sentence."""
    answer = unavailable_response("\ud800 is not there.", 1.0)
    assert json.loads(answer.body)["detail"] == "\\ud800 is not there. Try again in 1 s."


def test_a_full_bulkhead_becomes_503_too(app):
    """Too many requests at once are to come back in a second."""
    narrow = Bulkhead(1)

    @app.get("/checkout")
    async def checkout() -> None:
        with narrow.acquire():
            pass

    with narrow.acquire():
        answer = ask(app, "/checkout")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert ask(app, "/checkout").status_code == 200


def test_a_rejection_by_a_guarded_http_client_becomes_503(app, clock):
    """The breaker may be anywhere below the route."""
    transport = BreakerTransport(
        httpx.MockTransport(lambda request: httpx.Response(500)),
        breakers=BreakerRegistry(lambda name: CircuitBreaker(name, clock=clock)),
    )

    @app.get("/checkout")
    def checkout() -> int:
        with httpx.Client(transport=transport) as client:
            return client.get("http://payments/").status_code

    answers = [ask(app, "/checkout") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [503]
    assert answers[-1].json()["breaker"] == "payments"
    assert answers[-1].headers["Retry-After"] == "60"


@pytest.mark.parametrize(
    ("set_by_hand", "says"), [(True, "has been switched off"), (False, "is being tried again")]
)
def test_the_503_says_what_holds_the_request_back(app, payments, clock, set_by_hand, says):
    """A breaker opened by hand is no failure, and one on trial leaves nothing alone."""
    app.get("/checkout")(payments(lambda: "paid"))
    open_up(payments)
    clock.now += 10.0
    if set_by_hand:
        payments.force_open()
    else:
        payments.acquire()
    answer = ask(app, "/checkout")
    assert answer.status_code == 503
    assert says in answer.json()["detail"]


def asking(upstream, app: FastAPI, breakers: BreakerRegistry) -> None:
    """Add a route that asks an upstream through a guarded client of httpx."""
    transport = BreakerTransport(httpx.MockTransport(upstream), breakers=breakers)

    @app.get("/checkout")
    def checkout() -> int:
        with httpx.Client(transport=transport) as client:
            return client.get("http://payments/").raise_for_status().json()


@pytest.mark.parametrize("trouble", [500, 503, 429, httpx.ReadTimeout("late"), TimeoutError()])
def test_an_upstreams_failure_is_503_before_the_breaker_opens_too(app, caplog, trouble):
    """The client is told the same thing all along, and the log what each failure was."""
    answer_failures(app, httpx.HTTPError, TimeoutError)

    def upstream(request):
        if isinstance(trouble, Exception):
            raise trouble
        return httpx.Response(trouble, json=42)

    asking(upstream, app, BreakerRegistry())
    answer = ask(app, "/checkout")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == (
        "The service this request needs does not answer. Try again in 1 s."
    )
    (told,) = [one for one in caplog.messages if "is answered with 503" in one]
    assert told.startswith("GET '/checkout' is answered with 503: ")
    assert type(trouble).__name__ in told or f"{trouble} " in told


@pytest.mark.parametrize("status", [302, 400, 401, 404, 422])
def test_what_the_application_has_asked_wrongly_stays_a_500(app, status):
    """Asking again would not help, so nobody is told to."""
    answer_failures(app, httpx.HTTPError)
    asking(lambda request: httpx.Response(status), app, BreakerRegistry())
    answer = ask(app, "/checkout")
    assert answer.status_code == 500
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("first", ["failures", "rejections", "no rejections"])
def test_a_rejection_is_told_as_one_though_it_is_a_failure_of_the_client_too(clock, first):
    """With the breaker's own seconds, in whatever order the two are said."""
    app = FastAPI()
    ways = {"failures": answer_failures, "rejections": answer_rejections}
    order = sorted(ways, key=lambda way: way != first)
    for way in order if first in ways else ("failures",):
        ways[way](app, *([httpx.HTTPError] if way == "failures" else []))
    breakers = BreakerRegistry(lambda name: CircuitBreaker(name, failure_threshold=1, clock=clock))
    asking(lambda request: httpx.Response(500), app, breakers)
    answers = [ask(app, "/checkout") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert [answer.headers["Retry-After"] for answer in answers] == ["1", "60"]
    assert "is being left alone" in answers[1].json()["detail"]


def test_what_a_failure_says_is_two_arguments(app):
    """The sentence and the seconds."""
    answer_failures(app, ConnectionError, why="Payments is down.", retry_after=7.5)

    @app.get("/checkout")
    async def checkout() -> None:
        raise ConnectionRefusedError("port closed")

    answer = ask(app, "/checkout")
    assert answer.headers["Retry-After"] == "8"
    assert answer.json()["detail"] == "Payments is down. Try again in 8 s."


@pytest.mark.parametrize("kinds", [(), (Exception,), (KeyboardInterrupt,), ("HTTPError",), (7,)])
def test_what_is_no_kind_of_failure_is_refused(app, kinds):
    """A bug is no outage, so "everything" is not a kind."""
    with pytest.raises(ParameterError, match="kinds="):
        answer_failures(app, *kinds)


@pytest.mark.parametrize("error", [CircuitOpenError("payments", 2.5), ConnectionError("refused")])
@pytest.mark.parametrize("accepts", [False, True])
def test_a_websocket_is_refused_with_503_or_closed_to_try_again_later(app, error, accepts):
    """Once it is open it takes no status any more, so the close code has to say it."""
    answer_failures(app, ConnectionError)

    @app.websocket("/events")
    async def events(socket: WebSocket) -> None:
        if accepts:
            await socket.accept()
        raise error

    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/events", "headers": [], "query_string": b""}
    asyncio.run(app(scope, receive, send))
    if accepts:
        assert [one["type"] for one in sent] == ["websocket.accept", "websocket.close"]
        assert sent[-1]["code"] == 1013
    else:
        assert sent[0]["type"] == "websocket.http.response.start"
        assert sent[0]["status"] == 503
        assert (b"retry-after", b"3" if error.args[-1] == 2.5 else b"1") in sent[0]["headers"]


def test_a_background_task_neither_undoes_the_guards_verdict_nor_the_answer(app, payments):
    """Both have been given when it begins; what it calls is guarded by itself."""
    mails = CircuitBreaker("mails", failure_threshold=1)

    def send() -> None:
        raise ConnectionError("refused")

    @app.get("/checkout", dependencies=[guarded_by(payments)])
    async def checkout(later: BackgroundTasks) -> str:
        later.add_task(mails.call, send)
        return "paid"

    for _ in range(2):
        assert ask(app, "/checkout").json() == "paid"
    assert counts(payments) == (2, 0, 0)
    assert (mails.snapshot().failures, mails.snapshot().rejected) == (1, 1)


@pytest.mark.parametrize(
    ("error", "status", "counted"),
    [
        (None, 200, (1, 0, 0)),
        (HTTPException(500), 500, (0, 1, 0)),
        (HTTPException(502), 502, (0, 1, 0)),
        (HTTPException(404), 404, (0, 0, 1)),
        (HTTPException(429), 429, (0, 0, 1)),
        (StarletteHTTPException(500), 500, (0, 1, 0)),
        (StarletteHTTPException(404), 404, (0, 0, 1)),
        (CircuitOpenError("other", 3.0), 503, (0, 0, 1)),
        (BulkheadFullError("other", 1, 0.0), 503, (0, 0, 1)),
        (ConnectionError("refused"), 500, (0, 1, 0)),
    ],
)
@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("way", ["dependency", "decorator"])
def test_a_guard_counts_how_its_route_ended(app, clock, way, kind, error, status, counted):
    """Server errors and exceptions count; what is the client's or another breaker's does not."""
    payments = CircuitBreaker("payments", ignore=is_client_error, clock=clock)

    def end() -> None:
        if error is not None:
            raise error

    async def end_async() -> None:
        end()

    route = end if kind == "sync" else end_async
    if way == "decorator":
        app.get("/checkout")(payments(route))
    else:
        app.get("/checkout", dependencies=[guarded_by(payments)])(route)
    assert ask(app, "/checkout").status_code == status
    assert counts(payments) == counted
    assert payments.snapshot().in_flight == 0


@pytest.mark.parametrize("error", [HTTPException(404), StarletteHTTPException(404)])
def test_a_dependency_needs_no_telling_what_a_client_error_is(app, payments, error):
    """A route that says 404 all day keeps its breaker closed."""

    @app.get("/checkout", dependencies=[guarded_by(payments)])
    async def checkout() -> None:
        raise error

    assert [ask(app, "/checkout").status_code for _ in range(5)] == [404] * 5
    assert counts(payments) == (0, 0, 5)


@pytest.mark.parametrize(
    "nonsense", [None, BreakerRegistry(), CircuitBreaker], ids=["none", "registry", "class"]
)
def test_what_is_no_breaker_guards_no_route(nonsense):
    """It is refused where the route is written, and not at its first request."""
    with pytest.raises(ParameterError, match="give a CircuitBreaker"):
        guarded_by(nonsense)


def test_a_request_that_does_not_validate_says_nothing_about_the_upstream(app, payments):
    """A client that sends nonsense neither opens nor closes a breaker."""

    @app.get("/checkout/{number}", dependencies=[guarded_by(payments)])
    async def checkout(number: int) -> int:
        return number

    assert ask(app, "/checkout/nonsense").status_code == 422
    assert counts(payments) in [(0, 0, 1), (0, 0, 0)]
    assert payments.snapshot().in_flight == 0


def test_exceptions_are_judged_by_the_breakers_own_parameters(app, clock):
    """A breaker that expects timeouts only is not opened by a bug."""
    payments = CircuitBreaker("payments", expected_exception=TimeoutError, clock=clock)

    @app.get("/checkout", dependencies=[guarded_by(payments)])
    async def checkout() -> None:
        raise KeyError("a bug")

    assert ask(app, "/checkout").status_code == 500
    assert payments.snapshot().failures == 0


def test_an_open_guard_keeps_the_route_from_running_until_it_recovers(app, payments, clock):
    """Rejected before the route; after the timeout one request finds the upstream well."""
    served = []

    @app.get("/checkout", dependencies=[guarded_by(payments)])
    async def checkout() -> None:
        served.append(clock.now)

    open_up(payments)
    assert ask(app, "/checkout").status_code == 503
    assert served == []
    clock.now += 10.0
    assert ask(app, "/checkout").status_code == 200
    assert served == [clock.now]
    assert payments.state is CircuitState.CLOSED


def test_a_route_may_settle_its_permit_itself(app, payments):
    """A route that returns an error instead of raising it can say so."""

    @app.get("/checkout")
    async def checkout(permit: Annotated[Permit, guarded_by(payments)]) -> Response:
        permit.failure()
        return Response(status_code=502)

    assert ask(app, "/checkout").status_code == 502
    assert counts(payments) == (0, 1, 0)


def test_a_route_guarded_twice_takes_one_permit(app, payments, clock):
    """Else the second guard would be refused the only probe, and the breaker never close."""
    router = APIRouter(dependencies=[guarded_by(payments)])

    @router.get("/checkout", dependencies=[guarded_by(payments)])
    async def checkout(permit: Annotated[Permit, guarded_by(payments)]) -> None: ...

    app.include_router(router)
    open_up(payments)
    clock.now += 10.0
    assert ask(app, "/checkout").status_code == 200
    assert payments.state is CircuitState.CLOSED
    assert payments.snapshot().successes == 1


@pytest.mark.parametrize("threaded", [False, True])
def test_a_guarded_route_may_call_what_the_same_breaker_guards(app, payments, clock, threaded):
    """Both are one call on trial, so the breaker closes with the first good answer."""

    @payments
    def charge():
        return "charged"

    async def checkout():
        return charge()

    route = charge if threaded else checkout
    app.get("/checkout", dependencies=[guarded_by(payments)])(route)
    open_up(payments)
    clock.now += 10.0
    assert ask(app, "/checkout").json() == "charged"
    assert payments.state is CircuitState.CLOSED
    assert ask(app, "/checkout").status_code == 200


def test_a_guard_settles_before_the_response_is_sent(app, payments):
    """A client that reads slowly does not make the upstream look slow."""
    while_sending = []

    @app.get("/checkout", dependencies=[guarded_by(payments)])
    async def checkout() -> StreamingResponse:
        async def body():
            while_sending.append(counts(payments))
            yield b"paid"

        return StreamingResponse(body())

    assert ask(app, "/checkout").text == "paid"
    assert while_sending == [(1, 0, 0)]


def test_a_request_cancelled_in_its_route_says_nothing_about_the_upstream(payments):
    """A client that hangs up gives a probe's place back."""

    async def cancelled() -> None:
        dependency = Guard(payments)()
        await anext(dependency)
        with pytest.raises(asyncio.CancelledError):
            await dependency.athrow(asyncio.CancelledError())

    asyncio.run(cancelled())
    assert counts(payments) == (0, 0, 1)


def test_a_guard_works_as_a_plain_dependency(app, payments):
    """`Depends(Guard(…))` is the same, for those who write it out."""

    @app.get("/checkout")
    async def checkout(permit: Annotated[Permit, Depends(Guard(payments))]) -> bool:
        return permit.settled

    assert ask(app, "/checkout").json() is False
    assert counts(payments) == (1, 0, 0)


def test_a_breaker_decorates_a_route(app, payments):
    """The route keeps its parameters, and what it raises is counted."""

    @app.get("/checkout/{number}")
    @payments
    async def checkout(number: int, twice: bool = False) -> int:
        if number < 0:
            raise ConnectionError("refused")
        return number * 2 if twice else number

    assert ask(app, "/checkout/21?twice=true").json() == 42
    for _ in range(2):
        assert ask(app, "/checkout/-1").status_code == 500
    assert ask(app, "/checkout/21").status_code == 503


def test_degraded_answers_are_marked_and_not_kept_on_the_way(app):
    """A cache between us and the client must not keep it after the upstream is back."""
    prices = CachedFallback(key="price of {}".format)

    def price(article: str, fails: bool) -> int:
        if fails:
            raise ConnectionError("refused")
        return 42

    @app.get("/prices/{article}")
    async def show(response: Response, article: str, fails: bool = False) -> int:
        answer = prices.ask(lambda article: price(article, fails), article)
        if answer.stale:
            mark_degraded(response)
        return answer.value

    fresh, remembered = ask(app, "/prices/7"), ask(app, "/prices/7?fails=true")
    assert fresh.json() == remembered.json() == 42
    assert not {DEGRADED_HEADER.lower(), "cache-control"} & set(fresh.headers)
    assert remembered.headers[DEGRADED_HEADER] == "true"
    assert remembered.headers["Cache-Control"] == "no-store"


def test_the_503_is_in_the_routes_documentation(app, payments):
    """Whoever generates a client from the schema learns of Retry-After."""

    @app.get("/checkout", dependencies=[guarded_by(payments)], responses=describe_rejections())
    async def checkout() -> None: ...

    answers = ask(app, "/openapi.json").json()["paths"]["/checkout"]["get"]["responses"]
    assert answers["503"]["headers"]["Retry-After"]["schema"]["type"] == "integer"
    assert "application/problem+json" in answers["503"]["content"]
