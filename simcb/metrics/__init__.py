"""From a trace to numbers and a verdict.

The room knows traces and numpy. It runs nothing and shows nothing: the same trace, read from a
file years later, gives the same measures. Every metric is one function whose docstring is its
definition; `METRICS` is the table of them.
"""

from simcb.metrics.effect import BreakerEffect, Effect, effect_of, has_opened
from simcb.metrics.facts import Facts
from simcb.metrics.intervals import (
    Estimate,
    ReplicatesError,
    Summarised,
    Summary,
    bounds_of,
    difference,
    estimate,
    jackknife,
    probability,
    summarise,
    summarise_difference,
)
from simcb.metrics.judgement import Judgement, Verdict, verdict
from simcb.metrics.laws import Law, audit
from simcb.metrics.measures import (
    Entities,
    Measure,
    Measures,
    Per,
    Unit,
    UnknownNumberError,
    check_asked,
    entities_of,
)
from simcb.metrics.openings import StateInterval, state_intervals
from simcb.metrics.phase import Phase, phases
from simcb.metrics.table import (
    METRICS,
    Metric,
    ObjectiveError,
    UndefinedValueError,
    measure,
    metric_named,
)
from simcb.metrics.thresholds import (
    ThresholdError,
    ThresholdProblem,
    ThresholdResult,
    check_thresholds,
    is_flattered,
    judge,
    place_of,
    refusal_of,
)
from simcb.metrics.timeline import GroupSeries, Series, ServiceSeries, StepError, series
from simcb.metrics.warnings import hidden_stalls, no_effect_warnings

__all__ = [
    "METRICS",
    "BreakerEffect",
    "Effect",
    "Entities",
    "Estimate",
    "Facts",
    "GroupSeries",
    "Judgement",
    "Law",
    "Measure",
    "Measures",
    "Metric",
    "ObjectiveError",
    "Per",
    "Phase",
    "ReplicatesError",
    "Series",
    "ServiceSeries",
    "StateInterval",
    "StepError",
    "Summarised",
    "Summary",
    "ThresholdError",
    "ThresholdProblem",
    "ThresholdResult",
    "UndefinedValueError",
    "Unit",
    "UnknownNumberError",
    "Verdict",
    "audit",
    "bounds_of",
    "check_asked",
    "check_thresholds",
    "difference",
    "effect_of",
    "entities_of",
    "estimate",
    "has_opened",
    "hidden_stalls",
    "is_flattered",
    "jackknife",
    "judge",
    "measure",
    "metric_named",
    "no_effect_warnings",
    "phases",
    "place_of",
    "probability",
    "refusal_of",
    "series",
    "state_intervals",
    "summarise",
    "summarise_difference",
    "verdict",
]
