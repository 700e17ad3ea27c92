# ruff: noqa: T201 - a script prints
"""What a sweep costs beyond its runs, what two workers bring, and what a large store takes.

Run it from the root of a checkout, on a machine with two free cores:

    python tests/benchmarks/sweep_cost.py                    # a store of 20,000 runs
    python tests/benchmarks/sweep_cost.py --records 100000   # about five minutes
    python tests/benchmarks/sweep_cost.py --gain             # two workers alone, the best of three

Costs are CPU seconds, except where workers are compared.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.world_speed import storm

import simcb
from simcb.metrics import measure, verdict
from simcb.scenario import Scenario
from simcb.world import simulate

THRESHOLD = "breaker.failure_threshold"
RECOVERY = "breaker.recovery_timeout"
IDLE = 0.5
"""The load of a machine on which hardly anything else runs."""


def timed(clock: Callable[[], float], work: Callable[[], object]) -> float:
    """Return how many seconds of a clock some work takes."""
    begun = clock()
    work()
    return clock() - begun


def alone(scenario: Scenario, settings: int, replicates: int) -> float:
    """Return the CPU seconds of a sweep's runs, each made and judged by itself."""
    variants = [scenario.with_({THRESHOLD: n}) for n in range(1, settings + 1)]

    def runs() -> None:
        for variant in variants:
            for replicate in range(replicates):
                trace = simulate(variant, 0, replicate)
                measure(trace)
                verdict(trace)

    return timed(process_time, runs)


def overhead(scenario: Scenario, settings: int, replicates: int) -> float:
    """Return the CPU seconds that a sweep in this process costs beyond its runs, for each."""
    over = {THRESHOLD: list(range(1, settings + 1))}
    swept = timed(
        process_time, lambda: simcb.sweep(scenario, over, replicates=replicates, workers=0)
    )
    return (swept - alone(scenario, settings, replicates)) / (settings * replicates)


def gain(rounds: int = 1) -> tuple[float, float]:
    """Return the seconds that twelve runs of about a second take with one worker, and two.

    The two take turns; the best of each counts.
    """
    scenario, over = storm(120_000), {THRESHOLD: [3, 5, 8]}

    def took(workers: int) -> float:
        return timed(
            perf_counter, lambda: simcb.sweep(scenario, over, replicates=4, workers=workers)
        )

    found = [(took(1), took(2)) for _ in range(rounds)]
    one, two = (min(times) for times in zip(*found, strict=True))
    return one, two


def store(records: int) -> tuple[float, float]:
    """Return the CPU seconds that it takes to resume a complete store, and the peak megabytes."""
    scenario = storm(10)
    over = {THRESHOLD: list(range(1, 101)), RECOVERY: f"1s..60s/{records // 1000}"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "sweep")

        def sweep(resume: bool) -> None:
            simcb.sweep(scenario, over, out=out, resume=resume, workers=2, allow_large=True)

        sweep(resume=False)
        resumed = timed(process_time, lambda: sweep(resume=True))
    return resumed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure all of it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000, help="runs in the store")
    parser.add_argument("--gain", action="store_true", help="only what two workers bring")
    options = parser.parse_args()
    records = options.records
    if options.gain:
        busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        if busy > IDLE:
            print(f"something else runs here (load {busy:.1f}): two workers seem to bring less")
        one, two = gain(rounds=3)
        print(f"one worker {one:.1f} s, two {two:.1f} s: {one / two:.2f} times as fast")
        return
    short = storm(200)
    simcb.sweep(short, {THRESHOLD: [1, 2]}, replicates=2, workers=0)  # loads what it takes
    print("| what | measured |\n| --- | ---: |")
    for replicates, settings in ((1, 200), (10, 20)):
        each = 1000.0 * overhead(short, settings, replicates)
        print(f"| a run beyond itself, {replicates} of each setting | {each:.2f} ms |", flush=True)
    one, two = gain()
    print(f"| twelve runs: one worker, two | {one:.1f} s, {two:.1f} s ({one / two:.2f}) |")
    seconds, megabytes = store(records)
    print(f"| resuming a store of {records:,} runs | {seconds:.1f} s |")
    print(f"| the parent's memory at its peak | {megabytes:.0f} MB |")


if __name__ == "__main__":
    main()
