"""Stand-ins: runs that are also another setting's, to the last bit, which need not be run again.

As long as no breaker opens it does not matter how long one would stay open or how it would be
probed; nor, if a rule was never met, that another asks for more. So what a run without an opening
gave is what all settings give, on the same random streams, that open no sooner. And breakers that
behave alike are alike, whichever words of a file say so.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simcb.breaker import Recovery, TripRule
from simcb.metrics import Verdict
from simcb.metrics.phase import WHOLE
from simcb.scenario import Scenario
from simcb.scenario.breakers import OWN_WORDS, Around, Breaker
from simcb.scenario.calls import Call
from simcb.studies.evaluation.cells import Column, digest_of, unpacked

Rules = tuple[tuple[TripRule, ...], ...]
"""The trip rules of each breaker."""

_MORE_IS_LATER = frozenset({"threshold", "rate", "minimum_calls"})
"""What a trip rule may ask more of, all else being equal, to be met no sooner."""


@dataclass(frozen=True)
class Behaviour:
    """What decides about a run: how its breakers behave, and all the rest.

    Breakers of other packages, and those that are switched off, belong to the rest.

    Args:
        rest: identifies everything else.
        rules: each breaker's trip rules.
        recoveries: how long each stays open.
        probes: how each is probed.
    """

    rest: str
    rules: Rules
    recoveries: tuple[Recovery, ...]
    probes: tuple[Mapping[str, object], ...]

    @classmethod
    def of(cls, scenario: Scenario) -> Behaviour:
        """Return what decides about the runs of a scenario."""
        data = scenario.without_sweep().to_data()
        found: list[tuple[Call, Breaker]] = []
        for caller, name, call in scenario.guarded_calls:
            if call.breaker is None or call.breaker.use is not None or not call.breaker.enabled:
                continue
            # Whether a word is written or left at what it is anyway makes no difference.
            words = call.breaker.model_dump(mode="json", exclude=set(OWN_WORDS))
            group = data["clients" if caller in scenario.clients else "services"]
            group[caller]["calls"][name]["breaker"] = words
            found.append((call, call.breaker))
        return cls(
            digest_of(scenario, data),
            tuple(breaker.rules() for _, breaker in found),
            tuple(breaker.recovery_policy() for _, breaker in found),
            tuple(_probes(call, breaker) for call, breaker in found),
        )

    def opens_no_sooner(self, other: Behaviour) -> bool:
        """Tell whether a run is the other's up to that one's first opening."""
        return self.rest == other.rest and _are_later(self.rules, other.rules)


def _probes(call: Call, breaker: Breaker) -> Mapping[str, object]:
    """Return how a breaker is probed; all leases are alike that no probe can outlast."""
    half = vars(breaker.half_open_policy())
    waits = call.rate_limit is not None or call.bulkhead is not None
    alone = breaker.group is None
    ends = alone and call.timeout is not None and breaker.around is Around.ATTEMPT and not waits
    return {**half, "lease": math.inf} if ends and half["lease"] > (call.timeout or 0.0) else half


def _are_later(ours: Rules, theirs: Rules) -> bool:
    """Tell whether no breaker opens before its counterpart among others."""
    return len(ours) == len(theirs) and all(
        all(any(_is_later(rule, each) for each in others) for rule in rules)
        for rules, others in zip(ours, theirs, strict=True)
    )


def _is_later(rule: TripRule, other: TripRule) -> bool:
    """Tell whether a rule is never met unless another one is, or was before."""
    theirs = vars(other)
    return type(rule) is type(other) and all(
        value >= theirs[name] if name in _MORE_IS_LATER else value == theirs[name]
        for name, value in vars(rule).items()
    )


class StandIns:
    """The runs of one seed, to be found for whoever they can stand in.

    Args:
        columns: what is measured in each scenario.
    """

    def __init__(self, columns: Sequence[Sequence[Column]]) -> None:
        self._places = [[each.index(column) for column in _OPENING] for each in columns]
        self._runs: dict[tuple[str, int], list[tuple[Behaviour, bool, Verdict, bytes]]] = (
            defaultdict(list)
        )

    def add(
        self, place: int, behaviour: Behaviour, replicate: int, verdict: Verdict, row: bytes
    ) -> None:
        """Take in a run of the scenario at a place."""
        numbers = unpacked(row)
        share, false_trips = (numbers[index] for index in self._places[place])
        # An opening that lasts no time is in no share of it.
        lasts = all(each.timeout > 0.0 for each in behaviour.recoveries)
        opened = not (share == 0.0 and false_trips == 0.0 and lasts)
        self._runs[behaviour.rest, replicate].append((behaviour, opened, verdict, row))

    def find(self, behaviour: Behaviour, replicate: int) -> tuple[Verdict, bytes] | None:
        """Return what a run came to that is the same; None if none is known."""
        for other, opened, verdict, row in self._runs[behaviour.rest, replicate]:
            if behaviour == other or (not opened and behaviour.opens_no_sooner(other)):
                return verdict, row
        return None


_OPENING = (Column("open_fraction", WHOLE, ""), Column("false_trips", WHOLE, ""))
"""What is nothing where no breaker opens, and undefined where there is none."""


def in_turn(wanted: Sequence[tuple[Behaviour, int]]) -> list[int]:
    """Return the places of runs, each with its replicate, those first that may stand in for others.

    That is one for each set of rules, the soonest first; what differs in the rest alone comes last.
    """
    rules = dict.fromkeys(behaviour.rules for behaviour, _ in wanted)
    sooner = {each: sum(_are_later(each, other) for other in rules) for each in rules}
    seen: Counter[tuple[str, int, Rules]] = Counter()
    keys = []
    for behaviour, replicate in wanted:
        alike = behaviour.rest, replicate, behaviour.rules
        keys.append((seen[alike], sooner[behaviour.rules]))
        seen[alike] += 1
    return sorted(range(len(wanted)), key=keys.__getitem__)
