"""Bodies of responses, which settle their requests' permits when they end.

Each passes on what the library's own body gives, part by part, and knows nothing of what is
in it. The libraries insist on classes of theirs, so their modules derive from these.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Any

from simcb.breaker import Permit


class Pending:
    """A body that has still to be read, and the permit of its request.

    Args:
        stream: the library's own body.
        permit: settled when it is known how the request ended.
        raised: settles the permit by an exception.
    """

    def __init__(
        self, stream: Any, permit: Permit, raised: Callable[[Permit, BaseException], None]
    ) -> None:
        self._stream = stream
        self._permit = permit
        self._raised = raised

    def __del__(self) -> None:
        self._permit.success()


class Body(Pending):
    """The body of a synchronous response, which settles its request when it ends."""

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except GeneratorExit:  # the caller has read enough, which `close` will say
            raise
        except BaseException as error:
            self._raised(self._permit, error)
            raise
        self._permit.success()

    def close(self) -> None:
        """Closes the library's body; what was read until now was well."""
        try:
            self._stream.close()
        except BaseException as error:
            self._raised(self._permit, error)
            raise
        self._permit.success()


class AsyncBody(Pending):
    """The body of an asynchronous response, which settles its request when it ends."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = aiter(self._stream)
        try:
            async for part in parts:
                yield part
        except GeneratorExit:  # the caller has read enough, which `aclose` will say
            if isinstance(parts, AsyncGenerator):  # `async for` does not, as `yield from` does
                await parts.aclose()
            raise
        except BaseException as error:
            self._raised(self._permit, error)
            raise
        self._permit.success()

    async def aclose(self) -> None:
        """Closes the library's body; what was read until now was well."""
        try:
            await self._stream.aclose()
        except BaseException as error:
            self._raised(self._permit, error)
            raise
        self._permit.success()
