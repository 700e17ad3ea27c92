"""Cases of known result: what to run, observe and expect, and whether it came out.

A case is run for some replicates; each observed number is compared with the expected one,
within four standard errors as the replicates' own spread gives them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from test_world.observing import Numbers, Observer

from simcb.metrics import measure
from simcb.scenario import Scenario, parse_scenario
from simcb.world import simulate


@dataclass(frozen=True)
class ClosedForm:
    """One case.

    Args:
        law: the formula, in words and letters.
        text: the scenario file without name and duration.
        duration: simulated seconds of one replicate.
        expected: what theory says, by name.
        observe: what the run says, by the same names.
        precision: four standard errors of eight replicates must be less than this share of
            the expected value (of 1 if that is 0), or the case would prove nothing; those of
            more or longer ones must be less in proportion.
    """

    law: str
    text: str
    duration: float
    expected: Numbers
    observe: Observer
    precision: float = 0.25

    def scenario(self, name: str, times: float = 1.0) -> Scenario:
        """Return the scenario, `times` as long as usual, at least 1."""
        head = f"name: {name}\nduration: {self.duration * times:.0f}s\nsample_every: 1s\n"
        return parse_scenario(head + self.text)


@dataclass(frozen=True)
class Finding:
    """What came of one number of a case.

    Args:
        tolerance: four standard errors of the mean over replicates.
    """

    name: str
    expected: float
    got: float
    tolerance: float
    precision: float

    @property
    def holds(self) -> bool:
        """True if the number is right, and known well enough to mean something."""
        near = abs(self.got - self.expected) <= max(self.tolerance, 1e-9 * abs(self.expected))
        return near and self.tolerance <= self.precision * (abs(self.expected) or 1.0)

    def __str__(self) -> str:
        low, high = self.got - self.tolerance, self.got + self.tolerance
        verdict = "holds" if self.holds else "FAILS"
        return (
            f"{self.name}: expected {self.expected:.6g}, got {self.got:.6g} "
            f"[{low:.6g}, {high:.6g}], {verdict}"
        )


def examine(
    name: str, case: ClosedForm, *, replicates: int, times: float = 1.0, seed: int = 0
) -> list[Finding]:
    """Run a case and compare every number with theory.

    Args:
        name: what the scenario is called.
        case: what to run, observe and expect.
        replicates: how many, at least 2.
        times: how many times as long as usual each is.
        seed: names the luck.
    """
    scenario = case.scenario(name, times)
    precision = case.precision * (8.0 / (replicates * times)) ** 0.5
    seen: dict[str, list[float]] = {key: [] for key in case.expected}
    for replicate in range(replicates):
        trace = simulate(scenario, seed, replicate)
        for key, value in case.observe(trace, measure(trace)).items():
            seen[key].append(value)
    return [
        Finding(
            key,
            expected,
            float(np.mean(seen[key])),
            4.0 * float(np.std(seen[key], ddof=1)) / replicates**0.5,
            precision,
        )
        for key, expected in case.expected.items()
    ]
