"""One breaker for each name, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from simcb.breaker.breaker import CircuitBreaker
from simcb.breaker.errors import ParameterError
from simcb.breaker.records import Snapshot
from simcb.breaker.sharing import Shared


class BreakerRegistry(Shared):
    """Hands out one breaker per name, to any number of threads.

    Args:
        build: makes the breaker of a name. It runs outside every lock; if two threads ask
            for a new name together it may run twice, and both get the same breaker.
    """

    __slots__ = ("_breakers", "_build")

    def __init__(self, build: Callable[[str], CircuitBreaker] = CircuitBreaker) -> None:
        if not callable(build):
            raise ParameterError("build", build, "a function that makes a breaker for a name")
        self._build = build
        self._breakers: dict[str, CircuitBreaker] = {}

    def get(self, name: str) -> CircuitBreaker:
        """Returns the breaker of this name.

        Raises:
            ParameterError: if `build` makes something else, or a breaker of another name.
        """
        found = self._breakers.get(name)
        if found is None:
            made = self._build(name)
            if not isinstance(made, CircuitBreaker) or made.name != name:
                raise ParameterError("build", made, f"a CircuitBreaker({name!r}, …)")
            found = self._breakers.setdefault(name, made)
        return found

    __getitem__ = get

    def forget(self, name: str) -> None:
        """Drops a breaker, so that the next `get` makes another; an unknown name is no error."""
        self._breakers.pop(name, None)

    def snapshots(self) -> dict[str, Snapshot]:
        """Returns a snapshot of every breaker, by name."""
        return {name: breaker.snapshot() for name, breaker in self._breakers.copy().items()}

    def __contains__(self, name: object) -> bool:
        return name in self._breakers

    def __iter__(self) -> Iterator[str]:
        return iter(self._breakers.copy())

    def __repr__(self) -> str:
        return f"<BreakerRegistry {', '.join(map(repr, self))}>"

    def __len__(self) -> int:
        return len(self._breakers)
