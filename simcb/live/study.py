"""What happens on real sockets, held against what the simulation says would."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from simcb.garbage import passed_over
from simcb.live.bands import LEAST_REPLICATES, Journeys, Laid, laid
from simcb.live.loop import loop_factory
from simcb.live.machine import Idle, check_open_files, measure_idle, most_connections
from simcb.live.serving import Ports, Venue, end_when_interrupted
from simcb.metrics.phase import phases
from simcb.scenario import Scenario
from simcb.scenario.distributions import Empirical
from simcb.scenario.fields import Named
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import Service
from simcb.studies.run import Clients, Result, Run, StudyError, coded, measured, result_of, run_once

Caller = TypeVar("Caller", ClientGroup, Service)

MOST_WAYS = 400
"""How many of the ways that were measured are kept, evenly by length."""


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
        idle: what the machine was like before it began.
        coded: the client groups whose requests were their own code, here and in the prediction.
    """

    scenario: Scenario
    seed: int
    scale: float
    measured: Run
    predicted: Result
    numbers: tuple[Laid, ...]
    ways: tuple[float, ...]
    lateness: float
    idle: Idle
    coded: tuple[str, ...] = ()

    @property
    def inside(self) -> bool:
        """Whether there are numbers, and all lie in their bands."""
        return bool(self.numbers) and all(each.inside for each in self.numbers)


@dataclass(frozen=True)
class _Performed:
    """What has happened on sockets; see `Live`. The ways are (moment, seconds)."""

    run: Run
    ways: Sequence[tuple[float, float]]
    lateness: float
    idle: Idle


async def _perform(
    scenario: Scenario,
    sockets: dict[str, socket.socket],
    scale: float,
    *,
    seed: int,
    replicate: int,
    clients: Clients | None,
) -> _Performed | None:
    """Return what has happened; None if it was interrupted."""
    venue = Venue(
        scenario,
        sockets,
        seed=seed,
        replicate=replicate,
        asked=True,
        scale=scale,
        clients=clients,
    )
    end_when_interrupted(venue)
    async with venue.open():
        idle = await measure_idle(venue.knock, scale)
        gc.collect()
        with passed_over():  # What is there now need not be looked through while the clock runs.
            venue.stage.begin()
            await venue.last()
        if venue.over.done():
            venue.over.result()
            return None
        # What was due at the very end has happened before it is over.
        venue.stage.sync()
    stage = venue.stage
    run = measured(scenario, stage.trace(), stage.world.notes)
    return _Performed(run, stage.ways.times, stage.lateness, idle)


def live(
    scenario: Scenario,
    *,
    seed: int = 0,
    replicates: int = 40,
    scale: float = 1.0,
    ports: Ports | None = None,
    progress: Callable[[float], None] | None = None,
    clients: Clients | None = None,
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
        replicates: how many simulated runs the prediction is made of, 9 or more.
        scale: seconds of the scenario in one of the wall clock: all times pass so many times as
            fast, of work and timeouts as well as of arrivals, so that counts stay as they are.
        ports: where the services listen.
        progress: called with the share of all work that is done.
        clients: the code that the requests of a client group run in place of its calls, on
            sockets and in the prediction; see `simcb.run`. Then `scale` is 1: what such code
            reads from `time` is the machine's.

    Raises:
        StudyError: a parameter makes no sense.
        ClientError: code cannot be loaded, or does what virtual time has no room for.
        PortError: a port is taken or not allowed.
        OpenFilesError: it needs more connections than the system allows.
    """
    if replicates < LEAST_REPLICATES:
        raise StudyError(f"replicates is {replicates}", f"give {LEAST_REPLICATES} or more")
    if clients and scale != 1.0:
        remedy = "leave --scale out: clocks that the code reads go by the machine's time"
        raise StudyError(f"scale is {scale:g} for clients' own code", remedy)
    scenario = coded(scenario, clients)
    check_open_files(most_connections(run_once(scenario, seed, replicates, clients=clients).trace))
    sockets = (ports or Ports()).listen(scenario.services)
    try:
        with asyncio.Runner(loop_factory=loop_factory(scale)) as runner:
            performed = runner.run(
                _perform(scenario, sockets, scale, seed=seed, replicate=replicates, clients=clients)
            )
    finally:
        for sock in sockets.values():
            sock.close()
    if performed is None:
        raise KeyboardInterrupt
    run, ways = performed.run, sorted(seconds for _, seconds in performed.ways)
    if not ways:
        remedy = "give it more time, or higher rates"
        raise StudyError(f"no attempt came to a service of {scenario.name}", remedy)
    known = with_ways(scenario, ways)
    runs = []
    for replicate in range(replicates):
        runs.append(run_once(known, seed, replicate, clients=clients))
        if progress is not None:
            progress((replicate + 1) / replicates)
    predicted = result_of(runs)
    journeys = Journeys(performed.ways, phases(run.trace))
    numbers = laid(run.measures, [each.measures for each in runs], journeys)
    return Live(
        *(scenario, seed, scale, run, predicted, numbers, tuple(ways)),
        lateness=performed.lateness,
        idle=performed.idle,
        coded=tuple(clients or ()),
    )


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
