"""What a simulated request costs here and in other simulators, side by side in one run.

Two stories: a queue, which is M/M/1 at 80 % load with no policy at all, and a storm, whose clients
have a timeout, retries and a breaker while the service is ten times as slow for a while. Only the
textbook way in SimPy tells that one too. Run it from the root of a checkout, with an interpreter
that has them:

    python3.13 -m venv bench && bench/bin/pip install '.[simulators]'
    bench/bin/python tests/benchmarks/simulators.py --build

`--build` compiles simcb into a folder of its own first, which takes a C compiler; `--compiled
PYTHON` names an interpreter that has it compiled already. What is not installed is left out, and
said. Every figure is the CPU time of making the model and running it, the best of some rounds in
which the simulators take turns, each time in an interpreter of its own.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

RATE, WORK = 80.0, 0.01
"""Requests a second, and mean seconds of work: a request is in the queue for 50 ms on average."""


class Ran(NamedTuple):
    """What one simulator did: how many requests, and the mean seconds each took."""

    requests: int
    mean: float


def heap_queue(requests: int) -> Ran:
    """A loop over a heap of arrivals and completions, and nothing else."""
    draw, end = random.Random(1).expovariate, requests / RATE
    took: list[float] = []
    inside: deque[float] = deque()
    events = [(draw(RATE), True)]
    while events:
        now, is_arrival = heapq.heappop(events)
        if now > end:
            break
        if is_arrival:
            inside.append(now)
            heapq.heappush(events, (now + draw(RATE), True))
            begins = len(inside) == 1
        else:
            took.append(now - inside.popleft())
            begins = len(inside) > 0
        if begins:
            heapq.heappush(events, (now + draw(1 / WORK), False))
    return _ran(took)


def simpy_queue(requests: int) -> Ran:
    """A process for each request, and a resource."""
    import simpy

    draw, took = random.Random(1).expovariate, []
    env = simpy.Environment()
    server = simpy.Resource(env)

    def request() -> Any:
        arrived = env.now
        with server.request() as turn:
            yield turn
            yield env.timeout(draw(1 / WORK))
        took.append(env.now - arrived)

    def source() -> Any:
        while True:
            yield env.timeout(draw(RATE))
            env.process(request())

    env.process(source())
    env.run(until=requests / RATE)
    return _ran(took)


def ciw_queue(requests: int) -> Ran:
    """A network of one node."""
    import ciw

    ciw.seed(1)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(RATE)],
        service_distributions=[ciw.dists.Exponential(1 / WORK)],
        number_of_servers=[1],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(requests / RATE)
    return _ran([each.exit_date - each.arrival_date for each in simulation.get_all_records()])


def happysim_queue(requests: int) -> Ran:
    """A source, a server and a sink."""
    import happysimulator as happy
    from happysimulator.distributions import ExponentialLatency

    random.seed(1)
    sink = happy.Sink()
    server = happy.Server("server", service_time=ExponentialLatency(WORK), downstream=sink)
    source = happy.Source.poisson(rate=RATE, target=server)
    end = happy.Instant.from_seconds(requests / RATE)
    happy.Simulation(sources=[source], entities=[server, sink], end_time=end).run()
    return _ran(sink.latencies_s)


def asyncflow_queue(requests: int) -> Ran:
    """A server of one core; it has no random work and no constant rate, so they are near it."""
    import simpy
    from asyncflow.metrics.analyzer import ResultsAnalyzer
    from asyncflow.runtime.simulation_runner import SimulationRunner

    def edge(source: str, target: str) -> str:
        latency = "{mean: 0.000001, distribution: exponential}"
        return f"{{id: {source}-{target}, source: {source}, target: {target}, latency: {latency}}}"

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "queue.yml")
        path.write_text(f"""
rqs_input:
  id: source
  avg_active_users: {{mean: {RATE * 6:g}, distribution: poisson}}
  avg_request_per_minute_per_user: {{mean: 10, distribution: poisson}}
  user_sampling_window: 60
topology_graph:
  nodes:
    client: {{id: client}}
    servers:
      - id: server
        server_resources: {{cpu_cores: 1, ram_mb: 2048}}
        endpoints:
          - endpoint_name: /api
            steps: [{{kind: initial_parsing, step_operation: {{cpu_time: {WORK}}}}}]
  edges: [{edge("source", "client")}, {edge("client", "server")}, {edge("server", "client")}]
sim_settings: {{total_simulation_time: {round(requests / RATE)}, sample_period_s: 0.1}}
""")
        found: ResultsAnalyzer = SimulationRunner.from_yaml(
            env=simpy.Environment(), yaml_path=path
        ).run()
    found.process_all_metrics()
    return _ran(found.latencies)


def simcb_queue(requests: int) -> Ran:
    """The whole trace, ready to be measured."""
    from benchmarks.measure_cost import queue

    return _simcb(queue(requests))


def simpy_storm(requests: int) -> Ran:
    """The textbook model of the same words: a process for each request, press and attempt."""
    from benchmarks.world_speed import storm
    from plain_model import simulate_plainly

    found = simulate_plainly(storm(requests), 1).requests
    return Ran(len(found), float("nan"))


def simcb_storm(requests: int) -> Ran:
    """The whole trace, ready to be measured."""
    from benchmarks.world_speed import storm

    return _simcb(storm(requests))


def _simcb(scenario: Any) -> Ran:
    from simcb.world import simulate

    rows = simulate(scenario, 1).requests
    took = rows["end"] - rows["arrival"]
    return Ran(len(rows), float(took[took == took].mean()))


def _ran(took: list[float]) -> Ran:
    return Ran(len(took), sum(took) / max(1, len(took)))


class Simulator(NamedTuple):
    """A line of the table: what it is, the package it takes, and its two stories."""

    name: str
    package: str
    queue: Callable[[int], Ran]
    storm: Callable[[int], Ran] | None


SIMULATORS = (
    Simulator("simcb, compiled", "simcb", simcb_queue, simcb_storm),
    Simulator("a loop over a heap", "", heap_queue, None),
    Simulator("simcb", "simcb", simcb_queue, simcb_storm),
    Simulator("SimPy, a process a request", "simpy", simpy_queue, simpy_storm),
    Simulator("ciw", "ciw", ciw_queue, None),
    Simulator("happysim", "happysim", happysim_queue, None),
    Simulator("asyncflow-sim, constant work", "asyncflow-sim", asyncflow_queue, None),
)
COMPILED, UNIT = "simcb, compiled", "SimPy, a process a request"
STORIES = ("queue", "storm")


class Cost(NamedTuple):
    """CPU seconds of one run, how many requests it made, and the mean seconds each took."""

    seconds: float
    requests: int
    mean: float

    @property
    def microseconds(self) -> float:
        """CPU time of each request."""
        return 1e6 * self.seconds / self.requests


def cost_here(name: str, story: str, requests: int) -> Cost:
    """Run one story of one simulator in this interpreter; what is made once is made before."""
    simulator = next(each for each in SIMULATORS if each.name == name)
    run = getattr(simulator, story)
    run(min(requests, 500))
    gc.collect()
    began = process_time()
    ran = run(requests)
    return Cost(process_time() - began, *ran)


def cost(python: str, name: str, story: str, requests: int) -> Cost:
    """Run one story of one simulator in a fresh interpreter."""
    command = [python, __file__, "--only", name, story, "--requests", str(requests)]
    environment = os.environ | {"SIMCB_PURE": "0" if name == COMPILED else "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{name}, {story}:\n{done.stderr}")
    return Cost(*json.loads(done.stdout))


def is_compiled(python: str) -> bool:
    """Tell whether the simcb of an interpreter is compiled."""
    asked = "from simcb.version import is_compiled; raise SystemExit(not is_compiled())"
    environment = os.environ | {"SIMCB_PURE": "0"}
    # Without the folder it is run in, which may be a checkout that is not.
    command = [python, "-P", "-c", asked]
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    return done.returncode == 0


def build(folder: str) -> str:
    """Install simcb compiled into a new environment and return its interpreter."""
    sys.stderr.write("compiling simcb ...\n")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(Path(folder, "Scripts" if os.name == "nt" else "bin", "python"))
    environment = os.environ | {"SIMCB_COMPILE": "1"}
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(ROOT)]
    subprocess.run(install, check=True, env=environment)
    return python


def table(compiled: str | None, requests: int, rounds: int) -> str:
    """Return the table as Markdown, and below it what was left out."""
    there, missing = [], []
    for each in SIMULATORS:
        if each.name == COMPILED:
            found = compiled is not None
        else:
            found = not each.package or find_spec(_module(each.package)) is not None
        (there if found else missing).append(each)
    costs: dict[tuple[str, str], list[Cost]] = {}
    for _ in range(rounds):
        for each in there:
            python = compiled if each.name == COMPILED and compiled else sys.executable
            for story in STORIES:
                if getattr(each, story) is not None:
                    found_cost = cost(python, each.name, story, requests)
                    costs.setdefault((each.name, story), []).append(found_cost)
    best = {key: min(each, key=lambda one: one.microseconds) for key, each in costs.items()}
    lines = [
        "| CPU time of a request | queue | | storm | |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for each in sorted(there, key=lambda one: best[one.name, "queue"].microseconds):
        cells = [_cells(best, each.name, story) for story in STORIES]
        lines.append(f"| {_named(each)} | {' | '.join(cells)} |")
    if missing:
        lines += ["", "left out, for it is not there: " + ", ".join(each.name for each in missing)]
    means = (
        f"{each.name} {1e3 * best[each.name, 'queue'].mean:.1f}"
        for each in there
        if each.queue is not asyncflow_queue
    )
    lines += ["", f"mean ms in the queue, 50 in theory: {'; '.join(means)}"]
    return "\n".join(lines)


def _cells(best: dict[tuple[str, str], Cost], name: str, story: str) -> str:
    found, unit = best.get((name, story)), best.get((UNIT, story))
    if found is None:
        return "|"
    times = f"{unit.microseconds / found.microseconds:.2g} ×" if unit else ""
    return f"{found.microseconds:.1f} µs | {times}"


def _module(package: str) -> str:
    return {"happysim": "happysimulator", "asyncflow-sim": "asyncflow"}.get(package, package)


def _named(simulator: Simulator) -> str:
    if simulator.package in ("", "simcb"):
        return simulator.name
    try:
        number = version(simulator.package)
    except PackageNotFoundError:
        return simulator.name
    first, comma, rest = simulator.name.partition(",")
    return f"{first} {number}{comma}{rest}"


def main() -> None:
    """Print the table, or with `--only` one cost as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=100_000, help="of each run, about")
    parser.add_argument("--rounds", type=int, default=3, help="how often; the best one counts")
    parser.add_argument("--compiled", metavar="PYTHON", help="one that has simcb compiled")
    parser.add_argument("--build", action="store_true", help="compile simcb first")
    parser.add_argument("--only", nargs=2, metavar=("NAME", "STORY"), help="run that one here")
    options = parser.parse_args()
    if options.only:
        logging.disable(logging.CRITICAL)
        sys.stdout.write(json.dumps(cost_here(*options.only, options.requests)) + "\n")
        return
    with tempfile.TemporaryDirectory(prefix="simcb-") as folder:
        compiled = options.compiled or (build(folder) if options.build else sys.executable)
        found = compiled if is_compiled(compiled) else None
        sys.stdout.write(table(found, options.requests, options.rounds) + "\n")


if __name__ == "__main__":
    main()
