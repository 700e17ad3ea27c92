"""The model: clients, calls, services and faults in SimPy's virtual time.

The breaker in it is `simcb.breaker.CircuitBreaker`, the class people ship, with the
environment's clock. The room takes a scenario and returns a trace; it knows no metric.
"""

from simcb.world.build import World, simulate
from simcb.world.clock import EventBudgetError, TimeStandsStillError
from simcb.world.recorder import RowBudgetError

__all__ = [
    "EventBudgetError",
    "RowBudgetError",
    "TimeStandsStillError",
    "World",
    "simulate",
]
