"""The Redis stores: what they keep, and that a call never suffers from them.

The logic is tested against fakeredis; what depends on a server, against a real redis-server
where there is one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import socket
from collections.abc import Iterator

import fakeredis
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from test_integrations.http_clients import Clock
from test_integrations.redis_servers import RedisServer, free_port, redis_server

from simcb.breaker import (
    CachedFallback,
    CircuitBreaker,
    CircuitOpenError,
    CircuitState,
    ParameterError,
)
from simcb.integrations.redis import LONGEST_KEY, AsyncRedisStore, RedisStore

PATIENCE = 10.0
"""Seconds to wait for what answers or refuses at once, if the machine is not too busy."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture(params=["fakeredis", "redis-server"])
def client(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    if request.param == "fakeredis":
        fake = fakeredis.FakeRedis()
        yield fake
        fake.close()
    else:
        with redis.Redis.from_url(request.getfixturevalue("server").url) as real:
            real.flushdb()
            yield real


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


VALUES = [None, True, 0, -1.5, "", "ünï ☃", [], {}, {"a": [1, {"b": None}]}]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_it_was_put(client, value):
    """None, False and empty things included: they are answers too."""
    store = RedisStore(client)
    store.put("key", value, 60.0)
    assert store.get("key") == value


def test_what_was_never_put_is_a_miss(client):
    """A miss is a KeyError, and no trouble."""
    store = RedisStore(client)
    with pytest.raises(KeyError):
        store.get("key")
    assert store.breaker.state is CircuitState.CLOSED


def test_redis_itself_forgets_a_value_after_its_time_to_live(client):
    """Milliseconds are kept; the key is gone from the server, not just ignored by us."""
    store = RedisStore(client)
    store.put("key", "value", 12.345)
    assert 12_000 < client.pttl(store.place("key")) <= 12_345
    client.pexpire(store.place("key"), 0)
    with pytest.raises(KeyError):
        store.get("key")
    assert client.keys() == []


def test_namespaces_keep_applications_apart(client):
    """Two stores on one database do not read each other's values."""
    ours, theirs = RedisStore(client, namespace="ours"), RedisStore(client, namespace="theirs")
    ours.put("key", 1, 60.0)
    with pytest.raises(KeyError):
        theirs.get("key")
    assert client.keys() == [b"ours:key"]


KEYS = {
    "empty": "",
    "blank": " ",
    "lines": "a\nb\r\n",
    "unicode": "ünï ☃",
    "surrogate": "\ud800",
    "escaped": "\\ud800",
    "pattern": "*",
    "long": "x" * 5000,
    "long-unicode": "ü" * 400,
    "like-a-hash": f"sha256:{hashlib.sha256(b'x' * 5000).hexdigest()}",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_any_string_is_a_key(client, key):
    """Long ones are hashed, so that a key is never longer than what it is the key of."""
    store = RedisStore(client)
    store.put(key, "value", 60.0)
    assert store.get(key) == "value"
    assert len(store.place(key)) <= len("simcb:") + LONGEST_KEY


def test_no_two_keys_share_an_entry(client):
    """Not one that cannot be encoded and how it is escaped, nor a long one and its hash."""
    store = RedisStore(client)
    for key in KEYS.values():
        store.put(key, key.encode("utf-8", "surrogatepass").hex(), 60.0)
    for key in KEYS.values():
        assert bytes.fromhex(store.get(key)).decode("utf-8", "surrogatepass") == key


def test_entries_are_json_and_never_pickles(client):
    """Whoever reads the database finds text; nothing in it can run."""
    store = RedisStore(client)
    store.put("key", {"price": [1, 2]}, 60.0)
    assert client.get(store.place("key")) == b'{"price":[1,2]}'


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, b"bytes", float("nan"), float("inf"), {"a": {(1, 2): 3}}],
    ids=["object", "set", "bytes", "nan", "inf", "nested"],
)
def test_what_json_cannot_carry_is_not_kept_and_said_once(client, caplog, value):
    """A mistake in the program fails no call and fills no log."""
    store = RedisStore(client)
    for _ in range(3):
        store.put("key", value, 60.0)
    assert client.keys() == []
    assert len(warnings_in(caplog)) == 1
    assert f"a {type(value).__name__} is not kept" in caplog.text
    assert store.breaker.state is CircuitState.CLOSED


def test_a_value_that_contains_itself_is_not_kept(client):
    """No endless writing."""
    value: list[object] = []
    value.append(value)
    store = RedisStore(client)
    store.put("key", value, 60.0)
    assert client.keys() == []


GARBAGE = [b"\xff\x00garbage", b"{", b"[" * 200_000, b"\x80\x04K\x01.", b'"half', b" "]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda raw: repr(raw[:12]))
def test_what_cannot_be_read_is_a_miss_and_said_once(client, caplog, garbage):
    """Whatever somebody else has written under our key, the next good answer replaces it."""
    store = RedisStore(client)
    client.set(store.place("key"), garbage)
    for _ in range(3):
        with pytest.raises(KeyError):
            store.get("key")
    assert len(warnings_in(caplog)) == 1
    assert "cannot be read" in caplog.text
    assert store.breaker.state is CircuitState.CLOSED
    store.put("key", "value", 60.0)
    assert store.get("key") == "value"


def test_a_key_that_holds_another_type_is_a_miss(client, caplog):
    """Somebody's list under our name is garbage, not a broken Redis."""
    store = RedisStore(client)
    client.rpush(store.place("key"), "a", "b")
    with pytest.raises(KeyError):
        store.get("key")
    assert store.breaker.state is CircuitState.CLOSED
    assert "WRONGTYPE" in caplog.text


def test_an_entry_above_the_size_bound_is_neither_kept_nor_read(client, caplog):
    """At most one byte more than allowed ever crosses the network."""
    store = RedisStore(client, max_bytes=10)
    store.put("long", "x" * 9, 60.0)
    assert client.keys() == []
    assert "11 bytes are not kept; max_bytes is 10" in caplog.text
    store.put("fits", "x" * 8, 60.0)
    assert store.get("fits") == "x" * 8
    client.set(store.place("long"), json.dumps("y" * 100_000))
    with pytest.raises(KeyError):
        store.get("long")


def test_a_complaint_is_repeated_when_it_was_quiet_for_a_minute(client, caplog):
    """Lasting garbage is mentioned now and then, not once for the life of the process."""
    clock = Clock()
    store = RedisStore(client, clock=clock)
    for _ in range(3):
        store.put("key", object(), 60.0)
        clock.now += 30.0
    assert len(warnings_in(caplog)) == 2


def test_another_codec_is_two_arguments(client):
    """Bytes as they are, say, or a schema of one's own."""
    store = RedisStore(client, dumps=bytes.hex, loads=lambda data: bytes.fromhex(data.decode()))
    store.put("key", b"\x00\xff", 60.0)
    assert client.get(store.place("key")) == b"00ff"
    assert store.get("key") == b"\x00\xff"


def test_a_client_that_decodes_answers_will_do():
    """`decode_responses=True` is common; the store reads such answers as well."""
    with fakeredis.FakeRedis(decode_responses=True) as client:
        store = RedisStore(client)
        store.put("key", "ünï ☃", 60.0)
        assert store.get("key") == "ünï ☃"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)  # fmt: skip


@given(value=JSON, key=st.text(max_size=20))
def test_every_json_value_comes_back_equal(value, key):
    """Write then read is the identity on JSON."""
    with fakeredis.FakeRedis() as client:
        store = RedisStore(client)
        store.put(key, value, 60.0)
        assert store.get(key) == value


@pytest.mark.parametrize(
    "nonsense",
    [
        {"namespace": ""},
        {"namespace": 7},
        {"namespace": "\ud800"},
        {"max_bytes": 0},
        {"max_bytes": 2**40},
        {"breaker": "redis"},
        {"breaker": {}},
    ],
    ids=repr,
)
def test_nonsensical_parameters_are_refused(client, nonsense):
    """With the value and what would be allowed."""
    with pytest.raises(ParameterError, match=re.escape(repr(next(iter(nonsense.values()))))):
        RedisStore(client, **nonsense)


@pytest.mark.parametrize("kind", [RedisStore, AsyncRedisStore])
@pytest.mark.parametrize("client", ["redis://shop:s3cr3t@cache:6379/0", None], ids=["url", "none"])
def test_what_is_no_client_is_refused(kind, client):
    """A URL belongs into `from_url`, and its password into no message."""
    with pytest.raises(ParameterError, match="from_url") as caught:
        kind(client)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("kind", [RedisStore, AsyncRedisStore])
@pytest.mark.parametrize("url", ["", "localhost:6379", "http://cache/0", "redis://h/0?db=x", None])
def test_what_is_no_url_of_a_redis_is_refused(kind, url):
    """At construction, and not at the first call."""
    with pytest.raises(ParameterError, match="url"):
        kind.from_url(url)


def test_a_refused_url_does_not_show_its_password():
    """Errors end up in logs."""
    with pytest.raises(ParameterError) as caught:
        RedisStore.from_url("redis://shop:s3cr3t@cache:6379/0?db=x")
    assert "s3cr3t" not in str(caught.value)
    assert "@cache:6379" in str(caught.value)


@pytest.mark.parametrize("ttl", [0, -1.0, float("nan"), float("inf"), "5s"])
def test_a_time_to_live_that_makes_no_sense_is_refused(client, ttl):
    """It would be kept for ever, or not at all."""
    with pytest.raises(ParameterError, match="ttl"):
        RedisStore(client).put("key", 1, ttl)


# Redis in trouble.


def price(*, fails: bool = False) -> int:
    if fails:
        raise ConnectionError("the shop is down")
    return 42


def fallback_on(store: object) -> CachedFallback:
    return CachedFallback(store, key=lambda **_: "price")  # type: ignore[arg-type]


def test_with_redis_down_the_calls_own_result_arrives_and_one_line_is_logged(caplog):
    """Nobody listens on the port: twenty calls, twenty results, one complaint."""
    store = RedisStore.from_url(f"redis://127.0.0.1:{free_port()}/0", timeout=PATIENCE)
    guarded = fallback_on(store)
    assert [guarded.call(price) for _ in range(20)] == [42] * 20
    with pytest.raises(ConnectionError, match="the shop is down"):
        guarded.call(price, fails=True)
    assert len(warnings_in(caplog)) == 1
    store.close()


def test_values_that_are_not_kept_do_not_look_like_a_redis_that_is_back(caplog):
    """An outage is logged once, too, when every good answer is one that JSON cannot carry."""
    clock = Clock()
    breaker = CircuitBreaker("redis", failure_threshold=1, recovery_timeout=1.0, clock=clock)
    store = RedisStore.from_url(f"redis://127.0.0.1:{free_port()}/0", breaker=breaker)
    guarded = fallback_on(store)

    def answer(*, fails: bool) -> object:
        return object() if price(fails=fails) else None

    for _ in range(5):
        guarded.call(answer, fails=False)
        with pytest.raises(ConnectionError):
            guarded.call(answer, fails=True)
        clock.now += 0.5
    store.close()
    told = warnings_in(caplog)
    assert [one for one in told if "is not kept" in one] == told[:1]
    assert [one for one in told if "calls go on without it" in one] == told[1:]
    assert len(told) == 2


def test_with_redis_hanging_one_call_waits_and_the_others_pass_it_by(caplog):
    """A server that accepts and never answers costs one timeout, not one a call."""
    clock = Clock()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        breaker = CircuitBreaker("redis", failure_threshold=1, recovery_timeout=1.0, clock=clock)
        store = RedisStore.from_url(
            f"redis://127.0.0.1:{silent.getsockname()[1]}/0", timeout=0.05, breaker=breaker
        )
        guarded = fallback_on(store)
        assert [guarded.call(price) for _ in range(20)] == [42] * 20
        store.close()
    seen = breaker.snapshot()
    assert (seen.admitted, seen.failures, seen.rejected) == (1, 1, 19)
    assert len(warnings_in(caplog)) == 1


@pytest.mark.parametrize(("seconds", "asked"), [(0.9, 5), (1.0, 1), (6.0, 1)])
def test_a_redis_whose_answers_take_a_second_is_left_alone_like_one_that_is_down(seconds, asked):
    """One caller is held up by an answer that drips, and the others pass it by."""
    clock, sets = Clock(), []

    class Dripping(fakeredis.FakeRedis):
        def set(self, *args, **kwargs):
            sets.append(clock.now)
            clock.now += seconds
            return super().set(*args, **kwargs)

    with Dripping() as client:
        store = RedisStore(client, clock=clock)
        guarded = fallback_on(store)
        assert [guarded.call(price) for _ in range(5)] == [42] * 5
        assert len(sets) == asked
        clock.now += 1.0
        guarded.call(price)
        assert len(sets) == asked + 1


def test_a_paused_server_is_too_slow_and_is_asked_again_later(server, caplog):
    """A real Redis that stalls its writes: results arrive meanwhile, and the cache comes back."""
    clock = Clock()
    breaker = CircuitBreaker("redis", failure_threshold=1, recovery_timeout=1.0, clock=clock)
    store = RedisStore.from_url(server.url, timeout=0.5, namespace="paused", breaker=breaker)
    guarded = fallback_on(store)
    with redis.Redis.from_url(server.url) as admin:
        guarded.call(price)
        admin.client_pause(60_000, all=False)
        assert [guarded.call(price) for _ in range(5)] == [42] * 5
        assert breaker.state is CircuitState.OPEN
        admin.client_unpause()
    with pytest.raises(ConnectionError):
        guarded.call(price, fails=True)
    clock.now += 1.0
    assert guarded.ask(price, fails=True)[:2] == (42, True)
    assert len(warnings_in(caplog)) == 1
    store.close()


def test_a_server_that_is_stopped_and_started_is_used_again(caplog):
    """Each outage is logged once, and the store recovers without being told."""
    clock = Clock()
    breaker = CircuitBreaker("redis", failure_threshold=1, recovery_timeout=1.0, clock=clock)
    with redis_server() as server:
        store = RedisStore.from_url(server.url, timeout=PATIENCE, breaker=breaker)
        guarded = fallback_on(store)
        for outages in (1, 2):
            server.stop()
            assert [guarded.call(price) for _ in range(5)] == [42] * 5
            assert len(warnings_in(caplog)) == outages
            server.start()
            clock.now += 1.0
            guarded.call(price)
            assert guarded.ask(price, fails=True)[:2] == (42, True)
        store.close()
    assert breaker.state is CircuitState.CLOSED


@pytest.mark.parametrize("answer", ["OOM command not allowed", "READONLY replica", "LOADING"])
def test_a_redis_that_refuses_is_trouble(answer):
    """Out of memory, a replica, still loading: left alone for a moment, like one that is down."""

    class Refusing(fakeredis.FakeRedis):
        def set(self, *args, **kwargs):
            raise redis.ResponseError(answer)

    with Refusing() as client:
        store = RedisStore(client)
        with pytest.raises(redis.ResponseError):
            store.put("key", 1, 60.0)
        with pytest.raises(CircuitOpenError):
            store.put("key", 1, 60.0)


def test_an_interrupt_while_asking_redis_is_no_trouble():
    """Ctrl-C does not make the store forget that Redis is well."""

    class Interrupted(fakeredis.FakeRedis):
        def getrange(self, *args, **kwargs):
            raise KeyboardInterrupt

    with Interrupted() as client:
        store = RedisStore(client)
        with pytest.raises(KeyboardInterrupt):
            store.get("key")
        assert store.breaker.state is CircuitState.CLOSED


# The asynchronous store.


async def price_async(*, fails: bool = False) -> int:
    return price(fails=fails)


def test_the_async_store_keeps_and_finds_like_the_sync_one():
    """Both read each other's entries; misses, garbage and bounds are the same."""

    async def main() -> None:
        server = fakeredis.FakeServer()
        async with fakeredis.FakeAsyncRedis(server=server) as client:
            store = AsyncRedisStore(client, max_bytes=100)
            for value in VALUES:
                await store.put("key", value, 60.0)
                assert await store.get("key") == value
            with fakeredis.FakeRedis(server=server) as plain:
                assert RedisStore(plain).get("key") == VALUES[-1]
            assert 59_000 < await client.pttl(store.place("key")) <= 60_000
            await store.put("long", "x" * 200, 60.0)
            await client.set(store.place("garbage"), b"\xff")
            await client.rpush(store.place("list"), "a")
            for key in ("none", "long", "garbage", "list"):
                with pytest.raises(KeyError):
                    await store.get(key)
            assert store.breaker.state is CircuitState.CLOSED

    asyncio.run(main())


def test_the_async_store_serves_coroutines_from_a_real_server(server):
    """The last good answer comes back through a socket."""

    async def main() -> None:
        store = AsyncRedisStore.from_url(server.url, timeout=PATIENCE, namespace="async")
        guarded = fallback_on(store)
        assert await guarded.ask_async(price_async) == (42, False, None)
        value, stale, error = await guarded.ask_async(price_async, fails=True)
        assert (value, stale, str(error)) == (42, True, "the shop is down")
        await store.aclose()

    asyncio.run(main())


def test_with_redis_down_or_hanging_coroutines_get_their_own_result(caplog):
    """One complaint each, and no waiting after the first call."""

    async def main(url: str) -> None:
        store = AsyncRedisStore.from_url(url, timeout=0.05, clock=Clock())
        guarded = fallback_on(store)
        assert [await guarded.call(price_async) for _ in range(20)] == [42] * 20
        assert store.breaker.snapshot().admitted == 1
        await store.aclose()

    asyncio.run(main(f"redis://127.0.0.1:{free_port()}/0"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(main(f"redis://127.0.0.1:{silent.getsockname()[1]}/0"))
    assert len(warnings_in(caplog)) == 2


def test_for_coroutines_values_that_are_not_kept_do_not_look_like_a_redis_that_is_back(caplog):
    """The asynchronous store does not say either that it works when it has not asked."""

    async def answer(*, fails: bool) -> object:
        return object() if price(fails=fails) else None

    async def main() -> None:
        store = AsyncRedisStore.from_url(f"redis://127.0.0.1:{free_port()}/0")
        guarded = fallback_on(store)
        for _ in range(5):
            await guarded.call(answer, fails=False)
            with pytest.raises(ConnectionError):
                await guarded.call(answer, fails=True)
        await store.aclose()

    asyncio.run(main())
    assert len(warnings_in(caplog)) == 2


def test_a_coroutine_cancelled_while_asking_redis_is_no_trouble():
    """A client that hangs up does not make the store forget that Redis is well."""

    async def main() -> None:
        asked = asyncio.Event()

        class Hanging(fakeredis.FakeAsyncRedis):
            async def getrange(self, *args, **kwargs):
                asked.set()
                await asyncio.Event().wait()

        async with Hanging() as client:
            store = AsyncRedisStore(client)
            task = asyncio.create_task(store.get("key"))
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert store.breaker.state is CircuitState.CLOSED

    asyncio.run(main())
