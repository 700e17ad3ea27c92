"""The transports of httpx and httpx2: what opens a host's breaker, and what it then raises.

Every test runs once for each library.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle

import pytest

from simcb.breaker import (
    BreakerRegistry,
    CircuitBreaker,
    CircuitOpenError,
    CircuitState,
    HalfOpen,
    ParameterError,
    Recovery,
)

TRANSPORT_FAILURES = [
    "ConnectError",
    "ConnectTimeout",
    "ReadTimeout",
    "WriteTimeout",
    "PoolTimeout",
    "ReadError",
    "WriteError",
    "CloseError",
    "ProxyError",
    "RemoteProtocolError",
]


def _raising(error):
    def answer(request):
        raise error

    return answer


def test_a_host_that_answers_500_opens_its_breaker_and_no_other(kit):
    """Hosts do not pay for each other's failures."""

    def answer(request):
        return kit.library.Response(500 if request.url.host == "bad" else 200)

    with kit.client(answer) as client:
        for _ in range(2):
            assert client.get("http://bad/").status_code == 500
            assert client.get("http://good/").status_code == 200
        with pytest.raises(CircuitOpenError):
            client.get("http://bad/")
        assert client.get("http://good/").status_code == 200
    assert kit.breakers.get("bad").state is CircuitState.OPEN
    assert kit.breakers.get("good").state is CircuitState.CLOSED


def test_a_rejected_request_is_not_sent_and_says_when_to_come_back(kit):
    """The wrapped transport hears nothing of it; the error has host and seconds."""
    with kit.client(lambda request: kit.library.Response(503)) as client:
        for _ in range(2):
            client.get("http://shop/")
        kit.clock.now += 4.0
        with pytest.raises(CircuitOpenError) as caught:
            client.get("http://shop/pay")
    assert (caught.value.name, caught.value.retry_after) == ("shop", 6.0)
    assert kit.asked == ["http://shop/"] * 2


def test_a_rejection_is_a_transport_error_of_the_library_and_knows_its_request(kit):
    """Code written for the library's errors catches it without knowing breakers."""
    with kit.client(lambda request: kit.library.Response(500)) as client:
        for _ in range(2):
            client.get("http://shop/")
        with pytest.raises(kit.library.TransportError) as caught:
            client.get("http://shop/pay")
    assert isinstance(caught.value, kit.ours.CircuitOpenTransportError)
    assert str(caught.value.request.url) == "http://shop/pay"
    assert "'shop' is open" in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_rejection_survives_pickling_and_being_built_again_from_its_args(kit):
    """Process pools and simulators rebuild exceptions from their args."""
    error = kit.ours.CircuitOpenTransportError("shop", 2.5)
    for again in (pickle.loads(pickle.dumps(error)), type(error)(*error.args)):
        assert (again.name, again.retry_after) == ("shop", 2.5)
        assert str(again) == str(error)


@pytest.mark.parametrize("status", [100, 200, 204, 301, 304, 400, 401, 404, 408, 499])
def test_answers_below_500_other_than_429_are_successes(kit, status):
    """A 4xx is the service at work."""
    with kit.client(lambda request: kit.library.Response(status)) as client:
        for _ in range(5):
            assert client.get("http://shop/").status_code == status
    assert kit.counts("shop") == (5, 0, 0)


def test_a_429_is_neither_success_nor_failure(kit):
    """It ends no row of failures, and closes no breaker that is on trial."""
    answers = iter([500, 429, 500, 429, 429, 200])

    def answer(request):
        return kit.library.Response(next(answers), content=Body([b"a"]))

    with kit.client(answer) as client:
        for _ in range(3):
            client.get("http://shop/")
        assert kit.breakers.get("shop").state is CircuitState.OPEN
        kit.clock.now += 10.0
        for _ in range(2):
            assert client.get("http://shop/").status_code == 429
            assert kit.breakers.get("shop").state is CircuitState.HALF_OPEN
        assert client.get("http://shop/").status_code == 200
    assert kit.breakers.get("shop").state is CircuitState.CLOSED
    assert kit.counts("shop") == (1, 2, 3)


@pytest.mark.parametrize(
    ("header", "lasts"),
    [
        ({"Retry-After": "42"}, 42.0),
        ({"retry-after": " 7 "}, 7.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 100.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, 10.0),
        ({"Retry-After": "-5"}, 10.0),
        ({"Retry-After": "9" * 400}, 10.0),
        ({}, 10.0),
    ],
)
def test_a_failed_responses_retry_after_is_how_long_its_breaker_stays_open(kit, header, lasts):
    """If the breaker heeds it, in either form of the header, up to `max`; nonsense is none."""
    recovery = Recovery(10.0, hint=True)
    breakers = BreakerRegistry(
        lambda name: CircuitBreaker(name, failure_threshold=1, recovery=recovery, clock=kit.clock)
    )
    busy = {"failed_response": lambda response: response.status_code in (429, 503)}
    for status in (429, 503):
        with kit.client(
            lambda request, status=status: kit.library.Response(status, headers=header),
            breakers=breakers,
            **busy,
        ) as client:
            host = f"shop{status}"
            client.get(f"http://{host}/")
            seen = breakers.get(host).snapshot()
            assert seen.next_probe_at - seen.since == pytest.approx(lasts)


def test_for_coroutines_a_429_is_neither_as_well(kit):
    """Both transports judge by the same defaults."""

    async def ask():
        async with kit.async_client(lambda request: kit.library.Response(429)) as client:
            return (await client.get("http://shop/")).status_code

    assert asyncio.run(ask()) == 429
    assert kit.counts("shop") == (0, 0, 1)


def test_which_responses_say_nothing_is_one_argument(kit):
    """Here a 404 does and a 429 does not, and what is a failure is asked first."""
    rules = {
        "failed_response": lambda response: response.status_code >= 500,
        "ignored_response": lambda response: response.status_code in (404, 500),
    }
    status = iter([404, 429, 500])
    with kit.client(lambda request: kit.library.Response(next(status)), **rules) as client:
        for _ in range(3):
            client.get("http://shop/")
    assert kit.counts("shop") == (1, 1, 1)


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 599])
def test_answers_from_500_up_are_failures(kit, status):
    """Whatever the kind of server error, it arrives as it is and counts."""
    with kit.client(lambda request: kit.library.Response(status)) as client:
        assert client.get("http://shop/").status_code == status
    assert kit.counts("shop") == (0, 1, 0)


@pytest.mark.parametrize("name", TRANSPORT_FAILURES)
def test_transport_errors_are_failures_and_arrive_untouched(kit, name):
    """The caller gets the very exception; the breaker counts it."""
    error = getattr(kit.library, name)("no luck")
    with kit.client(_raising(error)) as client, pytest.raises(type(error)) as caught:
        client.get("http://shop/")
    assert caught.value is error
    assert kit.counts("shop") == (0, 1, 0)


@pytest.mark.parametrize("name", ["LocalProtocolError", "UnsupportedProtocol"])
def test_requests_that_could_not_be_sent_say_nothing_about_the_host(kit, name):
    """The caller's own mistake opens no breaker."""
    error = getattr(kit.library, name)("malformed")
    with kit.client(_raising(error)) as client, pytest.raises(type(error)):
        client.get("http://shop/")
    assert kit.counts("shop") == (0, 0, 1)


def test_an_exception_that_is_no_transport_error_says_nothing_about_the_host(kit):
    """A bug in a transport or an event hook is not the service's failure."""
    error = ValueError("a bug")
    with kit.client(_raising(error)) as client, pytest.raises(ValueError) as caught:
        client.get("http://shop/")
    assert caught.value is error
    assert kit.counts("shop") == (0, 0, 1)


def test_the_breaker_closes_again_when_the_host_is_back(kit):
    """After the recovery timeout one request is let through, and its success closes."""
    status = 500
    with kit.client(lambda request: kit.library.Response(status)) as client:
        for _ in range(2):
            client.get("http://shop/")
        kit.clock.now += 10.0
        status = 200
        assert client.get("http://shop/").status_code == 200
    assert kit.breakers.get("shop").state is CircuitState.CLOSED


class Body:
    """A body that is sent in parts, breaks off if it has an error, and notes what was sent."""

    def __init__(self, parts, error=None):
        self.parts, self.error, self.sent = parts, error, 0

    def __iter__(self):
        for part in self.parts:
            self.sent += 1
            yield part
        if self.error is not None:
            raise self.error

    async def __aiter__(self):
        for part in self:
            yield part


class OnlyAsync:
    """The same for coroutines only: the libraries take a body by what it can do."""

    def __init__(self, body):
        self.body = body

    def __aiter__(self):
        return self.body.__aiter__()


def _sending(kit, body, status=200, **settings):
    return lambda request: kit.library.Response(status, content=body, **settings)


def _sending_async(kit, body):
    return lambda request: kit.library.Response(200, content=OnlyAsync(body))


def test_the_verdict_falls_when_the_body_has_been_read_and_nobody_reads_ahead(kit):
    """Headers alone are no success, and the parts arrive as the caller asks for them."""
    body = Body([b"a", b"b", b"c"])
    extensions = {"reason_phrase": b"fine"}
    with (
        kit.client(_sending(kit, body, extensions=extensions)) as client,
        client.stream("GET", "http://shop/") as response,
    ):
        assert response.extensions == extensions
        assert (kit.counts("shop"), body.sent) == ((0, 0, 0), 0)
        parts = response.iter_raw()
        assert (next(parts), body.sent) == (b"a", 1)
        assert list(parts) == [b"b", b"c"]
        assert kit.counts("shop") == (1, 0, 0)
    assert kit.counts("shop") == (1, 0, 0)


@pytest.mark.parametrize("name", TRANSPORT_FAILURES)
def test_a_body_that_breaks_off_is_a_failure(kit, name):
    """A host that hangs or hangs up after its headers opens its breaker, and says why."""
    error = getattr(kit.library, name)("broken off")
    with kit.client(_sending(kit, Body([b"a"], error))) as client:
        for _ in range(2):
            with pytest.raises(type(error)) as caught:
                client.get("http://shop/")
            assert caught.value is error
        with pytest.raises(CircuitOpenError):
            client.get("http://shop/")
    assert kit.counts("shop") == (0, 2, 0)


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt()], ids=repr)
def test_what_else_ends_a_body_says_nothing_about_the_host(kit, error):
    """Bugs and interrupts are judged in the middle of a body as before it."""
    with (
        kit.client(_sending(kit, Body([b"a"], error))) as client,
        pytest.raises(type(error)),
    ):
        client.get("http://shop/")
    assert kit.counts("shop") == (0, 0, 1)


@pytest.mark.parametrize("reads", [0, 1])
def test_a_body_closed_before_its_end_is_a_success(kit, reads):
    """A caller who has read enough has been served well."""
    body = Body([b"a", b"b"], kit.library.ReadError("never come to"))
    with kit.client(_sending(kit, body)) as client:
        with client.stream("GET", "http://shop/") as response:
            for _ in zip(range(reads), response.iter_raw(), strict=False):
                assert kit.counts("shop") == (0, 0, 0)
        assert kit.counts("shop") == (1, 0, 0)


def test_a_body_that_cannot_be_closed_is_a_failure(kit):
    """Its error is judged like any other."""

    class Stuck(kit.library.SyncByteStream):
        def __iter__(self):
            yield b"a"

        def close(self):
            raise kit.library.CloseError("stuck")

    with (
        kit.client(lambda request: kit.library.Response(200, stream=Stuck())) as client,
        pytest.raises(kit.library.CloseError),
        client.stream("GET", "http://shop/"),
    ):
        pass
    assert kit.counts("shop") == (0, 1, 0)


def test_a_response_nobody_closes_is_a_success_when_it_is_collected(kit):
    """Forgetting it costs no more than the connection it always cost."""
    with kit.client(_sending(kit, Body([b"a"]))) as client:
        response = client.send(client.build_request("GET", "http://shop/"), stream=True)
        assert kit.breakers.get("shop").snapshot().in_flight == 1
        del response
        gc.collect()
    assert kit.counts("shop") == (1, 0, 0)


def test_a_probe_whose_body_never_ends_holds_its_place_for_its_lease_only(kit):
    """Then it has failed, and a later one closes the breaker."""
    patient = BreakerRegistry(
        lambda name: CircuitBreaker(
            name,
            failure_threshold=1,
            recovery_timeout=10.0,
            half_open=HalfOpen(lease=5.0),
            clock=kit.clock,
        )
    )
    answers = iter([500, 200, 200])

    def answer(request):
        return kit.library.Response(next(answers), content=Body([b"a"]))

    with kit.client(answer, breakers=patient) as client:
        client.get("http://shop/")
        kit.clock.now += 10.0
        with client.stream("GET", "http://shop/"):
            with pytest.raises(CircuitOpenError):
                client.get("http://shop/")
            kit.clock.now += 5.0
            with pytest.raises(CircuitOpenError):
                client.get("http://shop/")
            kit.clock.now += 10.0
            client.get("http://shop/")
            assert patient.get("shop").state is CircuitState.CLOSED
    assert patient.get("shop").snapshot().stale == 1


def test_a_failure_by_its_headers_is_counted_at_once_and_once(kit):
    """How the body of a 500 ends changes nothing."""
    body = Body([b"a"], kit.library.ReadError("broken off"))
    with (
        kit.client(_sending(kit, body, status=500)) as client,
        client.stream("GET", "http://shop/") as response,
    ):
        assert kit.counts("shop") == (0, 1, 0)
        with pytest.raises(kit.library.ReadError):
            response.read()
    assert kit.counts("shop") == (0, 1, 0)


def test_what_goes_on_until_somebody_hangs_up_is_a_success_by_its_headers(kit):
    """A stream of events may be a probe: it closes the breaker when it begins."""
    body = Body([b"data: 1"], kit.library.ReadError("hung up"))
    headers = {"Content-Type": "Text/Event-Stream; charset=utf-8"}
    with (
        kit.client(_sending(kit, body, headers=headers)) as client,
        client.stream("GET", "http://shop/") as response,
    ):
        assert kit.counts("shop") == (1, 0, 0)
        with pytest.raises(kit.library.ReadError):
            response.read()
    assert kit.counts("shop") == (1, 0, 0)


def test_a_connection_for_another_protocol_is_a_success_by_its_headers(kit):
    """A WebSocket is no body to wait for."""
    with (
        kit.client(_sending(kit, Body([]), status=101)) as client,
        client.stream("GET", "http://shop/"),
    ):
        assert kit.counts("shop") == (1, 0, 0)


def test_what_is_endless_is_one_argument(kit):
    """A long download may be judged by its headers as well."""
    long = {"endless": lambda response: "content-length" not in response.headers}
    with (
        kit.client(_sending(kit, Body([b"a"])), **long) as client,
        client.stream("GET", "http://shop/"),
    ):
        assert kit.counts("shop") == (1, 0, 0)


def test_an_async_body_is_judged_as_a_sync_one_is(kit):
    """Read to its end or closed before, it is a success; broken off, a failure."""

    async def read(body):
        async with kit.async_client(_sending_async(kit, body)) as client:
            return (await client.get("http://shop/")).content

    async def read_one_part(body):
        async with (
            kit.async_client(_sending_async(kit, body)) as client,
            client.stream("GET", "http://shop/") as response,
        ):
            return await anext(response.aiter_raw())

    assert asyncio.run(read(Body([b"a", b"b"]))) == b"ab"
    assert kit.counts("shop") == (1, 0, 0)
    broken = Body([b"a", b"b"], kit.library.RemoteProtocolError("broken off"))
    assert asyncio.run(read_one_part(broken)) == b"a"
    assert kit.counts("shop") == (2, 0, 0)
    for _ in range(2):
        with pytest.raises(kit.library.RemoteProtocolError):
            asyncio.run(read(broken))
    with pytest.raises(CircuitOpenError):
        asyncio.run(read(broken))
    assert kit.counts("shop") == (2, 2, 0)


def test_reading_that_is_cancelled_is_neither_success_nor_failure(kit):
    """A caller's own deadline says nothing about the service, in a body as before it."""

    async def main():
        hanging = asyncio.Event()

        class Hanging:
            async def __aiter__(self):
                yield b"a"
                hanging.set()
                await asyncio.Event().wait()

        async with kit.async_client(_sending(kit, Hanging())) as client:
            reading = asyncio.create_task(client.get("http://shop/"))
            await hanging.wait()
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading

    asyncio.run(main())
    assert kit.counts("shop") == (0, 0, 1)


def test_which_responses_count_is_one_argument(kit):
    """A service that says 429 when it is overloaded can be judged by that."""
    busy = {"failed_response": lambda response: response.status_code == 429}
    status = iter([500, 429, 429])
    with kit.client(lambda request: kit.library.Response(next(status)), **busy) as client:
        for _ in range(3):
            client.get("http://shop/")
        with pytest.raises(CircuitOpenError):
            client.get("http://shop/")
    assert kit.counts("shop") == (1, 2, 0)


def test_which_exceptions_count_is_one_argument(kit):
    """The user's rule replaces ours whole."""
    only_bugs = {"failed_error": lambda error: isinstance(error, ValueError)}
    errors = iter([kit.library.ReadTimeout("late"), ValueError("a bug")])

    def answer(request):
        raise next(errors)

    with kit.client(answer, **only_bugs) as client:
        for expected in (kit.library.ReadTimeout, ValueError):
            with pytest.raises(expected):
                client.get("http://shop/")
    assert kit.counts("shop") == (0, 1, 1)


def test_a_predicate_that_raises_costs_nobody_a_response(kit, caplog):
    """It is logged, its request counts as failed, and the answer arrives."""

    def broken(response):
        raise LookupError("no such header")

    with (
        caplog.at_level(logging.ERROR, "simcb.integrations"),
        kit.client(lambda request: kit.library.Response(200), failed_response=broken) as client,
    ):
        assert client.get("http://shop/").status_code == 200
    assert kit.counts("shop") == (0, 1, 0)
    assert "taken for a yes" in caplog.text


def test_breakers_are_named_by_host_with_an_unusual_port(kit):
    """Two services on one machine are two upstreams; the scheme's own port goes unsaid."""
    with kit.client(lambda request: kit.library.Response(200)) as client:
        for url in ("http://Shop/", "http://shop:80/a", "https://shop/", "http://u:p@shop:8080/"):
            client.get(url)
    assert sorted(kit.breakers) == ["shop", "shop:8080"]


def test_the_key_of_a_breaker_is_one_argument(kit):
    """One breaker per route, or one for everything, instead of one per host."""
    by_route = {"key": lambda request: f"{request.method} {request.url.path}"}
    with kit.client(lambda request: kit.library.Response(200), **by_route) as client:
        client.get("http://a/pay")
        client.get("http://b/pay")
        client.post("http://a/pay")
    assert sorted(kit.breakers) == ["GET /pay", "POST /pay"]


def test_a_rejection_says_which_error_opened_the_hosts_breaker(kit):
    """An error of the library's own, without the frames of the request that met it."""

    def answer(request):
        raise kit.library.ConnectError("refused")

    with kit.client(answer) as client:
        for _ in range(2):
            with pytest.raises(kit.library.ConnectError):
                client.get("http://shop/")
        with pytest.raises(kit.ours.CircuitOpenTransportError) as caught:
            client.get("http://shop/")
    assert caught.value.reason == "consecutive_failures"
    assert type(caught.value.last_error) is kit.library.ConnectError
    assert str(caught.value.last_error) == "refused"
    assert caught.value.last_error.__traceback__ is None
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.name, again.reason) == ("shop", "consecutive_failures")
    assert "refused" in str(again.last_error)


def test_a_redirect_to_another_host_asks_that_hosts_breaker(kit):
    """Redirects are followed above the transport, so each hop is its own call."""

    def answer(request):
        if request.url.host == "old":
            return kit.library.Response(302, headers={"Location": "http://new/"})
        return kit.library.Response(500)

    with kit.client(answer) as client:
        for _ in range(2):
            client.get("http://old/", follow_redirects=True)
        with pytest.raises(CircuitOpenError) as caught:
            client.get("http://old/", follow_redirects=True)
    assert caught.value.name == "new"
    assert kit.counts("old") == (3, 0, 0)


def test_without_a_registry_each_transport_has_its_own(kit):
    """Two clients share what they have learnt only if they are told to."""
    failing = kit.client(lambda request: kit.library.Response(500), breakers=None)
    healthy = kit.client(lambda request: kit.library.Response(200), breakers=None)
    with failing, healthy:
        for _ in range(5):
            failing.get("http://shop/")
        with pytest.raises(CircuitOpenError):
            failing.get("http://shop/")
        assert healthy.get("http://shop/").status_code == 200


NONSENSE = [
    {"breakers": CircuitBreaker("shop")},
    {"breakers": {}},
    {"breakers": CircuitBreaker},
    {"key": "shop"},
    {"failed_response": 503},
    {"ignored_response": (429,)},
    {"endless": True},
    {"failed_error": ConnectionError("refused")},
    {"transport": BreakerRegistry()},
]


@pytest.mark.parametrize("kind", ["BreakerTransport", "AsyncBreakerTransport"])
@pytest.mark.parametrize("nonsense", NONSENSE, ids=lambda given: "-".join(given))
def test_arguments_of_another_kind_are_refused_when_the_transport_is_built(kit, kind, nonsense):
    """The message names the parameter; nothing waits for the first request."""
    (parameter,) = nonsense
    with pytest.raises(ParameterError, match=f"^{parameter}="):
        getattr(kit.ours, kind)(**nonsense)


def test_a_transport_of_the_other_kind_of_client_is_refused(kit):
    """Each of the two says which method is missing."""
    with pytest.raises(ParameterError, match=r"handle_request\(request\)"):
        kit.ours.BreakerTransport(kit.library.AsyncBaseTransport())
    with pytest.raises(ParameterError, match=r"handle_async_request\(request\)"):
        kit.ours.AsyncBreakerTransport(kit.library.BaseTransport())


@pytest.mark.parametrize("built", [None, "a breaker"])
def test_a_registry_that_builds_no_breakers_is_refused_at_its_first_request(kit, built):
    """Nothing is sent, and the message says where to look."""
    odd = BreakerRegistry(lambda name: built)
    with (
        kit.client(lambda request: kit.library.Response(200), breakers=odd) as client,
        pytest.raises(ParameterError, match=f"build={built!r} .* CircuitBreaker"),
    ):
        client.get("http://shop/")
    assert kit.asked == []


def test_sync_and_async_clients_may_share_their_breakers(kit):
    """What a thread has learnt about a host, a coroutine need not learn again."""
    with kit.client(lambda request: kit.library.Response(500)) as client:
        for _ in range(2):
            client.get("http://shop/")

    async def ask():
        async with kit.async_client(lambda request: kit.library.Response(200)) as client:
            await client.get("http://shop/")

    with pytest.raises(kit.library.TransportError) as caught:
        asyncio.run(ask())
    assert isinstance(caught.value, CircuitOpenError)


def test_the_async_transport_judges_as_the_sync_one_does(kit):
    """Server errors and transport errors count, other answers and errors do not."""

    async def answer(request):
        if request.url.path == "/late":
            raise kit.library.ReadTimeout("late")
        if request.url.path == "/bug":
            raise ValueError("a bug")
        return kit.library.Response(int(request.url.path[1:]))

    async def ask(path):
        async with kit.async_client(answer) as client:
            return (await client.get(f"http://shop{path}")).status_code

    assert asyncio.run(ask("/200")) == 200
    assert asyncio.run(ask("/404")) == 404
    assert asyncio.run(ask("/500")) == 500
    with pytest.raises(ValueError):
        asyncio.run(ask("/bug"))
    assert kit.counts("shop") == (2, 1, 1)
    with pytest.raises(kit.library.ReadTimeout):
        asyncio.run(ask("/late"))
    with pytest.raises(CircuitOpenError):
        asyncio.run(ask("/200"))


def test_a_cancelled_request_is_neither_success_nor_failure(kit):
    """A probe that is cancelled gives its place back, and the next caller gets it."""

    async def main():
        hanging = asyncio.Event()

        async def answer(request):
            if request.url.path == "/hang":
                hanging.set()
                await asyncio.Event().wait()
            return kit.library.Response(200 if request.url.path == "/" else 500)

        async with kit.async_client(answer) as client:
            for _ in range(2):
                await client.get("http://shop/bad")
            kit.clock.now += 10.0
            probe = asyncio.create_task(client.get("http://shop/hang"))
            await hanging.wait()
            with pytest.raises(CircuitOpenError):
                await client.get("http://shop/")
            probe.cancel()
            with pytest.raises(asyncio.CancelledError):
                await probe
            assert kit.counts("shop") == (0, 2, 1)
            assert (await client.get("http://shop/")).status_code == 200

    asyncio.run(main())
    assert kit.breakers.get("shop").state is CircuitState.CLOSED


def test_an_interrupted_request_is_neither_success_nor_failure(kit):
    """Ctrl-C while waiting for an answer says nothing about the service."""
    with kit.client(_raising(KeyboardInterrupt())) as client, pytest.raises(KeyboardInterrupt):
        client.get("http://shop/")
    assert kit.counts("shop") == (0, 0, 1)


def test_a_guarded_transport_inside_another_counts_no_rejection(kit):
    """The inner breaker's rejection is not held against the host a second time."""
    inner = kit.ours.BreakerTransport(
        kit.library.MockTransport(lambda request: kit.library.Response(500)),
        breakers=kit.breakers,
    )
    outer_breakers = BreakerRegistry()
    outer = kit.ours.BreakerTransport(
        inner, breakers=outer_breakers, failed_response=lambda response: False
    )
    with kit.library.Client(transport=outer) as client:
        for _ in range(2):
            client.get("http://shop/")
        with pytest.raises(CircuitOpenError):
            client.get("http://shop/")
    seen = outer_breakers.get("shop").snapshot()
    assert (seen.successes, seen.failures, seen.ignored) == (2, 0, 1)


def test_opening_and_closing_reach_the_wrapped_transport(kit):
    """The connections belong to the wrapped transport and are closed with the client."""
    events = []

    class Noting(kit.library.BaseTransport):
        def __enter__(self):
            events.append("enter")
            return self

        def __exit__(self, *error):
            events.append("exit")

        def close(self):
            events.append("close")

    class AsyncNoting(kit.library.AsyncBaseTransport):
        async def __aenter__(self):
            events.append("enter")
            return self

        async def __aexit__(self, *error):
            events.append("exit")

        async def aclose(self):
            events.append("close")

    async def opened_and_closed():
        async with kit.library.AsyncClient(transport=kit.ours.AsyncBreakerTransport(AsyncNoting())):
            pass
        await kit.library.AsyncClient(
            transport=kit.ours.AsyncBreakerTransport(AsyncNoting())
        ).aclose()

    with kit.library.Client(transport=kit.ours.BreakerTransport(Noting())):
        pass
    kit.library.Client(transport=kit.ours.BreakerTransport(Noting())).close()
    assert events == ["enter", "exit", "close"]
    events.clear()
    asyncio.run(opened_and_closed())
    assert events == ["enter", "exit", "close"]
