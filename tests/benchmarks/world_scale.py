"""Whether the world has cliffs: the cost of an attempt where there is very much of something.

Each case is run at a tenth of its size and in full; an attempt should cost the same in both.
Run it from the root of a checkout:

    python tests/benchmarks/world_scale.py            # every case
    python tests/benchmarks/world_scale.py backlog    # one of them

Every run has an interpreter of its own, so that the memory is its own too.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.world_speed import peak_megabytes

from simcb.scenario import Scenario, parse_scenario
from simcb.world import simulate

FULL, TENTH = 10, 1


def scenario(duration: float, group: str, api: str, faults: str = "[]") -> Scenario:
    """Return one group that calls one service."""
    return parse_scenario(f"""
name: scale
duration: {duration}s
sample_every: {duration / 100}s
clients:
  users: {group}
services:
  api: {api}
faults: {faults}
""")


def in_the_heap(tenths: int) -> Scenario:
    """A million attempts in work at once, each an event in the heap."""
    rate = 10_000 * tenths
    group = f"{{arrivals: {{kind: constant, rate: {rate}/s}}, calls: {{api: {{}}}}}}"
    return scenario(10, group, "{workers: 1000000, work: 20s}")


def timed_out(tenths: int) -> Scenario:
    """A million attempts whose timeouts nearly all lose."""
    rate = 10_000 * tenths
    calls = "{api: {timeout: 30s, retry: {max_retries: 1}, breaker: {}}}"
    group = f"{{arrivals: {{kind: constant, rate: {rate}/s}}, calls: {calls}}}"
    return scenario(10, group, "{workers: 1000000, work: 10ms}")


def backlog(tenths: int) -> Scenario:
    """A million attempts in one queue while nothing is served, and then all at once."""
    rate = 10_000 * tenths
    group = f"{{arrivals: {{kind: constant, rate: {rate}/s}}, calls: {{api: {{}}}}}}"
    pause = "[{kind: pause, on: api, at: 0s, for: 9.9s}]"
    return scenario(10, group, "{workers: 1000000, work: 1ms}", pause)


def closed_loop(tenths: int) -> Scenario:
    """A hundred thousand users in a closed loop, ten requests each."""
    users = 10_000 * tenths
    law = f"{{kind: closed, users: {users}, think: {{kind: exponential, mean: 10s}}}}"
    calls = "{api: {timeout: 1s, retry: {max_retries: 1}, breaker: {}}}"
    group = f"{{arrivals: {law}, calls: {calls}}}"
    workers = 80 * 10 * tenths
    return scenario(100, group, f"{{workers: {workers}, work: {{kind: exponential, mean: 40ms}}}}")


def many_faults(tenths: int) -> Scenario:
    """A thousand faults of their own, one after the other, of every kind that services have."""
    count, duration = 100 * tenths, 200.0
    every = duration / count
    kinds = (
        "kind: latency, times: 2",
        "kind: errors, rate: 50%",
        "kind: hang, share: 10%",
        "kind: refuse, share: 20%",
        "kind: capacity, times: 0.5",
        "kind: pause",
        "kind: loss, share: 10%",
    )
    faults = ", ".join(
        f"{{{kinds[n % len(kinds)]}, on: api, at: {n * every:.6f}s, for: {every * 0.5:.6f}s}}"
        for n in range(count)
    )
    return scenario(duration, _STEADY, "{workers: 100, work: 10ms}", f"[{faults}]")


def many_windows(tenths: int) -> Scenario:
    """Two faults that come ten thousand times, and a surge that ramps as often."""
    count, duration = 1000 * tenths, 200.0
    every = duration / count
    again = f"for: {every / 2:.6f}s, repeat: {{every: {every:.6f}s, times: {count}}}"
    faults = (
        f"{{kind: hang, on: api, share: 5%, at: 0s, {again}}}, "
        f"{{kind: pause, on: api, at: {every / 4:.6f}s, {again}}}, "
        f"{{kind: surge, on: users, times: 1.5, ramp: {every / 8:.6f}s, at: 0s, {again}}}"
    )
    return scenario(duration, _STEADY, "{workers: 100, work: 10ms}", f"[{faults}]")


def many_instances(tenths: int) -> Scenario:
    """Ten thousand caller processes with a breaker each; making them is in the cost."""
    calls = "{api: {timeout: 1s, breaker: {}}}"
    law = f"{{kind: poisson, rate: {100 * tenths}/s}}"
    group = f"{{instances: {1000 * tenths}, arrivals: {law}, calls: {calls}}}"
    return scenario(200, group, "{workers: 100, work: 10ms}")


_STEADY = (
    "{arrivals: {kind: poisson, rate: 1000/s}, "
    "calls: {api: {timeout: 1s, retry: {max_retries: 1}, breaker: {}}}}"
)

CASES: dict[str, Callable[[int], Scenario]] = {
    "heap": in_the_heap,
    "timeouts": timed_out,
    "backlog": backlog,
    "closed": closed_loop,
    "faults": many_faults,
    "windows": many_windows,
    "instances": many_instances,
}


@dataclass(frozen=True)
class Cost:
    """What one run cost: processor time, and peak memory above what was there before."""

    attempts: int
    seconds: float
    megabytes: float

    @property
    def microseconds(self) -> float:
        """Processor time of each attempt."""
        return 1e6 * self.seconds / max(1, self.attempts)


def cost_here(case: str, tenths: int) -> Cost:
    """Run a case once in this interpreter."""
    simulate(scenario(1, _STEADY, "{workers: 100, work: 10ms}"))  # what is made once
    chosen = CASES[case](tenths)
    gc.collect()
    before, began = peak_megabytes(), process_time()
    trace = simulate(chosen)
    return Cost(len(trace.attempts), process_time() - began, peak_megabytes() - before)


def cost(case: str, tenths: int) -> Cost:
    """Run a case once in a fresh interpreter."""
    command = [sys.executable, __file__, case, "--only", str(tenths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Cost(**json.loads(done.stdout))


def _line(case: str) -> str:
    small, full = cost(case, TENTH), cost(case, FULL)
    return (
        f"| {case} | {full.attempts:,} | {small.microseconds:.1f} | {full.microseconds:.1f} "
        f"| {full.megabytes:.0f} | {1e6 * full.megabytes / full.attempts:.0f} |\n"
    )


def main() -> None:
    """Print the table line by line, or with `--only` one cost as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], help="all if none is named")
    parser.add_argument("--only", type=int, help="run one case at so many tenths of its size here")
    options = parser.parse_args()
    cases = options.cases or list(CASES)
    if options.only is not None:
        sys.stdout.write(json.dumps(asdict(cost_here(cases[0], options.only))) + "\n")
        return
    sys.stdout.write("| case | attempts | µs each at a tenth | µs each | MB | MB per million |\n")
    sys.stdout.write("| --- | ---: | ---: | ---: | ---: | ---: |\n")
    for case in cases:
        sys.stdout.write(_line(case))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
