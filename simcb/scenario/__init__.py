"""The scenario: a YAML file to a frozen value, or to every problem in it.

Text becomes a marked `tree` (`reader`), overlays and changes are made in it (`loading`, `paths`),
and `validation` makes a `Scenario` of it (`model`) or says what is wrong (`problems`). A new kind
of fault, arrivals, distribution, backoff, budget, trip rule or throttle is one class and one line
in the table of `faults`, `arrivals`, `distributions`, `retries`, `breakers` or `calls`; a new word
is one annotated field, whose type is in `scalars` or `fields`.
"""

from simcb.scenario.loading import parse_scenario, read_scenario
from simcb.scenario.model import Scenario, schema
from simcb.scenario.problems import Problem, ScenarioError
from simcb.scenario.reader import parse_value
from simcb.scenario.shipped import find_shipped, list_shipped, template
from simcb.scenario.thresholds import Threshold, parse_threshold

__all__ = [
    "Problem",
    "Scenario",
    "ScenarioError",
    "Threshold",
    "find_shipped",
    "list_shipped",
    "parse_scenario",
    "parse_threshold",
    "parse_value",
    "read_scenario",
    "schema",
    "template",
]
