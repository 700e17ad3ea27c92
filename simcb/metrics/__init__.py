"""From a trace to numbers and a verdict.

The room knows traces and numpy. It runs nothing and shows nothing: the same trace, read from a
file years later, gives the same measures. Every metric is one function whose docstring is its
definition; `METRICS` is the table of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simcb.window import window

if TYPE_CHECKING:
    from simcb.metrics.effect import BreakerEffect as BreakerEffect
    from simcb.metrics.effect import Effect as Effect
    from simcb.metrics.effect import effect_of as effect_of
    from simcb.metrics.effect import has_opened as has_opened
    from simcb.metrics.facts import Facts as Facts
    from simcb.metrics.intervals import Estimate as Estimate
    from simcb.metrics.intervals import ReplicatesError as ReplicatesError
    from simcb.metrics.intervals import Summarised as Summarised
    from simcb.metrics.intervals import Summary as Summary
    from simcb.metrics.intervals import bounds_of as bounds_of
    from simcb.metrics.intervals import difference as difference
    from simcb.metrics.intervals import estimate as estimate
    from simcb.metrics.intervals import jackknife as jackknife
    from simcb.metrics.intervals import probability as probability
    from simcb.metrics.intervals import summarise as summarise
    from simcb.metrics.intervals import summarise_apart as summarise_apart
    from simcb.metrics.intervals import summarise_difference as summarise_difference
    from simcb.metrics.judgement import Judgement as Judgement
    from simcb.metrics.judgement import Verdict as Verdict
    from simcb.metrics.judgement import verdict as verdict
    from simcb.metrics.laws import Law as Law
    from simcb.metrics.laws import audit as audit
    from simcb.metrics.measures import Entities as Entities
    from simcb.metrics.measures import Measure as Measure
    from simcb.metrics.measures import Measures as Measures
    from simcb.metrics.measures import Per as Per
    from simcb.metrics.measures import Unit as Unit
    from simcb.metrics.measures import UnknownNumberError as UnknownNumberError
    from simcb.metrics.measures import check_asked as check_asked
    from simcb.metrics.measures import entities_of as entities_of
    from simcb.metrics.openings import StateInterval as StateInterval
    from simcb.metrics.openings import state_intervals as state_intervals
    from simcb.metrics.phase import Phase as Phase
    from simcb.metrics.phase import phases as phases
    from simcb.metrics.stalls import hidden_stalls as hidden_stalls
    from simcb.metrics.table import METRICS as METRICS
    from simcb.metrics.table import Metric as Metric
    from simcb.metrics.table import ObjectiveError as ObjectiveError
    from simcb.metrics.table import UndefinedValueError as UndefinedValueError
    from simcb.metrics.table import measure as measure
    from simcb.metrics.table import metric_named as metric_named
    from simcb.metrics.table import number_named as number_named
    from simcb.metrics.thresholds import ThresholdError as ThresholdError
    from simcb.metrics.thresholds import ThresholdResult as ThresholdResult
    from simcb.metrics.thresholds import check_thresholds as check_thresholds
    from simcb.metrics.thresholds import is_flattered as is_flattered
    from simcb.metrics.thresholds import judge as judge
    from simcb.metrics.thresholds import place_of as place_of
    from simcb.metrics.thresholds import refusal_of as refusal_of
    from simcb.metrics.timeline import Series as Series
    from simcb.metrics.timeline import ServiceSeries as ServiceSeries
    from simcb.metrics.timeline import StepError as StepError
    from simcb.metrics.timeline import series as series
    from simcb.metrics.warnings import no_effect_warnings as no_effect_warnings
    from simcb.metrics.warnings import placed_warnings as placed_warnings

__getattr__ = window(
    __name__,
    {
        "effect": "BreakerEffect Effect effect_of has_opened",
        "facts": "Facts",
        "intervals": (
            "Estimate ReplicatesError Summarised Summary bounds_of difference estimate jackknife "
            "probability summarise summarise_apart summarise_difference"
        ),
        "judgement": "Judgement Verdict verdict",
        "laws": "Law audit",
        "measures": (
            "Entities Measure Measures Per Unit UnknownNumberError check_asked entities_of"
        ),
        "openings": "StateInterval state_intervals",
        "phase": "Phase phases",
        "table": (
            "METRICS Metric ObjectiveError UndefinedValueError measure metric_named number_named"
        ),
        "thresholds": (
            "ThresholdError ThresholdResult check_thresholds is_flattered judge place_of refusal_of"
        ),
        "timeline": "Series ServiceSeries StepError series",
        "stalls": "hidden_stalls",
        "warnings": "no_effect_warnings placed_warnings",
    },
)
