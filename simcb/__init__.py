"""simcb tells which circuit-breaker settings survive an outage, before the outage.

The package is a window: each public name is loaded when it is first looked at, so that
`import simcb.breaker` in a service loads the breaker and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simcb.version import __version__ as __version__
from simcb.window import window

if TYPE_CHECKING:
    from simcb.breaker import CircuitBreaker, CircuitOpenError, CircuitState
    from simcb.errors import SimcbError
    from simcb.exchange import export_settings, import_settings
    from simcb.scenario import Scenario, ScenarioError
    from simcb.trace import Trace
    from simcb.views.advise import AdviceView
    from simcb.views.compare_view import CompareView
    from simcb.views.explain import ExplainView
    from simcb.views.explore import explore
    from simcb.views.fit import FitView
    from simcb.views.league_view import LeagueView, league
    from simcb.views.notebook import explain, fit, load, open, run
    from simcb.views.notebook_studies import advise, compare, sweep, tune
    from simcb.views.run_view import RunView
    from simcb.views.sweep_view import SweepView
    from simcb.views.tune_view import TuneView

__all__ = [
    "AdviceView",
    "CircuitBreaker",
    "CircuitOpenError",
    "CircuitState",
    "CompareView",
    "ExplainView",
    "FitView",
    "LeagueView",
    "RunView",
    "Scenario",
    "ScenarioError",
    "SimcbError",
    "SweepView",
    "Trace",
    "TuneView",
    "advise",
    "compare",
    "explain",
    "explore",
    "export_settings",
    "fit",
    "import_settings",
    "league",
    "load",
    "open",
    "run",
    "sweep",
    "tune",
]


__getattr__ = window(
    __name__,
    {
        "breaker": "CircuitBreaker CircuitOpenError CircuitState",
        "errors": "SimcbError",
        "exchange": "export_settings import_settings",
        "scenario": "Scenario ScenarioError",
        "trace": "Trace",
        "views.advise": "AdviceView",
        "views.compare_view": "CompareView",
        "views.explain": "ExplainView",
        "views.explore": "explore",
        "views.fit": "FitView",
        "views.league_view": "LeagueView league",
        "views.notebook": "explain fit load open run",
        "views.notebook_studies": "advise compare sweep tune",
        "views.run_view": "RunView",
        "views.sweep_view": "SweepView",
        "views.tune_view": "TuneView",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
