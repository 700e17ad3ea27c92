"""What it costs to measure and judge a run, and to audit it: CPU time and memory a request.

Run it from the root of a checkout:

    python tests/benchmarks/measure_cost.py
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.world_speed import storm

from simcb.metrics import Facts, audit, measure, verdict
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import FaultInfo, Trace
from simcb.world import simulate


def queue(requests: int) -> Scenario:
    """Return a queue of exponential work at 80 % load, without any policy."""
    return parse_scenario(f"""
name: queue
duration: {requests / 80}s
clients:
  users: {{arrivals: {{kind: poisson, rate: 80/s}}, calls: {{api: {{}}}}}}
services:
  api: {{workers: 1, work: {{kind: exponential, mean: 10ms}}}}
""")


def repeated(trace: Trace, times: int) -> Trace:
    """Return a run that goes on the same way so many times, as if it had been that long."""

    def later(fault: FaultInfo, seconds: float) -> FaultInfo:
        return replace(fault, start=fault.start + seconds, end=fault.end + seconds)

    tables = {}
    for name in ("requests", "attempts", "transitions", "samples"):
        rows = getattr(trace, name)
        many = np.concatenate([rows] * times)
        turn = np.repeat(np.arange(times), len(rows))
        for column in ("arrival", "start", "at", "end", "arrive", "begin", "freed"):
            if column in many.dtype.names:
                many[column] += turn * trace.duration
        if name == "attempts":
            many["request"] += turn * len(trace.requests)
            below = many["parent"] >= 0
            many["parent"][below] += (turn * len(rows))[below]
        tables[name] = many
    starts = np.arange(times) * trace.duration
    faults = [later(fault, float(start)) for fault in trace.layout.faults for start in starts]
    layout = replace(trace.layout, faults=tuple(faults))
    return replace(trace, layout=layout, duration=trace.duration * times, **tables)


@dataclass(frozen=True)
class Cost:
    """What a request adds: microseconds of CPU time, and bytes at the peak."""

    microseconds: float
    peak_bytes: float


def judged(trace: Trace) -> None:
    """Measure and judge a run."""
    facts = Facts(trace)
    measure(facts)
    verdict(facts)


def cost(trace: Trace, work: Callable[[Trace], object] = judged, rounds: int = 3) -> Cost:
    """Return what some work on a run costs, the best of some rounds for the time."""
    work(trace)
    seconds = min(_timed(lambda: work(trace)) for _ in range(rounds))
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    work(trace)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    many = len(trace.requests)
    return Cost(1e6 * seconds / many, (peak - before) / many)


def _timed(work: Callable[[], None]) -> float:
    began = process_time()
    work()
    return process_time() - began


def main() -> None:
    """Print the table."""
    sys.stdout.write("| run | requests | attempts | work | µs each | bytes each |\n")
    sys.stdout.write("| --- | ---: | ---: | --- | ---: | ---: |\n")
    for name, scenario in (("queue", queue(100_000)), ("storm", storm(100_000))):
        trace = simulate(scenario)
        for times in (1, 10):
            longer = repeated(trace, times)
            for label, work in (("measure", judged), ("audit", audit)):
                found = cost(longer, work)
                sys.stdout.write(
                    f"| {name} | {len(longer.requests):,} | {len(longer.attempts):,} "
                    f"| {label} | {found.microseconds:.2f} | {found.peak_bytes:.0f} |\n"
                )


if __name__ == "__main__":
    main()
