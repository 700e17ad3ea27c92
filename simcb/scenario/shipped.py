"""The scenarios that come with simcb, found by name, and the one that `simcb init` writes.

An installed copy has them inside the package; a checkout, which an editable install points
at, has them beside it. Both are looked at, whatever way simcb was installed.
"""

from __future__ import annotations

from pathlib import Path

from simcb.scenario.problems import Findings, Mark, Source
from simcb.scenario.refusal import Refused, choice_remedy, quoted

_PACKAGE = Path(__file__).resolve().parent.parent
_SUFFIX = ".yaml"

_TEMPLATE = """\
# A scenario for simcb: who asks, who answers, what goes wrong, and what counts as good.
# Durations and rates carry their units: 250ms 30s 5m, 100/s 30/m; shares are 5% or 0.05.
name: my-first-outage
about: The warehouse hangs for a minute; the shop's breaker should keep it answering.
duration: 4m

# Who asks. Each group has its own arrivals and needs its calls in this order.
clients:
  shop:
    arrivals: {kind: poisson, rate: 50/s}     # or constant, closed (users), replay (a CSV)
    # instances: 4       # caller processes, each with its own breaker
    # deadline: 10s      # how long a user stays
    calls:
      warehouse:
        timeout: 2s
        retry:
          max_retries: 2
          backoff: {kind: exponential, base: 100ms, max: 2s}   # or none, fixed, decorrelated
          jitter: full                                         # or none, equal
          # budget: {kind: token_bucket, ratio: 10%}           # or per_minute
        breaker:
          failure_threshold: 5      # consecutive failures that open it
          recovery_timeout: 20s     # how long it stays open before a probe
          # trip: {kind: failure_rate, rate: 50%, window: 30s}   # instead of failure_threshold
          # half_open: {probes: 3, successes: 3}
        # bulkhead: {max_concurrent: 10}
        fallback: {hit_rate: 50%}   # how often an old answer is at hand

# Who answers. A service may have `calls` of its own; its worker waits meanwhile.
services:
  warehouse:
    replicas: 2
    # balance: least_busy           # or random; round_robin if left out
    workers: 16
    queue: {limit: 200}             # discipline: lifo serves the last first
    work: {kind: lognormal, p50: 40ms, p99: 300ms}   # or exponential, gamma, uniform, ...

# What goes wrong: latency, errors, hang, refuse, capacity, pause, restart, cold, loss, surge.
# Most may have a share (sticky or not), replicas and a ramp, all repeat: {every, times};
# `on: shop->warehouse` strikes one caller's calls only.
faults:
  - {kind: hang, on: warehouse, at: 1m, for: 1m}

# What a good run is. `simcb run` exits with 99 when one of these fails.
thresholds:
  - availability{healthy} >= 99%
  - p99{fault} < 5s
  - time_to_recover < 1m

# What `simcb sweep` tries. It changes nothing about a run; options given take its words' place.
sweep:
  over:
    breaker.failure_threshold: [3, 5, 10]
    breaker.recovery_timeout: 5s..60s/4@log    # or a list, or "lo:hi:step"
  # design: lhs:20                # or zip; every combination if left out
  # replicates: 20                # runs of each setting; 10 if left out
  by: availability                # what to rank by
  # refine: collapse=50%          # more settings along this border
"""


def list_shipped() -> tuple[str, ...]:
    """Return the names of all shipped scenarios, sorted."""
    return tuple(sorted({path.stem for folder in _folders() for path in _files(folder)}))


def find_shipped(name: str) -> Path:
    """Return the file of a shipped scenario.

    Raises:
        ScenarioError: there is no scenario of that name.
    """
    for folder in _folders():
        for path in _files(folder):
            if path.stem == name:
                return path
    findings = Findings()
    what = f"{quoted(name)} is neither a file nor a shipped scenario"
    refused = Refused(what, choice_remedy(name, list_shipped()))
    findings.add(Mark(Source(name)), "", refused)
    findings.raise_if_any()
    raise AssertionError("an unknown name was reported")


def _folders() -> list[Path]:
    folders = [_PACKAGE / "shipped"]
    # Beside an installed package stand other people's folders; beside a checkout, ours.
    if (_PACKAGE.parent / "pyproject.toml").is_file():
        folders.append(_PACKAGE.parent / "scenarios")
    return [folder for folder in folders if folder.is_dir()]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.is_file())


def template() -> str:
    """Return the text of a starter scenario, which reads cleanly."""
    return _TEMPLATE
