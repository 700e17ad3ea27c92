"""From a trace to its measures: every metric of the table, in every phase, of all it is about."""

from __future__ import annotations

import math

from simcb.errors import SimcbError
from simcb.metrics.entities import Entity
from simcb.metrics.facts import DEFAULT_SLO, Facts, Scope, scope_of
from simcb.metrics.measures import Measure, Measures
from simcb.metrics.metric import Metric
from simcb.metrics.phase import WHOLE
from simcb.metrics.table import METRICS
from simcb.trace import Trace


class ObjectiveError(SimcbError):
    """A service level objective is not a share below 1.

    Args:
        slo: the value.
    """

    def __init__(self, slo: float) -> None:
        super().__init__(slo)
        self.slo = slo

    def __str__(self) -> str:
        return f"an objective of {self.slo!r} leaves no error budget; write a share, 0 <= SLO < 1"


class UndefinedValueError(SimcbError):
    """A metric returned nan where it should have returned None: a mistake in the metric.

    Args:
        name: the metric.
        phase: the phase.
        of: the service or the client group, or "".
    """

    def __init__(self, name: str, phase: str, of: str) -> None:
        super().__init__(name, phase, of)
        self.name = name
        self.phase = phase
        self.of = of

    def __str__(self) -> str:
        where = f"{self.phase}, {self.of}" if self.of else self.phase
        return f"metric {self.name} is nan in {where}; it has to return None if it is undefined"


def measure(trace: Trace, *, slo: float = DEFAULT_SLO) -> Measures:
    """Return every metric of a run, for the whole of it and by phase.

    Args:
        trace: the run.
        slo: share of requests that has to be answered, for `burn` and `budget_used`.

    Raises:
        ObjectiveError: `slo` is not at least 0 and below 1.
    """
    if not 0.0 <= slo < 1.0:
        raise ObjectiveError(slo)
    facts = Facts(trace, slo)
    items: list[Measure] = []
    wanted = [(metric, facts.entities.having(metric.per)) for metric in METRICS.values()]
    for phase in facts.phases:
        scopes: dict[Entity, Scope] = {}
        whole = scope_of(facts, phase)
        for metric, entities in wanted:
            if not metric.phased and phase.name != WHOLE:
                continue
            for entity in entities:
                if entity not in scopes:
                    scopes[entity] = whole.of(entity)
                items.append(_measured(metric, scopes[entity], entity.name))
    return Measures(
        items=tuple(items),
        phases=tuple(each.name for each in facts.phases),
        entities=facts.entities,
        faults=tuple(dict.fromkeys(each.name for each in trace.layout.faults)),
    )


def _measured(metric: Metric, scope: Scope, of: str) -> Measure:
    value = metric.function(scope)
    if value is not None and math.isnan(value):
        raise UndefinedValueError(metric.name, scope.phase.name, of)
    return Measure(metric.name, metric.unit, scope.phase.name, of, value)
