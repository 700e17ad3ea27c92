"""The table of metrics: every number simcb reports, in the order it reports them.

A new metric is one function with its definition as docstring, and one line here.
"""

from __future__ import annotations

from simcb.metrics import answers, load, recovery, resources, trips
from simcb.metrics.asking import check_known
from simcb.metrics.entities import Per
from simcb.metrics.measures import Unit
from simcb.metrics.metric import Metric

_NO_REQUEST = "no request arrived"
_NONE_DECIDED = "no request arrived of which it is known how it ends"
_NONE_FINISHED = "no request that arrived then finished"
_NONE_OK = "no request that arrived then ended ok"
_NO_ATTEMPT = "no attempt was made"
_NO_BREAKER = "there is no breaker"
_NO_FAULT = "there is no breaker, or no fault to see"
_NO_WORK = "no worker did anything"
_TOO_LATE = "no fault ends, or the run does too soon after it"
_NO_TIME = "it takes no time"

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
    Metric(answers.unfinished, Unit.SHARE, _NO_REQUEST, _GROUP),
    Metric(answers.goodput, Unit.PER_SECOND, _NONE_DECIDED, _GROUP),
    Metric(answers.mean, Unit.SECONDS, _NONE_FINISHED, _GROUP),
    Metric(answers.p50, Unit.SECONDS, _NONE_FINISHED, _GROUP),
    Metric(answers.p95, Unit.SECONDS, _NONE_FINISHED, _GROUP),
    Metric(answers.p99, Unit.SECONDS, _NONE_FINISHED, _GROUP),
    Metric(answers.p999, Unit.SECONDS, _NONE_FINISHED, _GROUP),
    Metric(answers.success_mean, Unit.SECONDS, _NONE_OK, _GROUP),
    Metric(answers.success_p50, Unit.SECONDS, _NONE_OK, _GROUP),
    Metric(answers.success_p95, Unit.SECONDS, _NONE_OK, _GROUP),
    Metric(answers.success_p99, Unit.SECONDS, _NONE_OK, _GROUP),
    Metric(answers.success_p999, Unit.SECONDS, _NONE_OK, _GROUP),
    Metric(load.rejected, Unit.SHARE, _NO_ATTEMPT, _ANY),
    Metric(load.shed, Unit.SHARE, _NO_ATTEMPT, _ANY),
    Metric(load.unneeded_rejections, Unit.COUNT, _NO_ATTEMPT, _ANY),
    Metric(trips.open_fraction, Unit.SHARE, _NO_BREAKER),
    Metric(trips.time_to_trip, Unit.SECONDS, _NO_FAULT),
    Metric(trips.false_trips, Unit.COUNT, _NO_BREAKER),
    Metric(trips.missed_trips, Unit.COUNT, _NO_FAULT),
    Metric(trips.flaps, Unit.COUNT, _NO_FAULT),
    Metric(recovery.time_to_recover, Unit.SECONDS, _TOO_LATE, phased=False),
    Metric(resources.utilisation, Unit.SHARE, _NO_TIME, Per.SERVICE),
    Metric(resources.queue_peak, Unit.COUNT, _NO_TIME, Per.SERVICE),
    Metric(resources.mean_queue, Unit.COUNT, _NO_TIME, Per.SERVICE),
    Metric(resources.wasted_work, Unit.SHARE, _NO_WORK, _SERVICE),
    Metric(resources.worker_seconds_waiting, Unit.WORKER_SECONDS, _NO_TIME, _SERVICE),
    Metric(answers.burn, Unit.RATIO, _NONE_DECIDED, _GROUP),
    Metric(answers.budget_used, Unit.RATIO, _NONE_DECIDED),
)

METRICS: dict[str, Metric] = {each.name: each for each in _ENTRIES}
"""Name to metric, in the order of reports."""


def metric_named(name: str) -> Metric:
    """Return the metric of a name.

    Raises:
        UnknownNumberError: there is none.
    """
    check_known("metric", name, METRICS)
    return METRICS[name]
