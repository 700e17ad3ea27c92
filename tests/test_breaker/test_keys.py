"""Keys of the cached fallback: nobody is served what somebody else was answered."""

from __future__ import annotations

import functools
import operator
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from test_breaker.stage import drive
from test_breaker.test_fallback import Shaky

import simcb
from simcb.breaker import Bulkhead, CachedFallback, CircuitBreaker, UnkeyableError


class User:
    """Known by its address only."""

    def __init__(self, name: str) -> None:
        self.name = name

    def orders(self, page: int = 1) -> str:
        return f"{self.name}'s page {page}"

    def __call__(self) -> str:
        return self.name


class Named(User):
    """Known by its name."""

    def __repr__(self) -> str:
        return f"Named({self.name!r})"


@dataclass
class Order:
    number: int
    user: object


class Colour(Enum):
    RED = 1


def fetch(user: object, *more: object, **named: object) -> str:
    return f"for {getattr(user, 'name', user)}"


async def fetch_later(user: object) -> str:
    return f"for {user}"


def captures(user: object) -> Callable[[], str]:
    return lambda: fetch(user)


def nested(user: object) -> Callable[[], str]:
    inner = captures(user)
    return lambda: inner()


def defaults(user: object) -> Callable[[], str]:
    return lambda user=user: fetch(user)


ALICE = User("alice")
LOOP: list[object] = [1]
LOOP.append(LOOP)
REFUSED: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], str]] = [
    (fetch, (ALICE,), {}, "user"),
    (fetch, (), {"user": ALICE}, "user"),
    (fetch, (1, ALICE), {}, "argument 2"),
    (fetch, (), {"user": 1, "by": ALICE}, "by"),
    (fetch, ([{"who": (ALICE,)}],), {}, "user"),
    (fetch, ({ALICE},), {}, "user"),
    (fetch, (Order(1, ALICE),), {}, "user"),
    (fetch, (captures(1),), {}, "user"),
    (fetch, (ALICE.orders,), {}, "user"),
    (fetch, (functools.partial(fetch, 1),), {}, "user"),
    (functools.partial(fetch, ALICE), (), {}, "user"),
    (functools.partial(fetch, user=ALICE), (), {}, "user"),
    (ALICE.orders, (), {}, "self"),
    (User.orders, (ALICE,), {}, "self"),
    (CircuitBreaker()(Bulkhead()(ALICE.orders)), (), {}, "self"),
    (ALICE, (), {}, "self"),
    ([ALICE].copy, (), {}, "argument 1"),
    (captures("alice"), (), {}, "user"),
    (nested("alice"), (), {}, "user"),
    (defaults(ALICE), (), {}, "user"),
]


@pytest.mark.parametrize(("func", "args", "named", "variable"), REFUSED)
def test_what_is_known_by_its_address_or_not_at_all_is_refused(
    func: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any], variable: str
) -> None:
    """Before the function is called, with the name of what is wrong and the remedy."""
    store = Shaky()
    with pytest.raises(UnkeyableError, match="give CachedFallback a key=") as refused:
        CachedFallback(store).call(func, *args, **named)
    assert refused.value.variable == variable
    assert f"{variable} is " in str(refused.value)
    assert store.kept == {}
    fallback = CachedFallback(store, key=lambda *args, **named: "as it is")
    fallback.call(func, *args, **named)
    assert list(store.kept) == ["as it is"]


def test_a_decorated_method_is_refused_at_its_first_call() -> None:
    """Of a class without a `__repr__`; with one, each object has its own answers."""

    def outage(self: User, down: bool) -> str:
        if down:
            raise OSError("down")
        return self.name

    store = Shaky()
    cached: Any = CachedFallback(store)(outage)
    with pytest.raises(UnkeyableError, match=r"outage\(\) cannot be told apart: self is"):
        cached(User("alice"), False)
    with pytest.raises(UnkeyableError, match="user is"):
        drive(CachedFallback(store)(fetch_later)(User("alice")))  # type: ignore[arg-type]
    fallback = CachedFallback(store, key=lambda self, down: self.name)
    cached = fallback(outage)
    assert [cached(User("alice"), False), cached(User("bob"), False)] == ["alice", "bob"]
    assert [cached(Named("bob"), True), cached(Named("alice"), True)] == ["bob", "alice"]


KEYS: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], str]] = [
    (fetch, ("tea",), {}, "fetch('tea')"),
    (fetch, (1,), {"b": None, "a": 2.5}, "fetch(1, a=2.5, b=None)"),
    (fetch, ([1, (2,), {"x": b"y"}],), {}, "fetch([1, (2,), {'x': b'y'}])"),
    (fetch, ({"b", "a"},), {}, "fetch(set({'a', 'b'}))"),
    (fetch, (frozenset(),), {}, "fetch(frozenset({}))"),
    (fetch, (LOOP,), {}, "fetch([1, ...])"),
    (fetch, (Colour.RED,), {}, "fetch(<Colour.RED: 1>)"),
    (fetch, (Order(1, "tea"),), {}, "fetch(Order(number=1, user='tea'))"),
    (fetch, ("<User object at 0x7f00>",), {}, "fetch('<User object at 0x7f00>')"),
    (fetch, (fetch,), {}, f"fetch(<function {__name__}.fetch>)"),
    (functools.partial(fetch, 1, a=2), (3,), {}, "fetch(1, 3, a=2)"),
    (Named("bob").orders, (2,), {}, "User.orders(Named('bob'), 2)"),
    (CircuitBreaker()(Named("bob").orders), (2,), {}, "User.orders(Named('bob'), 2)"),
    (Named("bob"), (), {}, "Named(Named('bob'))"),
    (Named, ("bob",), {}, "Named('bob')"),
    (defaults("tea"), (), {}, "defaults.<locals>.<lambda>(user:='tea')"),
    (nested, (1,), {}, "nested(1)"),
]


@pytest.mark.parametrize(("func", "args", "named", "key"), KEYS)
def test_a_key_is_the_name_and_the_values(
    func: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any], key: str
) -> None:
    """Whatever stands between: partials, wrappers, methods; a string is only a string."""
    store = Shaky()
    CachedFallback(store).call(func, *args, **named)
    assert list(store.kept) == [f"{__name__}.{key}"]


def test_code_may_be_captured() -> None:
    """Functions, classes, modules and guards are no data; recursion ends."""
    breaker, bulkhead = CircuitBreaker(), Bulkhead()

    def inner() -> str:
        return inner.__name__ and User.__name__

    unset = [0]
    if unset[0]:
        later = 1

    def outer() -> str:
        return breaker.call(bulkhead(inner)) if os else str(later)

    store = Shaky()
    assert CachedFallback(store).call(lambda: outer()) == "User"
    assert CachedFallback(store).call(operator.add, 1, 2) == 3
    assert "_operator.add(1, 2)" in store.kept
    assert len(store.kept) == 2


def test_what_a_decorated_function_has_captured_is_always_the_same() -> None:
    """Decorating inside a function that builds a program is what decorators are for."""
    client = User("the one")

    def ask(item: str) -> str:
        return f"{item} from {client.name}"

    store = Shaky()
    assert CachedFallback(store)(ask)("tea") == "tea from the one"
    assert len(store.kept) == 1


def test_keys_are_the_same_in_every_process() -> None:
    """Sets are told in one order whatever the hashes are."""
    code = (
        "from simcb.breaker.keys import key_of\n"
        "words = {'a', 'b', 'c', 'd', 'e'}\n"
        "print(key_of(print, (words, frozenset(words), {'x': words}), {}, decorated=False))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(simcb.__file__).parents[1])}
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment | {"PYTHONHASHSEED": str(seed)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in range(3)
    }
    assert len(seen) == 1


def test_an_address_that_comes_again_serves_nobody_elses_answer() -> None:
    """Alice's object is gone, Bob's lies where it lay: he is refused, not served her answer."""
    fallback = CachedFallback()

    def served(name: str, down: bool) -> object:
        def work(user: User) -> str:
            if down:
                raise OSError("down")
            return user.name

        try:
            return fallback(work)(User(name))
        except (OSError, UnkeyableError):
            return None

    assert {served("alice", False) for _ in range(50)} == {None}
    assert {served("bob", True) for _ in range(50)} == {None}
