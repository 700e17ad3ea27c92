"""The tune: the setting that holds in every scenario, found by racing and checked anew.

`tune` is the study. It stands on the sweep's parts, its axes, evaluator and store, and adds
from the bottom: scenarios, losses, their evaluation and the race, the search, the sensitivity of
the winner and the check. The room prints nothing and draws nothing.
"""

from simcb.studies.evaluation.contenders import NO_BREAKER, YOURS
from simcb.studies.tune.contenders import DEFAULTS
from simcb.studies.tune.plan import WALKS, TunePlan, estimate_tune_time, plan_tune
from simcb.studies.tune.result import Check, Contender, DayCost, InScenario, Trial, TuneResult
from simcb.studies.tune.scenarios import is_until
from simcb.studies.tune.sensitivity import Reach
from simcb.studies.tune.tune import is_tune, open_tune, tune
from simcb.studies.tune.tuning import TuneProgress

__all__ = [
    "DEFAULTS",
    "NO_BREAKER",
    "WALKS",
    "YOURS",
    "Check",
    "Contender",
    "DayCost",
    "InScenario",
    "Reach",
    "Trial",
    "TunePlan",
    "TuneProgress",
    "TuneResult",
    "estimate_tune_time",
    "is_tune",
    "is_until",
    "open_tune",
    "plan_tune",
    "tune",
]
