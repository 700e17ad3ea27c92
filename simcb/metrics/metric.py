"""A metric as a value: its definition, its unit, and the function that computes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from simcb.metrics.entities import Per
from simcb.metrics.facts import Scope
from simcb.metrics.measures import Unit


@dataclass(frozen=True)
class Metric:
    """One line of the table of metrics.

    Args:
        function: computes the value in a scope; its docstring is the metric's definition. None
            says that the value is undefined there.
        unit: what the value counts.
        undefined: what is missing when there is no value, as the end of a sentence.
        per: what it is about: the run, each service, each client group, or several of these.
        phased: whether it is reported for every phase, or for the whole run only.
    """

    function: Callable[[Scope], float | None]
    unit: Unit
    undefined: str
    per: Per = Per.RUN
    phased: bool = True

    @property
    def name(self) -> str:
        """The metric's name: that of its function."""
        return self.function.__name__

    @property
    def definition(self) -> str:
        """The function's docstring, its lines aligned."""
        return inspect.getdoc(self.function) or ""

    @property
    def summary(self) -> str:
        """The definition's first sentence."""
        return self.definition.partition("\n\n")[0].replace("\n", " ")
