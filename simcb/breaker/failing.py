"""Stands for work that could not even be begun, where whoever called goes on to wait for it."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Future


class Failed(Coroutine[Any, Any, Any]):
    """Something to await or to enter that raises: what could not even be begun.

    A breaker around a plain function rejects at once, and whoever called is about to await.
    """

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def send(self, value: object) -> object:
        """Raises the error."""
        raise self.error

    def throw(self, *given: Any) -> object:
        """Raises the error it is given."""
        raise given[0]

    def close(self) -> None:
        """Does nothing."""

    def __await__(self) -> Generator[Any, Any, Any]:
        raise self.error

    async def __aenter__(self) -> object:
        raise self.error

    async def __aexit__(self, *_: object) -> None:
        """Is never come to."""


def failed_future(error: BaseException) -> Future[Any]:
    """Returns the future of work that could not even be begun."""
    from concurrent.futures import Future  # whoever submits has it already

    future: Future[Any] = Future()
    future.set_exception(error)
    return future
