"""What happens on real sockets, held against what the simulation says would."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import TypeVar

from simcb.live.loop import loop_factory
from simcb.live.serving import Ports, Venue, end_when_interrupted
from simcb.metrics import METRICS, Measures, Unit
from simcb.metrics.intervals import bounds_of
from simcb.metrics.phase import WHOLE
from simcb.metrics.student import two_sided_t
from simcb.scenario import Scenario
from simcb.scenario.distributions import Empirical
from simcb.scenario.fields import Named
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import Service
from simcb.studies.run import Result, Run, StudyError, measured, result_of, run_once

Caller = TypeVar("Caller", ClientGroup, Service)

_ROUNDING = 1e-9

INSIDE = 0.9
"""Part of runs that lie inside the band with all their numbers, where the prediction is right."""

LEAST_REPLICATES = 5
MOST_WAYS = 400
"""How many of the ways that were measured are kept, evenly by length."""

_PHASED = ("success", "p50", "p99", "rejected", "amplification")
_WHOLE = ("time_to_recover", "open_fraction")


@dataclass(frozen=True)
class Laid:
    """A number that was measured, laid over what was predicted.

    Args:
        name: the metric.
        unit: what it counts.
        phase: of which phase it is.
        measured: what it was; None if it is undefined.
        mean: the predicted mean.
        low: where the band begins.
        high: where it ends.
    """

    name: str
    unit: Unit
    phase: str
    measured: float | None
    mean: float
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Whether what was measured lies in the band."""
        return self.measured is not None and self.low <= self.measured <= self.high


@dataclass(frozen=True)
class Live:
    """A scenario on real sockets, and its prediction.

    Args:
        scenario: what was run.
        seed: random seed.
        scale: seconds of the scenario in one of the wall clock.
        measured: the run on real sockets.
        predicted: replicates of the simulation, on random streams of their own.
        numbers: what was measured beside what was predicted.
        ways: seconds of the scenario that single ways over the sockets took, ascending.
        lateness: the most that the machine came late to what was due, seconds of the scenario.
    """

    scenario: Scenario
    seed: int
    scale: float
    measured: Run
    predicted: Result
    numbers: tuple[Laid, ...]
    ways: tuple[float, ...]
    lateness: float

    @property
    def inside(self) -> bool:
        """Whether all numbers lie in their bands."""
        return all(each.inside for each in self.numbers)


async def _perform(
    scenario: Scenario, ports: Ports, seed: int, replicate: int
) -> tuple[Run, list[float], float] | None:
    """Return the run, its ways and its lateness; None if it was interrupted."""
    sockets = ports.listen(scenario.services)
    venue = Venue(scenario, sockets, seed=seed, replicate=replicate, asked=True)
    end_when_interrupted(venue)
    async with venue.open():
        venue.stage.begin()
        await venue.last()
        if venue.over.done():
            venue.over.result()
            return None
        # What was due at the very end has happened before it is over.
        venue.stage.sync()
    ways = sorted(venue.stage.ways.times)
    return measured(scenario, venue.stage.trace()), ways, venue.stage.lateness


def live(
    scenario: Scenario,
    *,
    seed: int = 0,
    replicates: int = 40,
    scale: float = 1.0,
    ports: Ports | None = None,
    progress: Callable[[float], None] | None = None,
) -> Live:
    """Run a scenario on real sockets and lay what is measured over what is predicted.

    Callers and services are processes of the scenario in this one process: the callers' policies
    are the simulation's and their breakers the shipped ones, and each attempt is a request of
    httpx to a port of this machine. The prediction is told how long attempts and answers were on
    their way over these sockets, which no scenario can know; all else it has from the scenario,
    with other random streams than those of the run that is measured.

    Args:
        scenario: what to run.
        seed: random seed; the run on sockets has streams that no replicate of the prediction has.
        replicates: how many simulated runs the prediction is made of, 5 or more.
        scale: seconds of the scenario in one of the wall clock: all times pass so many times as
            fast, of work and timeouts as well as of arrivals, so that counts stay as they are.
        ports: where the services listen.
        progress: called with the share of all work that is done.

    Raises:
        StudyError: a parameter makes no sense.
        PortError: a port is taken or not allowed.
    """
    if replicates < LEAST_REPLICATES:
        raise StudyError(f"replicates is {replicates}", f"give {LEAST_REPLICATES} or more")
    with asyncio.Runner(loop_factory=loop_factory(scale)) as runner:
        performed = runner.run(_perform(scenario, ports or Ports(), seed, replicates))
    if performed is None:
        raise KeyboardInterrupt
    run, ways, lateness = performed
    if not ways:
        remedy = "give it more time, or higher rates"
        raise StudyError(f"no attempt came to a service of {scenario.name}", remedy)
    known = with_ways(scenario, ways)
    runs = []
    for replicate in range(replicates):
        runs.append(run_once(known, seed, replicate))
        if progress is not None:
            progress((replicate + 1) / replicates)
    predicted = result_of(runs)
    journey = 2.0 * median(ways)
    numbers = laid(run.measures, [each.measures for each in runs], journey)
    return Live(scenario, seed, scale, run, predicted, numbers, tuple(ways), lateness)


def with_ways(scenario: Scenario, ways: Sequence[float]) -> Scenario:
    """Return a scenario whose calls take so long on their way, if they do not say how long.

    Args:
        scenario: the scenario.
        ways: seconds of single ways, ascending.
    """
    kept = tuple(ways[(place * len(ways)) // MOST_WAYS] for place in range(MOST_WAYS))
    network = Empirical(values=kept)

    def told(caller: Caller) -> Caller:
        calls = {
            name: call if call.network else call.model_copy(update={"network": network})
            for name, call in caller.calls.items()
        }
        return caller.model_copy(update={"calls": Named(calls)})

    clients = {name: told(each) for name, each in scenario.clients.items()}
    services = {name: told(each) for name, each in scenario.services.items()}
    return scenario.model_copy(update={"clients": Named(clients), "services": Named(services)})


def laid(one: Measures, replicates: Sequence[Measures], journey: float = 0.0) -> tuple[Laid, ...]:
    """Lay the numbers of one run over those of replicates.

    Only those are laid that are defined and finite in all replicates. The band of a number is the
    prediction interval of Student's t for one more run (Hahn and Meeker, "Statistical Intervals",
    1991, 4.7), as wide as it takes for all of them together (Bonferroni). Times may differ by a
    journey besides: that the ways of a machine are long at the same time is in no scenario.

    Args:
        one: what was measured.
        replicates: what was predicted, two or more.
        journey: seconds there and back over the network.
    """
    wanted = [(name, phase) for phase in one.phases if phase != WHOLE for name in _PHASED]
    wanted += [(name, WHOLE) for name in _WHOLE]
    found = []
    for name, phase in wanted:
        values = [each.value(name, phase) for each in replicates]
        defined = [each for each in values if each is not None and math.isfinite(each)]
        if len(defined) == len(values):
            found.append((name, phase, defined))
    n = len(replicates)
    confidence = 1.0 - (1.0 - INSIDE) / max(1, len(found))
    reach = two_sided_t(confidence, n - 1) * math.sqrt(1.0 + 1.0 / n)
    return tuple(_laid(one, *each, reach, journey) for each in found)


def _laid(
    one: Measures, name: str, phase: str, values: Sequence[float], reach: float, journey: float
) -> Laid:
    mean, unit = fmean(values), METRICS[name].unit
    slack = journey if unit is Unit.SECONDS else _ROUNDING * abs(mean)
    half = reach * stdev(values) + slack
    least, most = bounds_of(unit)
    low, high = max(least, 0.0, mean - half), min(most, mean + half)
    return Laid(name, unit, phase, one.value(name, phase), mean, low, high)
