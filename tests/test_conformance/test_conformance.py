"""The contract held against breakers: what is known of each is found, and ours keeps all."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, ClassVar

import pytest
from test_cli.commands import simcb

from simcb.adapters import AdapterError
from simcb.adapters.ours import ADAPTER as OURS
from simcb.adapters.protocol import Adapter, Clock, Comparable
from simcb.adapters.registry import adapter
from simcb.conformance import (
    LINES,
    ConformanceError,
    Conformity,
    Standing,
    conformity,
    contract_test,
)
from simcb.conformance.stories import Story

KNOWN = {
    "pybreaker": {2, 5, 6, 8, 10, 11},
    "circuitbreaker": {2, 4, 5},
    "aiobreaker": {2, 4, 8},
    "asyncbreaker": {2, 4, 8},
    "purgatory": {1, 2, 4, 5, 8},
    "interlock-cb": {6},
    "fluxgate": {2, 4, 6, 8},
    "pyresilience": {2, 4},
    "nopanic": {4, 6},
    "textbook": {2, 4, 5, 8},
    "unawaited": {5},
}
"""The lines that each breaks at the version that the extra `peers` brings."""

REPEATS = ("asyncbreaker", "fluxgate", "interlock-cb", "nopanic", "pyresilience")
"""Those that break no line that none of the others breaks."""

NAMES = [pytest.param(each, marks=pytest.mark.slow if each in REPEATS else ()) for each in KNOWN]


@cache
def checked(name: str) -> Conformity:
    """Return what is found of an installed breaker."""
    return conformity(adapter(name))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_breaker_breaks_is_found(name: str) -> None:
    """No more and no less than was seen by hand, each with a history."""
    found = checked(name)
    assert {each.line.number for each in found.violated} == KNOWN[name]
    assert all(each.history and each.what for each in found.violated)


def test_ours_keeps_every_line() -> None:
    """And every line was tried."""
    found = conformity(OURS)
    assert [each.standing for each in found.findings] == [Standing.HOLDS] * len(LINES)


def test_a_history_is_as_short_as_it_can_be() -> None:
    """A late success that closes needs two calls, one failure, and nothing else."""
    found = checked("circuitbreaker")
    late = next(each for each in found.violated if each.line.number == 4)
    assert late.history == "call 1 asks, call 2 asks, call 1 fails, call 2 succeeds"


class Wedged:
    """Opens at the first failure, and stays so."""

    def __init__(self, clock: Clock) -> None:
        self.state = "closed"

    def enter(self) -> object:
        return None if self.state == "open" else self

    def leave(self, entry: object, error: BaseException | None) -> None:
        self.state = "open" if error else self.state


class Forgetful(Wedged):
    """Never opens."""

    def leave(self, entry: object, error: BaseException | None) -> None:
        pass


def of(make: type[Wedged]) -> Adapter:
    return Adapter("broken", make, "", comparable=Comparable(lambda threshold, timeout: {}))


def test_a_breaker_that_is_stuck_is_caught() -> None:
    """It neither lets a probe through nor ever closes."""
    found = conformity(of(Wedged))
    histories = {each.line.number: each.history for each in found.violated}
    assert histories[7] == "call 1 asks, call 1 fails"
    assert histories[1] == "call 1 asks, call 1 fails, 10 s pass, call 2 asks"


def test_a_line_that_nothing_came_to_does_not_hold() -> None:
    """What never opens keeps no deadline: nobody knows."""
    standing = {each.line.number: each.standing for each in conformity(of(Forgetful)).findings}
    assert standing[5] is Standing.VIOLATED
    assert standing[1] is standing[2] is standing[6] is Standing.NOT_TRIED


class Raising(Wedged):
    """Raises from its third call on."""

    def __init__(self, clock: Clock, needed: int) -> None:
        super().__init__(clock)
        self._calls = needed

    def enter(self) -> object:
        self._calls += 1
        if self._calls > 1:
            raise ZeroDivisionError("oh")
        return super().enter()


def test_what_a_breaker_raises_is_its_own_fault() -> None:
    """With the history, and not a bug of simcb; so is a setting that it does not take."""
    with pytest.raises(AdapterError, match=r"of broken raised ZeroDivisionError: oh after"):
        conformity(Adapter("broken", Raising, ""), lambda failures, seconds: {"needed": 0})
    with pytest.raises(AdapterError, match=r"making one with .*needed"):
        conformity(Adapter("broken", Raising, ""), lambda failures, seconds: {})


def test_a_breaker_without_settings_is_refused() -> None:
    """Nothing says how to open it."""
    with pytest.raises(ConformanceError, match="comparable"):
        conformity(Adapter("mine", Wedged, ""))


# The suite for authors, on a breaker of thirty lines that keeps what it can.
class TwoStrikes:
    """Opens at so many failures in a row, and lets one probe through at a time."""

    def __init__(self, clock: Clock, strikes: int = 2, pause: float = 10.0) -> None:
        self.state, self._clock = "closed", clock
        self._strikes, self._pause, self._failures = strikes, pause, 0
        self._era, self._opened_at, self._probe_at = 0, 0.0, -float("inf")

    def enter(self) -> int | None:
        now = self._clock()
        if self.state == "open" and now - self._opened_at >= self._pause:
            self.state, self._probe_at = "half_open", -float("inf")
        if self.state == "open" or (self.state == "half_open" and now - self._probe_at < 60.0):
            return None
        self._probe_at = now
        return self._era

    def leave(self, entry: int, error: BaseException | None) -> None:
        if entry != self._era:
            return
        if error is not None and not isinstance(error, Exception):
            self._probe_at = -float("inf")
        elif error is None:
            self._failures = 0
            self._become("closed")
        else:
            self._failures += 1
            if self.state == "half_open" or self._failures >= self._strikes:
                self._become("open")

    def _become(self, state: str) -> None:
        if state != self.state:
            self.state, self._era, self._failures = state, self._era + 1, 0
            self._opened_at = self._clock()


class Hoarding(TwoStrikes):
    """Keeps something of every call."""

    def __init__(self, clock: Clock, **settings: Any) -> None:
        super().__init__(clock, **settings)
        self._kept: list[object] = []

    def enter(self) -> int | None:
        self._kept.append(object())
        return super().enter()


class Immortal(TwoStrikes):
    """Is held for ever."""

    held: ClassVar[list[object]] = []

    def __init__(self, clock: Clock, **settings: Any) -> None:
        super().__init__(clock, **settings)
        self.held.append(self)


def strikes(failures: int, seconds: float) -> dict[str, object]:
    return {"strikes": failures, "pause": seconds}


@pytest.mark.parametrize("make", [Hoarding, pytest.param(Immortal, marks=pytest.mark.slow)])
def test_what_grows_is_caught(make: type[TwoStrikes]) -> None:
    """With the calls, or with the breakers."""
    found = conformity(Adapter("broken", make, ""), strikes)
    assert [each.line.number for each in found.violated] == [13]
    Immortal.held.clear()


test_contract = contract_test(TwoStrikes, strikes)


def test_a_case_that_fails_says_how() -> None:
    """The message has the history."""
    test = contract_test(Wedged, lambda failures, seconds: {})
    with pytest.raises(pytest.fail.Exception, match="call 1 asks, call 1 fails, 10 s pass"):
        test(LINES[0])


def test_calls_under_way_are_let_go() -> None:
    """A story that ends leaves no coroutine behind to complain."""
    story = Story(OURS, {"failure_threshold": 1})
    story.asked = 0
    story.end()
    assert not story.under_way


# The verb.


def test_the_verb_says_it_line_by_line() -> None:
    """Somebody named who breaks a line: 99; all outputs agree."""
    screen = simcb("conformance", "textbook")
    assert screen.exit_code == 99
    assert "textbook breaks 4 lines of the contract" in screen.stdout
    data = json.loads(simcb("conformance", "textbook", "--format", "json").stdout)
    broken = [
        line["line"] for line in data["breakers"][0]["lines"] if line["standing"] == "violated"
    ]
    assert broken == sorted(KNOWN["textbook"])
    assert simcb("conformance", "simcb", "--format", "junit").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [(("nope",), "simcb, pybreaker"), ((), "--all"), (("simcb", "--all"), "--all")],
)
def test_wrong_words_are_answered(words: tuple[str, ...], said: str) -> None:
    """With the remedy."""
    found = simcb("conformance", *words)
    assert found.exit_code == 2
    assert said in found.output
