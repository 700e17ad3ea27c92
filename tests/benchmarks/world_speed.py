"""How fast the world is: requests simulated per CPU second, beside the plain model's.

One client group with retries, a timeout and a breaker, one service, one fault, the whole
trace recorded. Run it from the root of a checkout:

    python tests/benchmarks/world_speed.py            # ratio, and 10⁴ to 10⁶ requests
    python tests/benchmarks/world_speed.py --most 7   # up to 10⁷

Every size is run in an interpreter of its own, so that the memory is its own too.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from plain_model import simulate_plainly

from simcb.scenario import Scenario, parse_scenario
from simcb.world import simulate

RATE = 200
"""Requests per simulated second."""


def storm(requests: int) -> Scenario:
    """Return the benchmark's scenario, as long as so many requests take.

    For a tenth of the time the service is ten times as slow: it falls behind, callers time
    out and retry, and the breaker opens, probes, and closes again.
    """
    seconds = requests / RATE
    return parse_scenario(f"""
name: storm
duration: {seconds:.3f}s
clients:
  shop:
    arrivals: {{kind: poisson, rate: {RATE}/s}}
    calls:
      payments:
        timeout: 1s
        retry: {{max_retries: 2, jitter: full,
                 backoff: {{kind: exponential, base: 100ms, factor: 2, max: 2s}}}}
        breaker: {{failure_threshold: 5, recovery_timeout: 5s}}
services:
  payments: {{workers: 40, work: {{kind: lognormal, p50: 80ms, p99: 400ms}}}}
faults:
  - {{kind: latency, on: payments, times: 10, at: {seconds * 0.4:.3f}s, for: {seconds * 0.1:.3f}s}}
""")


@dataclass(frozen=True)
class Size:
    """What one run of the world cost.

    Args:
        seconds: time of the processor, which a busy machine changes less than wall time.
        megabytes: peak of resident memory above what was there before the run.
    """

    requests: int
    attempts: int
    seconds: float
    megabytes: float

    @property
    def microseconds_per_request(self) -> float:
        """Processor time for each request."""
        return 1e6 * self.seconds / self.requests

    @property
    def megabytes_per_million(self) -> float:
        """Peak memory for each million requests."""
        return 1e6 * self.megabytes / self.requests


def peak_megabytes() -> float:
    """Return the peak of resident memory so far, in megabytes."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 1024 if sys.platform != "darwin" else kilobytes / 1024**2


def cost_here(requests: int) -> Size:
    """Run the world once in this interpreter."""
    simulate(storm(2000))  # whatever is made once is made now
    scenario = storm(requests)
    gc.collect()
    before, began = peak_megabytes(), process_time()
    trace = simulate(scenario)
    seconds = process_time() - began
    return Size(len(trace.requests), len(trace.attempts), seconds, peak_megabytes() - before)


def cost(requests: int) -> Size:
    """Run the world once in a fresh interpreter."""
    command = [sys.executable, __file__, "--only", str(requests)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Size(**json.loads(done.stdout))


def speeds(requests: int, rounds: int = 3) -> tuple[float, float]:
    """Return requests per processor second of the fast and of the plain model, the best of each.

    The two take turns, so that both meet the same noise of the machine.
    """
    scenario = storm(requests)
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for place, model in enumerate((simulate, simulate_plainly)):
            gc.collect()
            began = process_time()
            count = len(model(scenario).requests)
            best[place] = min(best[place], (process_time() - began) / count)
    return 1.0 / best[0], 1.0 / best[1]


def _table(most: int) -> str:
    fast, plain = speeds(20_000)
    lines = [
        "| model | requests per CPU second | ratio |",
        "| --- | ---: | ---: |",
        f"| simcb.world | {fast:,.0f} | {fast / plain:.1f} |",
        f"| textbook SimPy | {plain:,.0f} | 1 |",
        "",
        "| requests | attempts | CPU seconds | µs per request | peak MB per million |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for power in range(4, most + 1):
        size = cost(10**power)
        lines.append(
            f"| {size.requests:,} | {size.attempts:,} | {size.seconds:.2f} "
            f"| {size.microseconds_per_request:.1f} | {size.megabytes_per_million:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the tables, or with `--only` the cost of one size as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--most", type=int, default=6, help="the largest size, a power of ten")
    parser.add_argument("--only", type=int, help="run one size here and print it as JSON")
    options = parser.parse_args()
    if options.only is not None:
        sys.stdout.write(json.dumps(asdict(cost_here(options.only))) + "\n")
    else:
        sys.stdout.write(_table(options.most) + "\n")


if __name__ == "__main__":
    main()
