"""The scenario: a YAML file to a frozen value, or to every problem in it.

The room holds the models in the file's own words, the reader with its line marks, overlays and
overrides, units, the writer and the JSON Schema.
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
