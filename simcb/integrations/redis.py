"""Stores that let several processes share the last good answers, for `CachedFallback`.

    prices = CachedFallback(RedisStore.from_url("redis://cache:6379/0"), ttl=300.0)

A cache must never be the reason a call fails or waits. A fallback goes on without its store
when that raises, and logs it once; what remains is the time a dead Redis takes to be found
dead. So each store has a breaker of its own: the first error (down, out of time, out of
memory, read-only) opens it, and so does the first answer that took a second; calls then pass
Redis by without asking, and one a second tries again. `from_url` gives a client that does not
retry and waits a quarter of a second at most for a Redis that says nothing; a client of your
own should be as impatient, or each of those tries holds its caller up.

What no timeout of a synchronous client bounds is an answer that drips: it waits anew for every
piece, so one caller may be held up until the last of them. The asynchronous client's timeout
is for the whole answer.

Values are JSON unless another codec is given, and never pickles: whoever can write to Redis
could otherwise run code in every process that reads from it. What the codec cannot write is
not kept, and what it cannot read is a miss, whoever wrote it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
import time
from collections.abc import Callable
from typing import Any, Final, Generic, Self, TypeVar

from simcb.breaker import (
    CircuitBreaker,
    CircuitOpenError,
    CircuitState,
    ConsecutiveFailures,
    ParameterError,
    SlowCallRate,
)
from simcb.breaker.bounds import duration, whole
from simcb.errors import MissingExtraError
from simcb.integrations import encodable

try:
    import redis
    import redis.asyncio
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError as error:
    raise MissingExtraError("redis", "redis") from error

Dumps = Callable[[Any], str | bytes]
Loads = Callable[[bytes], Any]

TIMEOUT: Final = 0.25
"""Seconds `from_url` waits for a connection and for each answer, or each piece of an answer."""

SLOW: Final = 1.0
"""Seconds from which an answer is trouble, though it came: a cache must not make calls wait."""

LONGEST_KEY: Final = 512
"""Bytes of a key that are kept as they are; a longer one is replaced by its SHA-256.

So is one that UTF-8 cannot encode, and one that looks as if it had been replaced already.
"""

HASHED: Final = "sha256:"
"""What a replaced key begins with."""

MOST_BYTES: Final = 2**29
"""The largest string Redis itself takes."""

QUIET: Final = 60.0
"""Seconds for which a complaint about entries is not repeated."""

ClientT = TypeVar("ClientT", bound=redis.Redis | redis.asyncio.Redis)

_log = logging.getLogger("simcb.integrations")


def to_json(value: object) -> bytes:
    """Writes a value as compact JSON; NaN and infinities are refused, as they are not JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def from_json(data: bytes) -> object:
    """Reads a value from JSON: tuples have become lists, and keys strings."""
    value: object = json.loads(data)
    return value


class Shelf(Generic[ClientT]):
    """What the synchronous and the asynchronous store have in common: all but the asking.

    Args:
        client: what asks Redis; see the module's docstring about its timeouts.
        namespace: stands before every key, so that applications can share a database.
        dumps: writes a value; raises on one it cannot write.
        loads: reads a value; raises on bytes it cannot read.
        max_bytes: size of the largest entry kept or read; a larger one is a miss.
        breaker: decides when Redis is left alone; by default it opens at the first error and
            at the first answer that took a second, and tries again every second.
        clock: seconds; for the default breaker, and to keep complaints about entries rare.

    Raises:
        ParameterError: when a value makes no sense.
    """

    def __init__(
        self,
        client: ClientT,
        *,
        namespace: str = "simcb",
        dumps: Dumps = to_json,
        loads: Loads = from_json,
        max_bytes: int = 1_048_576,
        breaker: CircuitBreaker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not isinstance(namespace, str) or not namespace or encodable(namespace) != namespace:
            allowed = "a string that is not empty and that UTF-8 can encode"
            raise ParameterError("namespace", namespace, allowed)
        if not all(callable(getattr(client, method, None)) for method in ("getrange", "set")):
            raise ParameterError("client", _shown(client), "a client of Redis, or use from_url")
        if breaker is not None and not isinstance(breaker, CircuitBreaker):
            raise ParameterError("breaker", breaker, "a CircuitBreaker")
        self.client = client
        self.namespace = namespace
        self.max_bytes = whole("max_bytes", max_bytes, high=MOST_BYTES)
        self.breaker = breaker or CircuitBreaker(
            f"redis {namespace}",
            trip=[ConsecutiveFailures(1), SlowCallRate(SLOW, calls=1)],
            recovery_timeout=1.0,
            clock=clock,
        )
        self._dumps = dumps
        self._loads = loads
        self._clock = clock
        self._complained: dict[str, float] = {}

    kind: Any
    """The library's class of such a client."""
    retry: Any
    """Its class of what decides about trying again."""

    @classmethod
    def from_url(cls, url: str, *, timeout: float = TIMEOUT, **settings: Any) -> Self:
        """Returns a store whose client asks once and gives up after `timeout` silent seconds.

        The other arguments are those of the store.

        Raises:
            ParameterError: if this is no URL of a Redis, or the timeout makes no sense.
        """
        seconds = duration("timeout", timeout, positive=True)
        try:
            client = cls.kind.from_url(
                url,
                socket_timeout=seconds,
                socket_connect_timeout=seconds,
                retry=cls.retry(NoBackoff(), 0),
            )
        except (ValueError, AttributeError) as error:
            allowed = "redis://host:port/database, rediss:// or unix://"
            raise ParameterError("url", _shown(url), allowed) from error
        return cls(client, **settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(namespace={self.namespace!r})"

    def place(self, key: str) -> str:
        """Returns the key an entry has in Redis; no two keys have the same."""
        written = key.encode("utf-8", "surrogatepass")
        as_it_is = len(written) <= LONGEST_KEY and encodable(key) == key
        if as_it_is and not key.startswith(HASHED):
            return f"{self.namespace}:{key}"
        return f"{self.namespace}:{HASHED}{hashlib.sha256(written).hexdigest()}"

    def pack(self, value: object) -> bytes | None:
        """Returns the entry of a value, or None if it is not to be kept."""
        try:
            written = self._dumps(value)
        except Exception as error:
            self._complain("write", f"a {type(value).__name__} is not kept: {error}")
            return None
        entry = written.encode() if isinstance(written, str) else written
        if len(entry) > self.max_bytes:
            self._complain(
                "size", f"{len(entry):,} bytes are not kept; max_bytes is {self.max_bytes:,}"
            )
            return None
        return entry

    def check(self) -> None:
        """Stands for asking Redis where there is nothing to ask.

        A fallback takes whatever returns for a store that works again, and logs its next
        trouble anew; so while Redis is in trouble, this raises as asking it would.

        Raises:
            CircuitOpenError: if Redis has not answered since it last failed to.
        """
        if self.breaker.state is not CircuitState.CLOSED:
            raise CircuitOpenError(self.breaker.name, self.breaker.recovery_timeout)

    def unpack(self, key: str, reply: object) -> Any:
        """Returns the value of what Redis answered to `GETRANGE`.

        Raises:
            KeyError: if there is no entry, or it is not one that this store could have kept.
        """
        entry = reply.encode() if isinstance(reply, str) else reply
        if entry == b"":
            raise KeyError(key)
        try:
            if not isinstance(entry, bytes):
                raise TypeError(str(entry))
            if len(entry) > self.max_bytes:
                raise ValueError(f"it is longer than {self.max_bytes:,} bytes")
            return self._loads(entry)
        except Exception as error:
            self._complain("read", f"the entry of {key!r} cannot be read: {error}")
            raise KeyError(key) from error

    def _complain(self, kind: str, what: str) -> None:
        """Logs a kind of complaint, unless it was logged a short time ago."""
        now = self._clock()
        if now - self._complained.get(kind, -math.inf) >= QUIET:
            self._complained[kind] = now
            _log.warning("store %r: %s", self.namespace, what)


class RedisStore(Shelf[redis.Redis]):
    """A store in Redis for synchronous callers, shared by any number of threads."""

    kind = redis.Redis
    retry = Retry

    def get(self, key: str) -> Any:
        """Returns the value kept for the key.

        Raises:
            KeyError: if there is none.
            redis.RedisError: if Redis does not answer, or not as it should.
            CircuitOpenError: if it did not a moment ago.
        """
        with self.breaker.acquire():
            try:
                reply: object = self.client.getrange(self.place(key), 0, self.max_bytes)
            except redis.ResponseError as error:
                reply = _if_another_type(error)
        return self.unpack(key, reply)

    def put(self, key: str, value: object, ttl: float) -> None:
        """Keeps a value for `ttl` seconds, if the codec can write it.

        Raises:
            redis.RedisError: if Redis does not answer, or not as it should.
            CircuitOpenError: if it did not a moment ago.
        """
        entry = self.pack(value)
        if entry is None:
            self.check()
        else:
            with self.breaker.acquire():
                self.client.set(self.place(key), entry, px=_milliseconds(ttl))

    def close(self) -> None:
        """Closes the client's connections."""
        self.client.close()


class AsyncRedisStore(Shelf[redis.asyncio.Redis]):
    """A store in Redis for coroutines; its client belongs to one event loop."""

    kind = redis.asyncio.Redis
    retry = AsyncRetry

    async def get(self, key: str) -> Any:
        """Returns the value kept for the key; raises like `RedisStore.get`."""
        with self.breaker.acquire():
            try:
                reply: object = await self.client.getrange(self.place(key), 0, self.max_bytes)
            except redis.ResponseError as error:
                reply = _if_another_type(error)
        return self.unpack(key, reply)

    async def put(self, key: str, value: object, ttl: float) -> None:
        """Keeps a value for `ttl` seconds; raises like `RedisStore.put`."""
        entry = self.pack(value)
        if entry is None:
            self.check()
        else:
            with self.breaker.acquire():
                await self.client.set(self.place(key), entry, px=_milliseconds(ttl))

    async def aclose(self) -> None:
        """Closes the client's connections."""
        await self.client.aclose()


def _shown(url: object) -> str:
    """Returns what may be a URL without its password, which is not for logs."""
    return re.sub(r"//[^/]*@", "//…@", str(url))


def _milliseconds(ttl: float) -> int:
    return max(1, round(duration("ttl", ttl, positive=True) * 1000))


def _if_another_type(error: redis.ResponseError) -> object:
    """Returns the error as the answer if somebody keeps a list or the like under our key.

    Redis is well then, and the entry only counts as one that cannot be read.
    """
    if str(error).startswith("WRONGTYPE"):
        return error
    raise error
