"""What opens the breaker around a call: a new rule is one class and one line in `TRIP_RULES`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import model_validator

from simcb import breaker as shipped
from simcb.breaker.bounds import MOST_CALLS
from simcb.scenario.fields import Exclusive, Model, OneOf, OneOrMore, fields
from simcb.scenario.refusal import Refused
from simcb.scenario.scalars import Count, Flag, Portion, PositiveSeconds, word

Calls = Annotated[int, Count(1, MOST_CALLS)]
IN_FLIGHT = word(
    "whether a call counts as slow once it has been out for `slow`, before it ends; "
    "its end then adds nothing to this rule",
    "true",
)
EVERY = word("the counts are cleared so often since it closed, seconds", "8s")


def parameters(model: Model) -> dict[str, Any]:
    """Return the breaker's own parameters: they are the words of the file."""
    return {word: getattr(model, word) for word in fields(type(model)) if word != "kind"}


class TripRule(Model):
    """Base of all trip rules: what makes a closed breaker open."""

    kind: str

    def rule(self) -> shipped.TripRule:
        """Return the breaker's own rule of these settings."""
        return shipped.TRIP_RULES[self.kind](**parameters(self))


class ConsecutiveFailures(TripRule):
    """It opens at the `threshold`-th failure in a row."""

    kind: Literal["consecutive_failures"] = "consecutive_failures"
    threshold: Annotated[Calls, word("failures in a row that open it", "5")] = 5
    every: Annotated[PositiveSeconds | None, EVERY] = None


class FailuresInWindow(TripRule):
    """It opens at `threshold` failures within `window`, or since the counts were cleared."""

    kind: Literal["failures_in_window"] = "failures_in_window"
    threshold: Annotated[Calls, word("failures in the window that open it", "5")] = 5
    window: Annotated[
        PositiveSeconds | None, word("how long a failure counts, seconds; 1m if absent", "1m")
    ] = None
    every: Annotated[PositiveSeconds | None, EVERY] = None

    exclusive: ClassVar[tuple[Exclusive, ...]] = (Exclusive("every", "window"),)

    @model_validator(mode="after")
    def _one_window(self) -> FailuresInWindow:
        self.check_exclusive()
        return self


class WindowRule(TripRule):
    """Base of the rules about a share of calls.

    They are those of the last `calls`, of the last `window`, or since the counts were cleared.
    """

    exclusive: ClassVar[tuple[Exclusive, ...]] = (
        Exclusive("window", "calls"),
        Exclusive("every", "calls"),
        Exclusive("every", "window"),
    )

    rate: Annotated[Portion, word("share of the counted calls that opens it", "50%")] = 0.5
    calls: Annotated[Calls | None, word("how many calls the window holds", "100")] = None
    window: Annotated[
        PositiveSeconds | None, word("how long a call stays in the window, seconds", "1m")
    ] = None
    minimum_calls: Annotated[
        Calls | None,
        word(
            "calls in the window below which it never opens; "
            "if absent 10, or all of a smaller count window",
            "20",
        ),
    ] = None
    every: Annotated[PositiveSeconds | None, EVERY] = None
    strict: Annotated[
        Flag, word("whether it takes more than `rate`; otherwise exactly so many will do", "true")
    ] = False

    @model_validator(mode="after")
    def _one_window(self) -> WindowRule:
        if self.calls is None and self.window is None and self.every is None:
            raise Refused(
                "says neither how many calls nor how long it looks back",
                "add `calls: 100`, `window: 1m` or `every: 1m`",
            )
        self.check_exclusive()
        if not self.strict and not self.rate:
            raise Refused("0% is too small", "write a share above 0, or add `strict: true`", "rate")
        if self.strict and self.rate >= 1.0:
            raise Refused("is never passed", "write less than 100%, or drop `strict`", "rate")
        least = self.minimum_calls
        if self.calls is not None and least is not None and least > self.calls:
            raise Refused(
                f"is more than the window's {self.calls} calls, so it never opens",
                f"write at most {self.calls}",
                "minimum_calls",
            )
        return self


class FailureRate(WindowRule):
    """It opens when at least `rate` of the calls in the window failed, or took `slow` or longer."""

    kind: Literal["failure_rate"] = "failure_rate"
    slow: Annotated[
        PositiveSeconds | None,
        word("how long a call takes to count as failed here, however it ends, seconds", "2s"),
    ] = None
    in_flight: Annotated[Flag, IN_FLIGHT] = False

    @model_validator(mode="after")
    def _slow_in_flight(self) -> FailureRate:
        if self.in_flight and self.slow is None:
            what = "counts slow calls before they end, and the rule does not say what is slow"
            raise Refused(what, "add `slow: 2s`, or leave it out", "in_flight")
        return self


class SlowCallRate(WindowRule):
    """It opens when at least `rate` of the calls in the window took `slow` or longer."""

    kind: Literal["slow_call_rate"] = "slow_call_rate"
    slow: Annotated[PositiveSeconds, word("how long a call takes to count as slow, seconds", "2s")]
    in_flight: Annotated[Flag, IN_FLIGHT] = False


TRIP_RULES: dict[str, type[Model]] = {
    "consecutive_failures": ConsecutiveFailures,
    "failures_in_window": FailuresInWindow,
    "failure_rate": FailureRate,
    "slow_call_rate": SlowCallRate,
}

TripRules = Annotated[
    tuple[Annotated[TripRule, OneOf("trip rule", TRIP_RULES)], ...], OneOrMore("trip rules")
]
"""One rule, or a list of rules of which any opens the breaker."""
