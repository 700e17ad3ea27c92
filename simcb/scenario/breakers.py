"""The circuit breaker around a call, in its constructor's words.

A new trip rule is one class here and one line in `TRIP_RULES`. The models say what a file
may hold; the breaker's own settings are built from them in one place, so the world never
repeats a default. This module must not know how a breaker decides.
"""

from __future__ import annotations

from abc import abstractmethod
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from simcb import breaker as shipped
from simcb.outcomes import AttemptOutcome
from simcb.scenario.forms import Choice, Count, Flag
from simcb.scenario.part import Family, OneAlone, Part, Twins
from simcb.scenario.quantities import Portion, PositiveSeconds, Quantity, Seconds, Share
from simcb.scenario.refusal import Refused

MOST_CALLS = 1_000_000
"""The largest count window or threshold: the breaker's own limit."""

MOST_PROBES = 10_000
"""The most probes at once: the breaker's own limit."""

COUNTABLE = (
    AttemptOutcome.ERROR,
    AttemptOutcome.TIMEOUT,
    AttemptOutcome.REFUSED,
    AttemptOutcome.SHED,
)
"""The outcomes that may count as failures; the last only when it is named.

What the breaker itself rejects says nothing of the service, nor does a caller that left.
"""

Threshold = Annotated[int, Count(least=1, most=MOST_CALLS)]
FailedShare = Annotated[float, Share(above=0.0)]


class Around(StrEnum):
    """What one breaker call is: each attempt, or the whole request with its retries."""

    ATTEMPT = "attempt"
    REQUEST = "request"


class TripRule(Part):
    """Base of all trip rules: what makes a closed breaker open."""

    kind: str

    @abstractmethod
    def rule(self) -> shipped.TripRule:
        """Return the breaker's own rule of these settings."""


class ConsecutiveFailures(TripRule):
    """It opens at the `threshold`-th failure in a row."""

    kind: Literal["consecutive_failures"] = "consecutive_failures"
    threshold: Threshold = Field(
        default=5, description="failures in a row that open it", examples=["5"]
    )

    def rule(self) -> shipped.TripRule:
        """Return the breaker's own rule of these settings."""
        return shipped.ConsecutiveFailures(self.threshold)


class FailuresInWindow(TripRule):
    """It opens at `threshold` failures within `window`, whatever else succeeds."""

    kind: Literal["failures_in_window"] = "failures_in_window"
    threshold: Threshold = Field(
        default=5, description="failures in the window that open it", examples=["5"]
    )
    window: PositiveSeconds = Field(
        default=60.0, description="how long a failure counts, seconds", examples=["1m"]
    )

    def rule(self) -> shipped.TripRule:
        """Return the breaker's own rule of these settings."""
        return shipped.FailuresInWindow(self.threshold, self.window)


class WindowRule(TripRule):
    """Base of the rules about a share of the last `calls` calls, or of the last `window`."""

    twins: ClassVar[tuple[Twins, ...]] = (Twins("window", "calls"),)

    rate: FailedShare = Field(
        default=0.5, description="share of the counted calls that opens it", examples=["50%"]
    )
    calls: Annotated[int, Count(least=1, most=MOST_CALLS)] | None = Field(
        default=None, description="how many calls the window holds", examples=["100"]
    )
    window: PositiveSeconds | None = Field(
        default=None, description="how long a call stays in the window, seconds", examples=["1m"]
    )
    minimum_calls: Annotated[int, Count(least=1, most=MOST_CALLS)] | None = Field(
        default=None,
        description="calls in the window below which it never opens; "
        "if absent 10, or all of a smaller count window",
        examples=["20"],
    )

    @model_validator(mode="after")
    def _one_window(self) -> WindowRule:
        if self.calls is None and self.window is None:
            raise Refused(
                "says neither how many calls nor how long it looks back",
                "add `calls: 100` or `window: 1m`",
            )
        self.demand_no_twins()
        least = self.minimum_calls
        if self.calls is not None and least is not None and least > self.calls:
            raise Refused(
                f"is more than the window's {self.calls} calls, so it never opens",
                f"write at most {self.calls}",
                "minimum_calls",
            )
        return self


class FailureRate(WindowRule):
    """It opens when at least `rate` of the calls in the window are failures."""

    kind: Literal["failure_rate"] = "failure_rate"

    def rule(self) -> shipped.TripRule:
        """Return the breaker's own rule of these settings."""
        return shipped.FailureRate(self.rate, self.calls, self.window, self.minimum_calls)


class SlowCallRate(WindowRule):
    """It opens when at least `rate` of the calls in the window took `slow` or longer."""

    kind: Literal["slow_call_rate"] = "slow_call_rate"
    slow: PositiveSeconds = Field(
        description="how long a call takes to count as slow, seconds", examples=["2s"]
    )

    def rule(self) -> shipped.TripRule:
        """Return the breaker's own rule of these settings."""
        return shipped.SlowCallRate(
            self.slow, self.rate, self.calls, self.window, self.minimum_calls
        )


TRIP_RULES: dict[str, type[Part]] = {
    "consecutive_failures": ConsecutiveFailures,
    "failures_in_window": FailuresInWindow,
    "failure_rate": FailureRate,
    "slow_call_rate": SlowCallRate,
}

TripRules = Annotated[
    tuple[Annotated[TripRule, Family("trip rule", TRIP_RULES)], ...], OneAlone("trip rules")
]
"""One rule, or a list of rules of which any opens the breaker."""


class Recovery(Part):
    """How long the breaker stays open: `timeout`, growing by `factor` while probes fail."""

    timeout: Seconds = Field(
        default=60.0, description="how long the first opening lasts, seconds", examples=["30s"]
    )
    factor: Annotated[float, Quantity(least=1.0, most=1e6)] = Field(
        default=1.0, description="growth from one opening in a row to the next", examples=["2"]
    )
    max: Seconds | None = Field(
        default=None,
        description="the longest opening, jitter included, seconds; ten times `timeout` if absent",
        examples=["5m"],
    )
    jitter: Portion = Field(
        default=0.0,
        description="share by which an opening may be shorter or longer, by lot",
        examples=["20%"],
    )

    @model_validator(mode="after")
    def _in_order(self) -> Recovery:
        if self.max is not None and self.max < self.timeout:
            raise Refused("is less than timeout", "write a max of timeout or more", "max")
        return self


class HalfOpen(Part):
    """How the breaker finds out that it may close: by `probes` calls at once.

    With `successes` the first probe that fails opens it again. With `verdict` so many probes are
    let through in all, and when they have ended it closes or opens again by their rate.
    """

    twins: ClassVar[tuple[Twins, ...]] = (Twins("successes", "verdict"),)

    probes: Annotated[int, Count(least=1, most=MOST_PROBES)] = Field(
        default=1,
        description="probes at the same time; with verdict, in all",
        examples=["3"],
    )
    successes: Threshold | None = Field(
        default=None,
        description="successful probes that close it, 1 if absent; not beside verdict",
        examples=["3"],
    )
    lease: PositiveSeconds = Field(
        default=60.0,
        description="how long a probe may take before it counts as failed, seconds",
        examples=["10s"],
    )
    verdict: FailedShare | None = Field(
        default=None,
        description="share of failed probes from which it opens again once all have ended; "
        "slow ones have the rate of their own slow_call_rate rule",
        examples=["50%"],
    )

    @model_validator(mode="after")
    def _one_way(self) -> HalfOpen:
        self.demand_no_twins()
        return self


class Breaker(Part):
    """The circuit breaker around a call, in its constructor's words.

    `failure_threshold` is short for a `trip` rule of consecutive failures, and
    `recovery_timeout` for a `recovery` of fixed length; each is given in one of its forms.
    """

    twins: ClassVar[tuple[Twins, ...]] = (
        Twins("failure_threshold", "trip", "threshold", (("kind", "consecutive_failures"),)),
        Twins("recovery_timeout", "recovery", "timeout"),
    )

    failure_threshold: Threshold = Field(
        default=5, description="consecutive failures that open it", examples=["5"]
    )
    recovery_timeout: Seconds = Field(
        default=60.0, description="how long it stays open before a probe, seconds", examples=["30s"]
    )
    trip: TripRules | None = Field(
        default=None,
        description="what opens it: one rule, or a list of rules of which any does, "
        "instead of failure_threshold",
        examples=["{kind: failure_rate, rate: 50%, calls: 100}"],
    )
    recovery: Recovery | None = Field(
        default=None,
        description="how long it stays open, instead of recovery_timeout",
        examples=["{timeout: 10s, factor: 2, max: 5m}"],
    )
    half_open: HalfOpen = Field(
        default=HalfOpen(),
        description="how it is probed before it closes",
        examples=["{probes: 3, successes: 3}"],
    )
    counts: tuple[Annotated[AttemptOutcome, Choice(AttemptOutcome, COUNTABLE)], ...] = Field(
        default=(AttemptOutcome.ERROR, AttemptOutcome.TIMEOUT, AttemptOutcome.REFUSED),
        description="outcomes that are failures",
        examples=["[error, timeout, refused]"],
    )
    around: Annotated[Around, Choice(Around)] = Field(
        default=Around.ATTEMPT,
        description="whether it guards each attempt, or the request with all its retries",
        examples=["request"],
    )
    per_replica: Annotated[bool, Flag()] = Field(
        default=False,
        description="one breaker for each replica of the service instead of one for all",
        examples=["true"],
    )
    shared: Annotated[bool, Flag()] = Field(
        default=False,
        description="one breaker for all instances of the caller instead of one for each",
        examples=["true"],
    )
    enabled: Annotated[bool, Flag()] = Field(
        default=True, description="false switches it off without deleting it", examples=["false"]
    )

    @model_validator(mode="after")
    def _sensible(self) -> Breaker:
        self.demand_no_twins()
        if self.trip is not None and not self.trip:
            raise Refused("is empty", "name a rule, or leave it out", "trip")
        if len(set(self.counts)) != len(self.counts):
            raise Refused("names an outcome twice", "write each outcome once", "counts")
        slow = any(isinstance(rule, SlowCallRate) for rule in self.trip or ())
        if not self.counts and not slow:
            raise Refused(
                "is empty, so it never opens",
                "name an outcome like `[error]`, or write `enabled: false`",
                "counts",
            )
        if self.per_replica and self.around is Around.REQUEST:
            raise Refused(
                "makes no sense around a request, whose retries go to many replicas",
                "write `around: attempt`, or leave per_replica out",
                "per_replica",
            )
        return self

    def rules(self) -> tuple[shipped.TripRule, ...]:
        """Return the breaker's own trip rules, whichever form the file has."""
        if self.trip is None:
            return (shipped.ConsecutiveFailures(self.failure_threshold),)
        return tuple(rule.rule() for rule in self.trip)

    def recovery_policy(self) -> shipped.Recovery:
        """Return the breaker's own recovery, whichever form the file has."""
        if self.recovery is None:
            return shipped.Recovery(self.recovery_timeout)
        given = self.recovery
        return shipped.Recovery(given.timeout, given.factor, given.max, given.jitter)

    def half_open_policy(self) -> shipped.HalfOpen:
        """Return the breaker's own half-open settings."""
        given = self.half_open
        return shipped.HalfOpen(given.probes, given.successes, given.lease, given.verdict)
