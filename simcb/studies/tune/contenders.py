"""Contenders: what a tuned setting is held against, on random streams that it was not tuned on.

Your own setting, no breaker at all, and what well-known libraries do if one sets nothing. A
new library is one line in `DEFAULTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from simcb.scenario import Scenario
from simcb.scenario.breakers import OWN_WORDS, Breaker
from simcb.scenario.refusal import listed, quoted
from simcb.studies.evaluation.contenders import breakers_of

_ANY = 10_000
"""Probes at once of a library that bounds them by nothing: the most a breaker allows."""

_NO_LEASE = "365d"
"""How long a probe may take: none of the libraries stops waiting for it."""

_LATE = "counts a late result in whatever state it finds, here it changes nothing"


@dataclass(frozen=True)
class Default:
    """What a library's breaker does if nothing is set.

    Args:
        name: the library, and those that do the same.
        trip: when it opens, as in a scenario file: a rule, or several.
        recovery: how long it stays open.
        probes: calls let through when half-open.
        successes: how many of them close it.
        verdict: the share of failed ones from which it opens again, instead of `successes`.
        differs: what the library does otherwise than these words say; "" if nothing.
    """

    name: str
    trip: Mapping[str, object] | Sequence[Mapping[str, object]]
    recovery: str
    probes: int = 1
    successes: int = 1
    verdict: str = ""
    differs: str = ""

    @property
    def words(self) -> dict[str, object]:
        """The breaker's words in a scenario file."""
        rules = [self.trip] if isinstance(self.trip, Mapping) else self.trip
        closes = {"verdict": self.verdict} if self.verdict else {"successes": self.successes}
        return {
            "trip": [dict(rule) for rule in rules],
            "recovery": {"timeout": self.recovery},
            "half_open": {"probes": self.probes, "lease": _NO_LEASE, **closes},
        }


def _in_a_row(threshold: int) -> dict[str, object]:
    return {"kind": "consecutive_failures", "threshold": threshold}


def _share(rate: str, minimum_calls: int, **window: object) -> dict[str, object]:
    return {"kind": "failure_rate", "rate": rate, "minimum_calls": minimum_calls, **window}


def _share_or_slow(minimum_calls: int) -> tuple[dict[str, object], ...]:
    """Half of the last hundred calls failed, or all of them took a minute."""
    window = {"calls": 100, "minimum_calls": minimum_calls}
    slow = {"kind": "slow_call_rate", "slow": "60s", "rate": "100%", **window}
    return _share("50%", **window), slow


DEFAULTS = (
    Default(
        "pybreaker 5/60s",
        _in_a_row(5),
        "60s",
        differs="holds a lock during the call, so that calls go one at a time",
    ),
    Default("circuitbreaker, purgatory 5/30s", _in_a_row(5), "30s", probes=_ANY, differs=_LATE),
    Default("pyresilience 5/30s", _in_a_row(5), "30s", _ANY, successes=2, differs=_LATE),
    Default("gobreaker 6/60s", _in_a_row(6), "60s"),
    Default("resilience4j 50%/60s", _share_or_slow(100), "60s", 10, verdict="50%", differs=_LATE),
    Default(
        "interlock 50%/60s",
        _share_or_slow(10),
        "60s",
        10,
        verdict="50%",
        differs="lets its ten probes through one at a time, here all may go at once",
    ),
    Default(
        "nopanic 50%/30s",
        _share("50%", 5, window="30s"),
        "30s",
        differs="counts in ten buckets of 3 s, here each call ages by itself",
    ),
    Default(
        "opossum 50%/30s",
        _share("50%", 1, window="10s"),
        "30s",
        differs="opens above 50%, not at it; counts rejections as calls, in ten buckets of 1 s",
    ),
    Default(
        "Hystrix 50%/5s",
        _share("50%", 20, window="10s"),
        "5s",
        differs="looks twice a second at ten buckets of 1 s, here at every call",
    ),
    Default(
        "Polly 10%/5s",
        _share("10%", 100, window="30s"),
        "5s",
        differs="counts in ten buckets of 3 s, here each call ages by itself",
    ),
)
"""Published defaults, as near as the words of a scenario come to them.

What comes only near says so in `differs`, and every view passes it on. fluxgate and Envoy
recover by degrees, which no breaker with three states does, so they are left out.
"""


def with_default(
    scenario: Scenario, default: Default, services: Collection[str] | None = None
) -> dict[str, object]:
    """Return the changes that give breakers a library's default: all, or those of services."""
    return with_breakers(scenario, lambda _: default.words, services)


def with_breakers(
    scenario: Scenario,
    words: Callable[[Breaker], Mapping[str, object]],
    services: Collection[str] | None = None,
) -> dict[str, object]:
    """Return the changes that put others in the place of breakers: all, or those of services.

    What is guarded, what counts as a failure and who shares the breaker stay the scenario's. What
    the others cannot be told is in `left_out`.

    Args:
        scenario: whose breakers are replaced.
        words: returns what to write of the new one, for the old one.
        services: the services whose breakers are replaced; None for all.
    """
    return {
        path: {**_kept(breaker, words(breaker)), **words(breaker)}
        for path, breaker in breakers_of(scenario, services)
    }


_OF_ITSELF = {*OWN_WORDS, "use", "settings", "enabled"}
"""What says how a breaker behaves; all else is about where it stands and what it hears."""

_OF_OURS = {"max_open", "panic", "slow_start"}
"""What a caller does about the breakers of all replicas together, which only simcb's take."""


def _kept(breaker: Breaker, words: Mapping[str, object]) -> dict[str, object]:
    """Return the words of a breaker that hold for the one in its place, too."""
    without = _OF_ITSELF | (_OF_OURS if "use" in words else set())
    return {word: said for word, said in breaker.to_data().items() if word not in without}


def left_out(scenario: Scenario, words: Callable[[Breaker], Mapping[str, object]]) -> str:
    """Return which words of breakers those in their place have not, in words; "" if none.

    Args:
        scenario: as in `with_breakers`.
        words: as there.
    """
    lost = {
        word
        for _, breaker in breakers_of(scenario)
        for word in {*breaker.to_data()} - _OF_ITSELF - {*_kept(breaker, words(breaker))}
    }
    named = listed(map(quoted, sorted(lost)))
    return f"runs without {named}, which only simcb's breaker has" if lost else ""
