"""Keys of the cached fallback: nobody is served what somebody else was answered."""

from __future__ import annotations

import asyncio
import functools
import operator
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from test_breaker.stage import drive, good
from test_breaker.test_fallback import Shaky

import simcb
from simcb.breaker import (
    BreakerRegistry,
    Bulkhead,
    CachedFallback,
    CircuitBreaker,
    UnkeyableError,
)
from simcb.breaker.keys import key_of


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


def for_user(user: object) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """A decorator that has captured data, like many that pass a session in."""

    def around(func: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(func)
        def wrapper(*args: object) -> str:
            return func(user, *args)

        return wrapper

    return around


class ForUser:
    """Likewise, as an object."""

    def __init__(self, func: Callable[..., str], user: object) -> None:
        functools.update_wrapper(self, func)
        self.func, self.user = func, user

    def __call__(self, *args: object) -> str:
        return self.func(self.user, *args)


@for_user(ALICE := User("alice"))
def alices(user: object, item: str) -> str:
    return f"{item} {fetch(user)}"


def shown(item: str, page: int = 1, *, size: float = 10.5, how: object = ALICE) -> str:
    return f"{item} {page} {size}"


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
    (captures(ALICE), (), {}, "user"),
    (captures(Named("bob")), (), {}, "user"),
    (captures(["alice"]), (), {}, "user"),
    (captures(("alice", ALICE)), (), {}, "user"),
    (captures(ALICE.orders), (), {}, "user"),
    (captures(functools.partial(fetch, ALICE)), (), {}, "user"),
    (nested(ALICE), (), {}, "user"),
    (nested(defaults(ALICE)), (), {}, "user"),
    (CircuitBreaker()(Bulkhead()(captures(ALICE))), (), {}, "user"),
    (for_user(ALICE)(fetch), (1,), {}, "user"),
    (ForUser(fetch, ALICE), (1,), {}, "user"),
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
    (Named("bob"), (), {}, "User.__call__(Named('bob'))"),
    ("abc".__len__, (), {}, "str.__len__('abc')"),
    (alices, ("tea",), {}, "alices('tea')"),
    (for_user("bob")(fetch), (1,), {}, "fetch(1, user:='bob')"),
    (ForUser(fetch, "bob"), (1,), {}, "fetch(1, user:='bob')"),  # type: ignore[list-item]
    (shown, ("tea",), {}, "shown('tea', 1, how=<default>, size=10.5)"),
    (Named, ("bob",), {}, "Named('bob')"),
    (nested, (1,), {}, "nested(1)"),
]


@pytest.mark.parametrize(("func", "args", "named", "key"), KEYS)
def test_a_key_is_the_name_and_the_values(
    func: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any], key: str
) -> None:
    """Whatever stands between: partials, wrappers, methods; a string is only a string."""
    store = Shaky()
    CachedFallback(store).call(func, *args, **named)
    module = __name__ if not key.startswith("str.") else None
    assert list(store.kept) == [f"{module}.{key}"]


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


def outage(down: list[bool], text: str) -> str:
    if down:
        raise OSError("down")
    return text


DOWN: list[bool] = []
"""Not empty while the service is down."""


@pytest.fixture
def service() -> Iterator[None]:
    yield
    DOWN.clear()


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("owners", [("acme", "bolt"), (1, True), (User, Named), (fetch, outage)])
def test_each_closure_is_served_its_own_answers(owners: tuple[Any, Any]) -> None:
    """Decorated by one fallback: what was captured is in the key, be it data or code."""
    fallback = CachedFallback()

    def client_for(owner: Any) -> Callable[[str], str]:
        @fallback
        def prices(item: str) -> str:
            return outage(DOWN, f"{item} for {owner}")

        return prices

    clients = [client_for(owner) for owner in owners]
    fresh = [client("tea") for client in clients]
    assert fresh[0] != fresh[1]
    DOWN.append(True)
    assert [client("tea") for client in clients] == fresh


@pytest.mark.usefixtures("service")
def test_a_captured_value_is_the_one_of_the_call() -> None:
    """Not the one of the moment when the function was decorated."""

    def session() -> tuple[Callable[[str], None], Callable[[], str]]:
        owner = "acme"

        def take(other: str) -> None:
            nonlocal owner
            owner = other

        return take, CachedFallback()(lambda: outage(DOWN, owner))

    take, ask = session()
    assert ask() == "acme"
    take("bolt")
    assert ask() == "bolt"
    DOWN.append(True)
    assert ask() == "bolt"
    take("acme")
    assert ask() == "acme"
    take("core")
    with pytest.raises(OSError, match="down"):
        ask()


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("captured", [ALICE, Named("bob"), ["tea"], {"tea": 1}, iter("tea")])
def test_a_decorated_function_may_capture_anything_and_shares_no_answers(captured: object) -> None:
    """Each of several from one place is served what it gave itself, in a shared store, too."""
    store = Shaky()

    class Client:
        def __init__(self, name: str) -> None:
            self.name = name
            self.get = CachedFallback(store)(CircuitBreaker()(lambda path: self._get(path)))

        def _get(self, path: str) -> str:
            return outage(DOWN, f"{path} for {self.name} and {captured}")

    clients = Client("acme"), Client("bolt")

    def ask(item: str) -> str:
        return outage(DOWN, f"{item} {captured}")

    async def later(item: str) -> str:
        return ask(item)

    fallback = CachedFallback(store)
    asked = [
        clients[0].get,
        clients[1].get,
        fallback(ask),
        fallback(CircuitBreaker()(Bulkhead()(ask))),
        fallback(lambda item: ask(item)),
        lambda item: asyncio.run(fallback_later(item)),
    ]
    fallback_later = fallback(later)
    fresh = [one("tea") for one in asked]
    assert len(store.kept) == len(asked)
    DOWN.append(True)
    assert [one("tea") for one in asked] == fresh
    with pytest.raises(OSError, match="down"):
        CachedFallback(store)(ask)("tea")
    with pytest.raises(UnkeyableError, match="self is told by its address"):
        CachedFallback()(ALICE.orders)


@pytest.mark.usefixtures("service")
def test_a_decorated_function_may_change_what_it_has_captured() -> None:
    """As one that counts its calls does: the count is no part of the key."""
    calls = 0

    def bump() -> str:
        nonlocal calls
        calls += 1
        return outage(DOWN, f"call {calls}")

    for func in (bump, lambda: bump()):
        asked = CachedFallback()(func)
        fresh = asked()
        DOWN.append(True)
        assert asked() == fresh
        DOWN.clear()
    assert calls == 4


def test_guards_and_code_are_no_data_when_decorating_either() -> None:
    """A function may capture what guards it, the fallback itself, and itself."""
    breaker, bulkhead, fallback = CircuitBreaker(), Bulkhead(), CachedFallback()
    registry = BreakerRegistry()

    def inner(depth: int) -> int:
        return depth

    @fallback
    @breaker
    @bulkhead
    def outer(depth: int) -> int:
        if depth:
            return outer(depth - 1)
        with bulkhead:
            call = registry.get("other").call
            return fallback.call(lambda: breaker.call(call, inner, 7) if os else 0)

    assert outer(1) == 7
    assert fallback(lambda: fallback.call(breaker.call, good, 3))() == 3
    breaker.force_open()
    assert fallback.call(breaker.call, good, 3) == 3


@pytest.mark.usefixtures("service")
def test_lambdas_of_one_place_are_told_apart_by_what_they_do() -> None:
    """All of them have one name."""
    fallback = CachedFallback()
    both = [lambda: outage(DOWN, "users"), lambda: outage(DOWN, "orders")]
    assert [fallback.call(one) for one in both] == ["users", "orders"]
    DOWN.append(True)
    assert [fallback.call(one) for one in both] == ["users", "orders"]


SAME: list[list[tuple[tuple[Any, ...], dict[str, Any]]]] = [
    [(("a",), {}), (("a", 1), {}), ((), {"item": "a"}), ((), {"page": 1, "item": "a"})],
    [(("a", 2), {}), (("a",), {"page": 2}), (("a", 2), {"size": 10.5}), (("a", 2), {"how": ALICE})],
    [(("a", 1.0), {}), (("a",), {"page": 1.0})],
    [(("a", True), {})],
    [(("a",), {"size": 2})],
]
"""Ways to give the same arguments, line by line."""


def test_the_same_call_has_one_key_however_it_is_written() -> None:
    """By place, by name, by default, through partials, methods and wrappers."""
    keys = []
    for group in SAME:
        found = {key_of(shown, args, named) for args, named in group}
        found |= {key_of(CircuitBreaker()(shown), args, named) for args, named in group}
        found |= {key_of(functools.partial(shown, *args), (), named) for args, named in group}
        assert len(found) == 1
        keys += found
    assert len(set(keys)) == len(SAME)
    orders = Named("bob").orders
    assert key_of(orders, (), {}) == key_of(orders, (1,), {}) == key_of(orders, (), {"page": 1})


def test_a_wrapper_with_a_default_of_its_own_is_not_taken_for_what_it_wraps() -> None:
    """Its default is what the function is given."""

    @functools.wraps(shown)
    def wide(item: str, page: int = 9) -> str:
        return shown(item, page)

    assert key_of(wide, ("a",), {}) == key_of(shown, ("a", 9), {})
    assert key_of(wide, ("a", 1), {}) == key_of(shown, ("a",), {})


def place_only(item: int = 1, /, *more: object, **named: object) -> object:
    return (item, more, named)


def test_arguments_that_do_not_fit_are_left_to_the_call() -> None:
    """It raises as it would without a fallback; and a name may be a place's as well."""
    for args, named in (((), {}), (("a", 1, 2), {}), (("a",), {"item": 1}), (("a",), {"x": 1})):
        with pytest.raises(TypeError, match="shown"):
            CachedFallback().call(shown, *args, **named)
    assert key_of(place_only, (), {"item": 2}).endswith("place_only(1, item=2)")
    assert key_of(place_only, (2, 3), {}).endswith("place_only(2, 3)")


def test_keys_are_the_same_in_every_process() -> None:
    """Sets are told in one order whatever the hashes are."""
    code = (
        "from simcb.breaker.keys import key_of\n"
        "words = {'a', 'b', 'c', 'd', 'e'}\n"
        "print(key_of(print, (words, frozenset(words), {'x': words}), {}))"
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
