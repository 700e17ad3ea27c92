"""Keys of the cached fallback: nobody is served what somebody else was answered."""

from __future__ import annotations

import datetime
import functools
import operator
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from test_breaker.stage import drive
from test_breaker.test_fallback import Shaky

import simcb
from simcb.breaker import Bulkhead, CachedFallback, CircuitBreaker, UnkeyableError
from simcb.breaker.keys import key_of


class User:
    """Known by its address only."""

    def __init__(self, name: str) -> None:
        self.name = name

    def orders(self, page: int = 1) -> str:
        return f"{self.name}'s page {page}"

    def __call__(self) -> str:
        return self.name

    @staticmethod
    def count(page: int = 1) -> int:
        return page


class Named(User):
    """Says its name, and may have more to it."""

    def __repr__(self) -> str:
        return f"Named({self.name!r})"


class Text(str):
    """A string with more to it."""


class Zone(datetime.tzinfo):
    """A time zone of somebody's own."""

    def utcoffset(self, _: object) -> datetime.timedelta:
        return datetime.timedelta(0)


@dataclass(frozen=True)
class Order:
    number: int
    user: object


class Colour(Enum):
    RED = 1


class Owner(Enum):
    ALICE = User("alice")


def fetch(user: object, *more: object, **named: object) -> str:
    return f"for {getattr(user, 'name', user)}"


async def fetch_later(user: object) -> str:
    return f"for {user}"


def captures(user: object) -> Callable[[], str]:
    return lambda: fetch(user)


def inner(user: object) -> Callable[[], str]:
    def ask() -> str:
        return fetch(user)

    return ask


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


@functools.lru_cache
def cached(item: str) -> str:
    return item


LOOP: list[object] = [1]
LOOP.append(LOOP)
NOON = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.timezone.utc)  # noqa: UP017
REFUSED: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], str]] = [
    (fetch, (ALICE,), {}, "user"),
    (fetch, (Named("bob"),), {}, "user"),
    (fetch, (), {"user": ALICE}, "user"),
    (fetch, (1, ALICE), {}, "more"),
    (fetch, (), {"user": 1, "by": ALICE}, "named"),
    (fetch, ([{"who": (ALICE,)}],), {}, "user"),
    (fetch, ({ALICE},), {}, "user"),
    (fetch, (LOOP,), {}, "user"),
    (fetch, (Order(1, "tea"),), {}, "user"),
    (fetch, (Text("tea"),), {}, "user"),
    (fetch, (Owner.ALICE,), {}, "user"),
    (fetch, (NOON.replace(tzinfo=Zone()),), {}, "user"),
    (fetch, (fetch,), {}, "user"),
    (fetch, (User,), {}, "user"),
    (fetch, (captures(1),), {}, "user"),
    (fetch, (functools.partial(fetch, 1),), {}, "user"),
    (fetch, (CircuitBreaker(),), {}, "user"),
    (functools.partial(fetch, ALICE), (), {}, "user"),
    (functools.partial(fetch, user=ALICE), (), {}, "user"),
    (shown, ("tea",), {"how": ALICE}, "how"),
    (ALICE.orders, (), {}, "self"),
    (Named("bob").orders, (2,), {}, "self"),
    (User.orders, (ALICE,), {}, "self"),
    (CircuitBreaker()(Bulkhead()(ALICE.orders)), (), {}, "self"),
    (CircuitBreaker().call, (ALICE.orders,), {}, "self"),
    (ALICE, (), {}, "self"),
    ([ALICE].copy, (), {}, "self"),
    ("abc".__len__, (), {}, "self"),
    (lambda: fetch(1), (), {}, "its name"),
    (captures("alice"), (), {}, "its name"),
    (inner(1), (), {}, "its name"),
    (defaults(1), (), {}, "its name"),
    (CircuitBreaker()(Bulkhead()(captures(1))), (), {}, "its name"),
    (CircuitBreaker().call, (captures(1),), {}, "its name"),
    (for_user("bob")(fetch), (1,), {}, "its name"),
    (ForUser(fetch, "bob"), (1,), {}, "its name"),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("func", "args", "named", "variable"), REFUSED)
def test_what_is_no_plain_value_or_may_have_captured_anything_is_refused(
    func: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any], variable: str
) -> None:
    """Before the function is called, with the name of what is wrong and the remedy."""
    store = Shaky()
    with pytest.raises(UnkeyableError, match="give CachedFallback a key=") as refused:
        CachedFallback(store).call(func, *args, **named)
    assert refused.value.variable == variable
    assert f"{variable} " in str(refused.value)
    assert store.kept == {}
    fallback = CachedFallback(store, key=lambda *args, **named: "as it is")
    fallback.call(func, *args, **named)
    assert list(store.kept) == ["as it is"]


@pytest.mark.parametrize("func", [captures(1), inner(1), ALICE.orders, ALICE, fetch_later])
def test_what_could_never_have_a_key_is_refused_when_it_is_decorated(func: Any) -> None:
    """Not at its first call, which may come when the service is down."""
    if func is fetch_later:
        assert drive(CachedFallback()(func)(1)) == "for 1"
        return
    with pytest.raises(UnkeyableError, match="give CachedFallback a key="):
        CachedFallback()(func)


class Shop:
    """A class whose methods are decorated in place."""

    def __init__(self, name: str, fallback: CachedFallback | None = None) -> None:
        self.name = name

    @CachedFallback()
    def outage(self, down: bool) -> str:
        return self.name

    @CachedFallback(key=lambda self, down: self.name)
    def told(self, down: bool) -> str:
        if down:
            raise OSError("down")
        return f"{self.name} {id(self)}"


def test_a_decorated_method_is_refused_at_its_first_call() -> None:
    """Its object is no plain value; with a key of your own each has its own answers."""
    with pytest.raises(UnkeyableError, match=r"outage\(\) cannot be told apart: self is"):
        Shop("alice").outage(False)
    with pytest.raises(UnkeyableError, match="user is"):
        drive(CachedFallback()(fetch_later)(User("alice")))  # type: ignore[arg-type]
    fresh = [Shop("alice").told(False), Shop("bob").told(False)]
    assert [Shop("bob").told(True), Shop("alice").told(True)] == fresh[::-1]


KEYS: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], str]] = [
    (fetch, ("tea",), {}, "fetch(user='tea')"),
    (fetch, (1,), {"b": None, "a": 2.5}, "fetch(user=1, named={'a': 2.5, 'b': None})"),
    (fetch, (1, 2), {}, "fetch(user=1, more=tuple(2))"),
    (fetch, ([1, (2,), {"x": b"y"}],), {}, "fetch(user=list(1, tuple(2), {'x': b'y'}))"),
    (fetch, ({"b", "a"},), {}, "fetch(user=set('a', 'b'))"),
    (fetch, (frozenset(),), {}, "fetch(user=frozenset())"),
    (fetch, (Colour.RED,), {}, f"fetch(user={__name__}.Colour.RED=1)"),
    (fetch, (Decimal("1.0"),), {}, "fetch(user=Decimal('1.0'))"),
    (fetch, (NOON.date(),), {}, "fetch(user=datetime.date(2026, 11, 29))"),
    (fetch, (NOON,), {}, f"fetch(user={NOON!r})"),
    (fetch, (uuid.UUID(int=7),), {}, f"fetch(user={uuid.UUID(int=7)!r})"),
    (fetch, ("<User object at 0x7f00>",), {}, "fetch(user='<User object at 0x7f00>')"),
    (functools.partial(fetch, 1, a=2), (3,), {}, "fetch(user=1, more=tuple(3), named={'a': 2})"),
    (CircuitBreaker()(Bulkhead()(fetch)), (2,), {}, "fetch(user=2)"),
    (CircuitBreaker()(functools.partial(fetch, 2)), (), {}, "fetch(user=2)"),
    (CircuitBreaker().call, (fetch, 2), {}, "fetch(user=2)"),
    (User.count, (), {}, "User.count(page=1)"),
    (alices, ("tea",), {}, "alices(args=tuple('tea'))"),
    (shown, ("tea",), {}, "shown(item='tea', page=1, size=10.5)"),
    (shown, ("tea",), {"how": None}, "shown(item='tea', page=1, size=10.5, how=None)"),
    (cached, ("tea",), {}, "cached(arguments=tuple('tea'), keywords={})"),
    (Named, ("bob",), {}, "Named(name='bob')"),
]


@pytest.mark.parametrize(("func", "args", "named", "key"), KEYS)
def test_a_key_is_the_name_and_the_values(
    func: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any], key: str
) -> None:
    """Whatever stands between: partials, guards, what a module has decorated it with."""
    store = Shaky()
    CachedFallback(store).call(func, *args, **named)
    assert list(store.kept) == [f"{__name__}.{key}"]


@pytest.mark.parametrize(
    "values",
    [
        (True, 1, 1.0, Decimal(1), "1", b"1"),
        (0.0, -0.0, False, None),
        ((1,), [1], {1}, frozenset({1}), {1: 1}),
        ((1, 2), ((1, 2),), ("1, 2",)),
        (Colour.RED, 1, "Colour.RED"),
        ({"a": 1}, {"a": True}, {"b": 1}),
    ],
)
def test_values_that_are_equal_or_look_alike_are_told_apart(values: tuple[Any, ...]) -> None:
    """Whatever `==` says of them: each has a key of its own, and gets its own answer."""
    assert len({key_of(fetch, (one,), {}) for one in values}) == len(values)


def test_the_name_of_an_argument_cannot_pass_for_its_value() -> None:
    """Keywords that are spread out may be called anything."""
    both = [{"a": 1, "b": 2}, {"a': 1, 'b": 2}, {"a=1, b": 2}]
    assert len({key_of(fetch, (1,), named) for named in both}) == 3


def test_functions_of_one_place_in_a_builtin_module_have_keys() -> None:
    """They have no captured data, and there is one of each name."""
    store = Shaky()
    assert CachedFallback(store).call(operator.add, 1, 2) == 3
    assert list(store.kept) == ["_operator.add(a=1, b=2)"]


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


def price(item: str) -> str:
    return outage(DOWN, f"price of {item}")


def stock(item: str) -> str:
    return outage(DOWN, f"stock of {item}")


@pytest.mark.usefixtures("service")
def test_functions_of_one_store_are_told_apart_by_their_names() -> None:
    """Each is served its own answers, through whatever guards it is called."""
    breaker, fallback = CircuitBreaker(), CachedFallback()
    ways = [fallback(price), fallback(breaker(stock))]
    fresh = [way("tea") for way in ways]
    assert fresh == ["price of tea", "stock of tea"]
    DOWN.append(True)
    assert [way("tea") for way in ways] == fresh
    breaker.force_open()
    assert fallback.call(breaker.call, stock, "tea") == fallback.call(stock, "tea") == fresh[1]
    with pytest.raises(OSError, match="down"):
        fallback.call(price, "milk")


SAME: list[list[tuple[tuple[Any, ...], dict[str, Any]]]] = [
    [(("a",), {}), (("a", 1), {}), ((), {"item": "a"}), ((), {"page": 1, "item": "a"})],
    [(("a", 2), {}), (("a",), {"page": 2}), (("a", 2), {"size": 10.5})],
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


def wider(func: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(func)
    def wide(item: str, page: int = 9) -> str:
        return func(item, page)

    return wide


@wider
def wide(item: str, page: int = 1) -> str:
    return f"{item} {page}"


def test_a_wrapper_with_a_default_of_its_own_is_not_taken_for_what_it_wraps() -> None:
    """Its default is what the function is given."""
    assert key_of(wide, ("a",), {}) == key_of(wide, ("a", 9), {}) != key_of(wide, ("a", 1), {})


def place_only(item: int = 1, /, *more: object, **named: object) -> object:
    return (item, more, named)


def test_arguments_that_do_not_fit_are_left_to_the_call() -> None:
    """It raises as it would without a fallback; and a name may be a place's as well."""
    for args, named in (((), {}), (("a", 1, 2), {}), (("a",), {"item": 1}), (("a",), {"x": 1})):
        with pytest.raises(TypeError, match="shown"):
            CachedFallback().call(shown, *args, **named)
    assert place_only(item=2) == CachedFallback().call(place_only, item=2)
    assert key_of(place_only, (), {"item": 2}) != key_of(place_only, (2,), {})
    assert key_of(place_only, (2, 3), {}).endswith("place_only(item=2, more=tuple(3))")


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
