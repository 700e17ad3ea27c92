"""The calls of a scenario that are exported, and what a format cannot say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simcb.breaker import FailureRate, SlowCallRate, TripRule
from simcb.scenario import Scenario
from simcb.scenario.breakers import Breaker
from simcb.scenario.calls import Call
from simcb.scenario.model import Service
from simcb.scenario.refusal import shown
from simcb.scenario.retries import MOST_RETRIES

COUNTED = frozenset({"error", "timeout", "refused"})
"""The outcomes that count as failures wherever no others are named."""

_BREAKER = "failure_threshold recovery_timeout trip recovery half_open enabled"


@dataclass
class Asked:
    """One call, and which of its words have been told.

    Args:
        name: what the file calls it: the call, or caller and call where several have the name.
        path: its place in the scenario.
        call: how it is made.
        service: who answers it.
        losses: what the file does not say, or says otherwise.
    """

    name: str
    path: str
    call: Call
    service: Service
    losses: list[str] = field(default_factory=list)
    _told: set[str] = field(default_factory=lambda: {"to"})

    @property
    def breaker(self) -> Breaker | None:
        """Its breaker, if it has the shipped one; another package's has no words to translate."""
        breaker = self.call.breaker
        return None if breaker is None or breaker.use is not None else breaker

    @property
    def rules(self) -> tuple[TripRule, ...]:
        """What opens its breaker."""
        return self.breaker.rules() if self.breaker else ()

    @property
    def retries(self) -> int:
        """The most retries; where a file cannot say for ever, as many as a number can."""
        retry = self.call.retry
        if retry is None or not retry.endless:
            return retry.max_retries if retry else 0
        self.lose(f"retry.max_retries forever: {MOST_RETRIES} times there")
        return MOST_RETRIES

    def tell(self, *words: str) -> None:
        """Note that the file says these words, and all inside them."""
        self._told.update(words)

    def tell_breaker(self, counted: frozenset[str] = COUNTED) -> None:
        """Note that the file says how the breaker trips and recovers.

        Args:
            counted: the outcomes that are failures there.
        """
        self.tell(*(f"breaker.{word}" for word in _BREAKER.split()))
        if self.breaker and {outcome.value for outcome in self.breaker.counts} == counted:
            self.tell("breaker.counts")

    def lose(self, what: str) -> None:
        """Note that the file does not say something, or otherwise."""
        if what not in self.losses:
            self.losses.append(what)

    def left(self) -> Iterator[str]:
        """Yield the words that are set and that the file does not say."""
        for word, value in _words(self.call.to_data(), ""):
            steps = word.split(".")
            said = {".".join(steps[:count]) for count in range(1, len(steps) + 1)}
            if not said & self._told:
                yield f"{word}: {shown(str(value), 60)}"


class Writing:
    """The lines of a file that is being written.

    Args:
        comment: what begins a comment in it.
        margin: what stands before each line.
    """

    def __init__(self, comment: str, margin: str = "", lines: list[str] | None = None) -> None:
        self.comment = comment
        self._margin = margin
        self.lines: list[str] = [] if lines is None else lines

    def add(self, *lines: str) -> None:
        """Add lines."""
        self.lines += [f"{self._margin}{line}".rstrip() for line in lines]

    def inside(self, margin: str) -> Writing:
        """Return what adds to the same file with a wider margin."""
        return Writing(self.comment, self._margin + margin, self.lines)


def calls_of(scenario: Scenario) -> list[Asked]:
    """Return all calls of a scenario that guard themselves in some way, with names of their own."""
    callers: list[tuple[str, str, Mapping[str, Call]]] = [
        *(("clients", name, group.calls) for name, group in scenario.clients.items()),
        *(("services", name, service.calls) for name, service in scenario.services.items()),
    ]
    found = [
        (kind, caller, name, call)
        for kind, caller, calls in callers
        for name, call in calls.items()
        if call.to_data()
    ]
    names = [name for _, _, name, _ in found]
    return [
        Asked(
            name if names.count(name) == 1 else f"{caller}-{name}",
            f"{kind}.{caller}.calls.{name}",
            call,
            scenario.services[call.target(name)],
        )
        for kind, caller, name, call in found
    ]


def lose_clearing(asked: Asked) -> None:
    """Note that counts are never cleared there."""
    for rule in asked.rules:
        if rule.every is not None:
            what = "counts are not cleared there, calls age one by one"
            asked.lose(f"every {rule.every:g} s: {what}")


def lose_strictness(asked: Asked, *rules: FailureRate | SlowCallRate) -> None:
    """Note that a rate there is not strict, where it is here."""
    for rule in rules:
        if rule.strict:
            asked.lose(f"strict: {percent(rule.rate)}% itself is enough there, here it takes more")


def lose_slowness(asked: Asked, rule: FailureRate) -> None:
    """Note that slow calls are no failures there, where they are here."""
    if rule.slow is not None:
        asked.lose(f"slow: a good call of {rule.slow:g} s or longer is no failure there")


def lose_flights(asked: Asked, rule: SlowCallRate | None) -> None:
    """Note that a call counts there when it ends, where it does here once it is slow."""
    if rule is not None and rule.in_flight:
        asked.lose("in_flight: a call counts there when it ends, however long it hangs")


def lose_closing(asked: Asked) -> None:
    """Note that a breaker there does not close without a probe."""
    half = None if asked.breaker is None else asked.breaker.half_open_policy()
    if half is not None and half.ramp is not None:
        asked.lose(f"half_open ramp of {half.ramp:g} s: there a probe decides, no growing share")
    elif half is not None and not half.probes:
        asked.lose("half_open none: there a probe that succeeds closes it")


def lose_growth(asked: Asked) -> None:
    """Note that a breaker there is open for the same time whenever it opens."""
    recovery = None if asked.breaker is None else asked.breaker.recovery_policy()
    if recovery is not None and (recovery.factor > 1 or recovery.jitter):
        asked.lose("recovery: it is always the same time there")


def percent(share: float) -> str:
    """Return a share as a number of percent."""
    return f"{share * 100:.12g}"


def just_below(number: float) -> float:
    """Return what a threshold that is strict there is for one that is not strict here."""
    return float(f"{number * (1.0 - 1e-9):.8g}")


def _words(data: Mapping[str, Any], path: str) -> Iterator[tuple[str, object]]:
    for word, value in data.items():
        place = f"{path}.{word}" if path else word
        if isinstance(value, dict) and "kind" not in value:
            yield from _words(value, place)
        else:
            yield place, value
