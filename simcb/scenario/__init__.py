"""The scenario: a YAML file to a frozen value, or to every problem in it.

Text becomes a marked `tree` (`reader`), overlays and changes are made in it (`loading`, `paths`),
and `validation` makes a `Scenario` of it (`model`) or says what is wrong (`problems`). A new kind
of fault, arrivals, distribution, backoff, budget, trip rule or throttle is one class and one line
in the table of `faults`, `arrivals`, `distributions`, `retries`, `breakers` or `calls`; a new word
is one annotated field, whose type is in `scalars` or `fields`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simcb.window import window

if TYPE_CHECKING:
    from simcb.scenario.loading import line_finder as line_finder
    from simcb.scenario.loading import parse_scenario as parse_scenario
    from simcb.scenario.loading import read_scenario as read_scenario
    from simcb.scenario.model import Scenario as Scenario
    from simcb.scenario.model import schema as schema
    from simcb.scenario.problems import Problem as Problem
    from simcb.scenario.problems import ScenarioError as ScenarioError
    from simcb.scenario.reader import parse_value as parse_value
    from simcb.scenario.shipped import find_shipped as find_shipped
    from simcb.scenario.shipped import list_shipped as list_shipped
    from simcb.scenario.shipped import shipped_abouts as shipped_abouts
    from simcb.scenario.shipped import template as template
    from simcb.scenario.thresholds import Threshold as Threshold
    from simcb.scenario.thresholds import parse_threshold as parse_threshold

__getattr__ = window(
    __name__,
    {
        "loading": "line_finder parse_scenario read_scenario",
        "model": "Scenario schema",
        "problems": "Problem ScenarioError",
        "reader": "parse_value",
        "shipped": "find_shipped list_shipped shipped_abouts template",
        "thresholds": "Threshold parse_threshold",
    },
)
