"""The table of metrics, and measuring by it: every number simcb reports, in that order.

A new metric is one function with its definition as docstring, and one line here.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass

from simcb.errors import FieldsError
from simcb.metrics import answers, lag, load, recovery
from simcb.metrics.facts import DEFAULT_SLO, Facts, Part, Scope, facts_of
from simcb.metrics.judgement import collapse
from simcb.metrics.measures import Measure, Measures, Per, Unit, check_known
from simcb.metrics.phase import WHOLE, layout_phases
from simcb.scenario.thresholds import spelled
from simcb.trace import Trace


@dataclass(frozen=True)
class Metric:
    """One line of the table of metrics.

    Args:
        function: computes the value in a scope; its docstring is the metric's definition. None
            says that the value is undefined there.
        unit: what the value counts.
        undefined: what is missing when there is no value, as the end of a sentence.
        per: what it is about: the run, each service, each client group, or several of these.
        phased: whether it is reported for every phase, or for the whole run only.
    """

    function: Callable[[Scope], float | None]
    unit: Unit
    undefined: str
    per: Per = Per.RUN
    phased: bool = True

    @property
    def name(self) -> str:
        """The metric's name: that of its function."""
        return self.function.__name__

    @property
    def definition(self) -> str:
        """The function's docstring, its lines aligned."""
        return inspect.getdoc(self.function) or ""

    @property
    def summary(self) -> str:
        """The definition's first sentence."""
        return self.definition.partition("\n\n")[0].replace("\n", " ")


_NO_REQUEST = "no request arrived"
_NONE_DECIDED = "no request arrived of which it is known how it ends"
_NONE_FINISHED = "no request that arrived then finished"
_NONE_OK = "no request that arrived then ended ok"
_FEW_FINISHED = "fewer than 10,000 requests that arrived then finished"
_FEW_OK = "fewer than 10,000 requests that arrived then ended ok"
_NO_ATTEMPT = "no attempt was made"
_NO_LOOKUP = "no cache in front of a call was asked"
_NO_BREAKER = "there is no breaker"
_NO_FAULT = "there is no breaker, or no fault to see"
_NO_WORK = "no worker did anything"
_TOO_LATE = "no fault ends, or the run or its requests do too soon after it"
_NO_TIME = "it takes no time"
_NO_QUEUE = "nobody pulls messages from a queue"
_NO_END = "nobody pulls messages from a queue, or a fault lasts to the end"

_ANY = Per.RUN | Per.SERVICE | Per.GROUP
_GROUP = Per.RUN | Per.GROUP
_SERVICE = Per.RUN | Per.SERVICE

_ENTRIES = (
    Metric(load.offered_rate, Unit.PER_SECOND, _NO_TIME, _GROUP),
    Metric(load.attempt_rate, Unit.PER_SECOND, _NO_TIME, _ANY),
    Metric(load.downstream_rate, Unit.PER_SECOND, _NO_TIME, _ANY),
    Metric(load.amplification, Unit.RATIO, _NO_REQUEST, _ANY),
    Metric(load.amplification_worst, Unit.RATIO, _NO_REQUEST, _ANY),
    Metric(answers.success, Unit.SHARE, _NONE_DECIDED, _GROUP),
    Metric(answers.degraded, Unit.SHARE, _NONE_DECIDED, _GROUP),
    Metric(answers.availability, Unit.SHARE, _NONE_DECIDED, _GROUP),
    Metric(answers.answered, Unit.SHARE, _NONE_DECIDED, _GROUP),
    Metric(answers.unfinished, Unit.SHARE, _NO_REQUEST, _GROUP),
    Metric(answers.goodput, Unit.PER_SECOND, _NONE_DECIDED, _GROUP),
    Metric(answers.mean, Unit.SECONDS, _NONE_FINISHED, _GROUP),
    Metric(answers.p50, Unit.SECONDS, _NONE_FINISHED, _GROUP),
    Metric(answers.p90, Unit.SECONDS, _NONE_FINISHED, _GROUP),
    Metric(answers.p95, Unit.SECONDS, _NONE_FINISHED, _GROUP),
    Metric(answers.p99, Unit.SECONDS, _NONE_FINISHED, _GROUP),
    Metric(answers.p999, Unit.SECONDS, _NONE_FINISHED, _GROUP),
    Metric(answers.p9999, Unit.SECONDS, _FEW_FINISHED, _GROUP),
    Metric(answers.max_latency, Unit.SECONDS, _NONE_FINISHED, _GROUP),
    Metric(answers.success_mean, Unit.SECONDS, _NONE_OK, _GROUP),
    Metric(answers.success_p50, Unit.SECONDS, _NONE_OK, _GROUP),
    Metric(answers.success_p90, Unit.SECONDS, _NONE_OK, _GROUP),
    Metric(answers.success_p95, Unit.SECONDS, _NONE_OK, _GROUP),
    Metric(answers.success_p99, Unit.SECONDS, _NONE_OK, _GROUP),
    Metric(answers.success_p999, Unit.SECONDS, _NONE_OK, _GROUP),
    Metric(answers.success_p9999, Unit.SECONDS, _FEW_OK, _GROUP),
    Metric(answers.success_max_latency, Unit.SECONDS, _NONE_OK, _GROUP),
    Metric(load.rejected, Unit.SHARE, _NO_ATTEMPT, _ANY),
    Metric(load.shed, Unit.SHARE, _NO_ATTEMPT, _ANY),
    Metric(load.throttled, Unit.SHARE, _NO_ATTEMPT, _ANY),
    Metric(load.hedged, Unit.SHARE, _NO_ATTEMPT, _ANY),
    Metric(load.hit_ratio, Unit.SHARE, _NO_LOOKUP, _SERVICE, phased=False),
    Metric(lag.lag, Unit.COUNT, _NO_QUEUE, _GROUP),
    Metric(lag.lag_at_end, Unit.COUNT, _NO_QUEUE, _GROUP),
    Metric(lag.time_to_catch_up, Unit.SECONDS, _NO_END, _GROUP, phased=False),
    Metric(load.unneeded_rejections, Unit.COUNT, _NO_ATTEMPT, _ANY),
    Metric(recovery.open_fraction, Unit.SHARE, _NO_BREAKER),
    Metric(recovery.time_to_trip, Unit.SECONDS, _NO_FAULT),
    Metric(recovery.false_trips, Unit.COUNT, _NO_BREAKER),
    Metric(recovery.missed_trips, Unit.COUNT, _NO_FAULT),
    Metric(recovery.flaps, Unit.COUNT, _NO_FAULT),
    Metric(recovery.time_to_recover, Unit.SECONDS, _TOO_LATE, phased=False),
    Metric(load.utilisation, Unit.SHARE, _NO_TIME, Per.SERVICE),
    Metric(load.replicas, Unit.COUNT, _NO_TIME, Per.SERVICE),
    Metric(load.restarts, Unit.COUNT, _NO_TIME, _SERVICE),
    Metric(load.down, Unit.SHARE, _NO_TIME, _SERVICE),
    Metric(load.queue_peak, Unit.COUNT, _NO_TIME, Per.SERVICE),
    Metric(load.mean_queue, Unit.COUNT, _NO_TIME, Per.SERVICE),
    Metric(load.wasted_work, Unit.SHARE, _NO_WORK, _SERVICE),
    Metric(load.worker_seconds_waiting, Unit.WORKER_SECONDS, _NO_TIME, _SERVICE),
    Metric(answers.burn, Unit.RATIO, _NONE_DECIDED, _GROUP),
    Metric(answers.budget_used, Unit.RATIO, _NONE_DECIDED),
)

METRICS: dict[str, Metric] = {each.name: each for each in _ENTRIES}
"""Name to metric, in the order of reports."""


def metric_named(name: str) -> Metric:
    """Return the metric of a name; `p99.9` is `p999`.

    Raises:
        UnknownNumberError: there is none.
    """
    check_known("metric", spelled(name), METRICS)
    return METRICS[spelled(name)]


OF_SETTINGS = {
    "collapse": Metric(
        collapse, Unit.SHARE, "the setting has not been run", Per.SETTING, phased=False
    )
}
"""What sweeps and tunes go by that is no metric of a run, but a number of many."""


def number_named(name: str) -> Metric:
    """Return the metric of a name, or what sweeps and tunes go by; `collapsed` is `collapse`.

    Raises:
        UnknownNumberError: there is none.
    """
    known = METRICS | OF_SETTINGS
    name = "collapse" if name == "collapsed" else spelled(name)
    check_known("metric", name, known)
    return known[name]


class ObjectiveError(FieldsError):
    """A service level objective is not a share below 1.

    Args:
        slo: the value.
    """

    slo: float

    def __str__(self) -> str:
        return f"an objective of {self.slo!r} leaves no error budget; write a share, 0 <= SLO < 1"


class UndefinedValueError(FieldsError):
    """A metric returned nan where it should have returned None: a mistake in the metric.

    Args:
        name: the metric.
        phase: the phase.
        of: the service or the client group, or "".
    """

    name: str
    phase: str
    of: str

    def __str__(self) -> str:
        where = f"{self.phase}, {self.of}" if self.of else self.phase
        return f"metric {self.name} is nan in {where}; it has to return None if it is undefined"


def measure(run: Trace | Facts, *, slo: float = DEFAULT_SLO) -> Measures:
    """Return every metric of a run, for the whole of it and by phase.

    Args:
        run: its trace or, where more is asked of it, the facts made from that.
        slo: share of requests that has to be answered, for `burn` and `budget_used`.

    Raises:
        ObjectiveError: `slo` is not at least 0 and below 1.
    """
    if not 0.0 <= slo < 1.0:
        raise ObjectiveError(slo)
    facts = facts_of(run, slo)
    items: list[Measure] = []
    having = {per: facts.entities.having(per) for per in {m.per for m in METRICS.values()}}
    entities = list(dict.fromkeys(each for some in having.values() for each in some))
    places = {per: [(entities.index(e), e.name) for e in some] for per, some in having.items()}
    wanted = [(metric, name, metric.unit, places[metric.per]) for name, metric in METRICS.items()]
    for phase in facts.phases:
        part = Part(facts, phase)
        scopes = [Scope.of(part, each) for each in entities]
        for metric, name, unit, about in wanted:
            if not metric.phased and phase.name != WHOLE:
                continue
            for place, of in about:
                value = metric.function(scopes[place])
                if value is not None and math.isnan(value):
                    raise UndefinedValueError(name, phase.name, of)
                items.append(Measure(name, unit, phase.name, of, value))
    return Measures(
        items=tuple(items),
        phases=tuple(each.name for each in facts.phases),
        entities=facts.entities,
        phase_names=layout_phases(facts.trace.layout),
    )
