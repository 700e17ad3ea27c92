"""The circuit breaker around a call, in its constructor's words.

The models say what a file may hold; the breaker's own settings are built from them in one place, so
the world never repeats a default. What opens it is in `tripping`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from simcb import breaker as shipped
from simcb.breaker.bounds import MOST_PROBES
from simcb.outcomes import AttemptOutcome
from simcb.scenario.fields import ByName, Exclusive, Model, OrWord
from simcb.scenario.foreign import ForeignSetting, check_use
from simcb.scenario.refusal import Refused, quoted
from simcb.scenario.scalars import (
    Choice,
    Count,
    Flag,
    Name,
    Number,
    Portion,
    PositiveSeconds,
    Seconds,
    Share,
    Text,
    word,
)
from simcb.scenario.tripping import Calls, TripRules, parameters

COUNTABLE = (
    AttemptOutcome.ERROR,
    AttemptOutcome.TIMEOUT,
    AttemptOutcome.REFUSED,
    AttemptOutcome.SHED,
    AttemptOutcome.THROTTLED,
)
"""The outcomes that may count as failures; the last two only when they are named.

What the breaker itself rejects says nothing of the service, nor does a caller that left.
"""

FailedShare = Annotated[float, Share(above=0.0)]


class Around(StrEnum):
    """What a breaker or a fallback stands around: each attempt, or the request with its retries."""

    ATTEMPT = "attempt"
    REQUEST = "request"


class Recovery(Model):
    """How long the breaker stays open: `timeout`, growing by `factor` while probes fail."""

    timeout: Annotated[Seconds, word("how long the first opening lasts, seconds", "30s")] = 60.0
    factor: Annotated[
        float,
        Number(least=1.0, most=1e6),
        word("growth from one opening in a row to the next", "2"),
    ] = 1.0
    max: Annotated[
        Seconds | None,
        word("the longest opening, jitter included, seconds; ten times `timeout` if absent", "5m"),
    ] = None
    jitter: Annotated[
        Portion, word("share by which an opening may be shorter or longer, by lot", "20%")
    ] = 0.0

    hint: Annotated[
        Flag,
        word("a counted answer's Retry-After is how long it stays open, up to `max`", "true"),
    ] = False

    @model_validator(mode="after")
    def _in_order(self) -> Recovery:
        if self.max is not None and self.max < self.timeout:
            raise Refused("is less than timeout", "write a max of timeout or more", "max")
        return self


class HalfOpen(Model):
    """How the breaker finds out that it may close: by `probes` calls at once.

    The word `none` is no probes at all: it closes at its deadline. With a `ramp` a growing share
    of the calls passes instead, judged by the trip rules, and it closes at the ramp's end.

    With `successes` the first probe that fails opens it again. With `verdict` so many probes are
    let through in all, and when they have ended it closes or opens again by their rate.
    """

    exclusive: ClassVar[tuple[Exclusive, ...]] = (
        Exclusive("successes", "verdict"),
        *(Exclusive("ramp", other) for other in ("probes", "successes", "verdict", "lease")),
    )

    probes: Annotated[
        Annotated[int, Count(0, MOST_PROBES)] | None,
        word(
            "probes at the same time, 1 if absent; with verdict, in all; 0 is the same as `none`",
            "3",
        ),
    ] = None
    successes: Annotated[
        Calls | None,
        word("successful probes that close it, 1 if absent; not beside verdict", "3"),
    ] = None
    lease: Annotated[
        PositiveSeconds,
        word("how long a probe may take before it counts as failed, seconds", "10s"),
    ] = 60.0
    verdict: Annotated[
        FailedShare | None,
        word(
            "share of failed probes from which it opens again once all have ended; "
            "slow ones have the rate of their own slow_call_rate rule",
            "50%",
        ),
    ] = None

    ramp: Annotated[
        PositiveSeconds | None,
        word("how long the share of calls that pass takes to grow to all, seconds", "30s"),
    ] = None
    start: Annotated[
        Portion | None,
        Field(validation_alias="from", serialization_alias="from"),
        word("with ramp: the share of calls that pass at first; 10% if absent", "10%"),
    ] = None

    @model_validator(mode="after")
    def _one_way(self) -> HalfOpen:
        self.check_exclusive()
        if self.ramp is None and self.start is not None:
            what = "is the beginning of a ramp, and there is none"
            raise Refused(what, "add `ramp: 30s`", "from")
        for key in ("successes", "verdict") if self.probes == 0 else ():
            if getattr(self, key) is not None:
                raise Refused("is about probes, and there are none", "leave it out", key)
        return self


OWN_WORDS = ("failure_threshold", "recovery_timeout", "trip", "recovery", "half_open")
"""What says how the shipped breaker behaves, and nothing to another."""


class Breaker(Model):
    """The circuit breaker around a call, in its constructor's words.

    `use` puts another package's breaker there, with its own words in `settings`.
    `failure_threshold` is short for a `trip` rule of consecutive failures, and
    `recovery_timeout` for a `recovery` of fixed length; each is given in one of its forms.
    """

    exclusive: ClassVar[tuple[Exclusive, ...]] = (
        Exclusive("failure_threshold", "trip", "threshold", (("kind", "consecutive_failures"),)),
        Exclusive("recovery_timeout", "recovery", "timeout"),
        *(Exclusive(own, "use") for own in OWN_WORDS),
    )

    use: Annotated[
        Annotated[str, Text(most=64, least=1)] | None,
        word("a breaker of another package, or one that is registered", "pybreaker"),
    ] = None
    settings: Annotated[
        Annotated[Mapping[str, ForeignSetting], ByName()] | None,
        word("its settings, by its own parameters' names", "{fail_max: 5, reset_timeout: 30}"),
    ] = None
    failure_threshold: Annotated[Calls, word("consecutive failures that open it", "5")] = 5
    recovery_timeout: Annotated[
        Seconds, word("how long it stays open before a probe, seconds", "30s")
    ] = 60.0
    trip: Annotated[
        TripRules | None,
        word(
            "what opens it: one rule, or a list of rules of which any does, "
            "instead of failure_threshold",
            "{kind: failure_rate, rate: 50%, calls: 100}",
        ),
    ] = None
    recovery: Annotated[
        Recovery | None,
        word(
            "how long it stays open, instead of recovery_timeout",
            "{timeout: 10s, factor: 2, max: 5m}",
        ),
    ] = None
    half_open: Annotated[
        HalfOpen,
        OrWord("none", ("probes", 0)),
        word(
            "how it is probed before it closes; `none`: it closes at its deadline",
            "{probes: 3, successes: 3}",
        ),
    ] = HalfOpen()
    counts: Annotated[
        tuple[Annotated[AttemptOutcome, Choice(COUNTABLE)], ...],
        word("outcomes that are failures", "[error, timeout, refused]"),
    ] = (AttemptOutcome.ERROR, AttemptOutcome.TIMEOUT, AttemptOutcome.REFUSED)
    ignores: Annotated[
        tuple[Annotated[AttemptOutcome, Choice(COUNTABLE)], ...],
        word("outcomes that are neither failures nor successes", "[throttled]"),
    ] = (AttemptOutcome.THROTTLED,)
    around: Annotated[
        Around,
        word("whether it guards each attempt, or the request with all its retries", "request"),
    ] = Around.ATTEMPT
    per_replica: Annotated[
        Flag, word("one breaker for each replica of the service instead of one for all", "true")
    ] = False
    max_open: Annotated[
        Portion | None,
        word("with per_replica: the most of them that may be open at a time; all if absent", "50%"),
    ] = None
    panic: Annotated[
        Portion | None,
        word(
            "with per_replica: when fewer than this share of them is not open, all are asked, "
            "open or not",
            "50%",
        ),
    ] = None
    slow_start: Annotated[
        PositiveSeconds | None,
        word(
            "with per_replica: how long the weight of a replica grows from nothing to that of the "
            "others once its breaker has closed, seconds; as nginx has it, for nobody but its "
            "breaker tells who is back: a replica that is new or restarted has its whole weight",
            "60s",
        ),
    ] = None
    shared: Annotated[
        Flag, word("one breaker for all instances of the caller instead of one for each", "true")
    ] = False
    group: Annotated[
        Annotated[str, Name()] | None,
        word(
            "one breaker for all calls of the caller that name it; its settings stand at the "
            "first, and the others say nothing else",
            "suppliers",
        ),
    ] = None
    enabled: Annotated[Flag, word("false switches it off without deleting it", "false")] = True

    @model_validator(mode="after")
    def _sensible(self) -> Breaker:
        self.check_exclusive()
        if self.trip is not None and not self.trip:
            raise Refused("is empty", "name a rule, or leave it out", "trip")
        for key, named in (("counts", self.counts), ("ignores", self.ignores)):
            if len(set(named)) != len(named):
                raise Refused("names an outcome twice", "write each outcome once", key)
        both = [outcome for outcome in self.ignores if outcome in self.counts]
        if both and "ignores" in self.model_fields_set:
            raise Refused(
                f"names {quoted(both[0])}, which `counts` names too",
                "name it in one of the two",
                "ignores",
            )
        slow = any(getattr(rule, "slow", None) for rule in self.trip or ())
        if not self.counts and not slow:
            raise Refused(
                "is empty, so it never opens",
                "name an outcome like `[error]`, or write `enabled: false`",
                "counts",
            )
        check_use(self.use, self.settings or {})
        growing = self.recovery is not None and self.recovery.factor > 1.0
        if growing and self.half_open.probes == 0:
            what = "grows while probes fail, and `half_open: none` has no probes"
            raise Refused(what, "leave `factor` out", "recovery.factor")
        for key in ("max_open", "panic", "slow_start"):
            if getattr(self, key) is not None and (not self.per_replica or self.use is not None):
                raise Refused(
                    "is about simcb's breakers of the replicas of a service, and there are none",
                    "write `per_replica: true` beside it, or leave it out",
                    key,
                )
        if self.per_replica and self.group is not None:
            raise Refused(
                "makes no sense in a group, whose one breaker is for several services",
                "leave it out, or give each call a breaker of its own",
                "per_replica",
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
        return shipped.Recovery(**parameters(self.recovery))

    def half_open_policy(self) -> shipped.HalfOpen:
        """Return the breaker's own half-open settings."""
        half = self.half_open
        return shipped.HalfOpen(
            half.probes, half.successes, half.lease, half.verdict, half.ramp, half.start
        )
