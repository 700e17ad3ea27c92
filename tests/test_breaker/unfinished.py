"""What plain functions hand back unfinished, in the shapes well-known libraries give it."""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from concurrent.futures import Future
from typing import Any

from test_breaker.stage import Pause

Story = BaseException | None
"""How a call ends: with this exception, or well."""


async def work(story: Story) -> str:
    await Pause()
    if story is not None:
        raise story
    return "done"


async def answer(story: Story) -> str:
    """Ends likewise, for those that only an event loop can drive."""
    await asyncio.sleep(0)
    if story is not None:
        raise story
    return "done"


class Request(Coroutine[Any, Any, Any]):
    """A coroutine one may also enter, like aiohttp's `session.get(url)`."""

    def __init__(self, inner: Coroutine[Any, Any, Any]) -> None:
        self.inner = inner
        self.left = False
        self.url = "https://upstream/"

    def send(self, value: Any) -> Any:
        return self.inner.send(value)

    def throw(self, *error: Any) -> Any:
        return self.inner.throw(*error)

    def close(self) -> None:
        self.inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.inner.__await__()

    async def __aenter__(self) -> Any:
        return await self.inner

    async def __aexit__(self, *_: object) -> None:
        await Pause()
        self.left = True


class Acquiring:
    """Something to await or to enter, and no coroutine, like asyncpg's `pool.acquire()`."""

    def __init__(self, story: Story, how: Callable[[Story], Awaitable[str]] = work) -> None:
        self.story, self.how = story, how
        self.closed = self.left = False

    def close(self) -> None:
        self.closed = True

    def __await__(self) -> Generator[Any, Any, str]:
        return self.how(self.story).__await__()

    async def __aenter__(self) -> str:
        return await self

    async def __aexit__(self, *_: object) -> None:
        self.left = True


class Query:
    """Something to await or to iterate over, as many query builders make it."""

    def __init__(self, story: Story) -> None:
        self.story = story

    def __await__(self) -> Generator[Any, Any, str]:
        return work(self.story).__await__()

    async def __aiter__(self) -> AsyncIterator[int]:
        yield 1
        await work(self.story)
        yield 2


class Bare:
    """Something with nothing but an `__await__`, whose steps are no coroutine's."""

    def __init__(self, story: Story) -> None:
        self.story = story

    def __await__(self) -> Any:
        yield Pause()
        if self.story is not None:
            raise self.story
        return "done"


@types.coroutine
def legacy(story: Story) -> Generator[Any, Any, str]:
    return (yield from work(story).__await__())


AWAITABLES: dict[str, Callable[[Story], Awaitable[Any]]] = {
    "coroutine": lambda story: work(story),
    "generator-based": lambda story: legacy(story),
    "request": lambda story: Request(work(story)),
    "acquiring": Acquiring,
    "query": Query,
    "bare": Bare,
}
"""Run only while somebody awaits them; `drive` can do that."""


def task(story: Story) -> asyncio.Task[str]:
    return asyncio.get_running_loop().create_task(answer(story))


def future(story: Story) -> asyncio.Future[str]:
    made: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    end = made.set_result if story is None else made.set_exception
    asyncio.get_running_loop().call_soon(end, "done" if story is None else story)
    return made


def done(story: Story) -> asyncio.Future[str]:
    made: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    made.set_result("done") if story is None else made.set_exception(story)
    return made


FUTURES: dict[str, Callable[[Story], asyncio.Future[str]]] = {
    "task": task,
    "future": future,
    "done": done,
    "shielded": lambda story: asyncio.shield(answer(story)),
}
"""Run whether or not anybody awaits them, in the running event loop."""


def submitted(story: Story) -> Future[str]:
    """A future of an executor's that has already run."""
    made: Future[str] = Future()
    end(made, story)
    return made


def end(made: Future[str], story: Story) -> None:
    made.set_result("done") if story is None else made.set_exception(story)


async def awaited(thing: Awaitable[Any]) -> Any:
    """Awaits something that may be no coroutine."""
    return await thing


async def entered(thing: Any) -> Any:
    """Enters something and leaves it at once."""
    async with thing as value:
        return value


async def iterated(thing: Any) -> list[Any]:
    """Goes through all of it."""
    return [item async for item in thing]
