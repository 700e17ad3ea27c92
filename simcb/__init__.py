"""simcb tells which circuit-breaker settings survive an outage, before the outage.

The package is a window: each public name is loaded when it is first looked at, so that
`import simcb.breaker` in a service loads the breaker and nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from simcb.version import __version__ as __version__

if TYPE_CHECKING:
    from simcb.breaker import CircuitBreaker, CircuitOpenError, CircuitState
    from simcb.errors import SimcbError
    from simcb.scenario import Scenario, ScenarioError
    from simcb.trace import Trace
    from simcb.views.notebook import load, open, run, sweep, tune
    from simcb.views.run_view import RunView
    from simcb.views.sweep_view import SweepView
    from simcb.views.tune_view import TuneView

_WINDOW = {
    "CircuitBreaker": "simcb.breaker",
    "CircuitOpenError": "simcb.breaker",
    "CircuitState": "simcb.breaker",
    "RunView": "simcb.views.run_view",
    "Scenario": "simcb.scenario",
    "ScenarioError": "simcb.scenario",
    "SimcbError": "simcb.errors",
    "SweepView": "simcb.views.sweep_view",
    "Trace": "simcb.trace",
    "TuneView": "simcb.views.tune_view",
    "load": "simcb.views.notebook",
    "open": "simcb.views.notebook",
    "run": "simcb.views.notebook",
    "sweep": "simcb.views.notebook",
    "tune": "simcb.views.notebook",
}

__all__ = [
    "CircuitBreaker",
    "CircuitOpenError",
    "CircuitState",
    "RunView",
    "Scenario",
    "ScenarioError",
    "SimcbError",
    "SweepView",
    "Trace",
    "TuneView",
    "load",
    "open",
    "run",
    "sweep",
    "tune",
]


def __getattr__(name: str) -> object:
    try:
        module = _WINDOW[name]
    except KeyError:
        raise AttributeError(f"module 'simcb' has no attribute {name!r}") from None
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
