# ruff: noqa: T201 - a script prints
"""How many of ten runs on real sockets lie in their predicted bands with all their numbers.

    python tests/benchmarks/live_runs.py [SCENARIO] [--scale N] [--runs N]

Where the prediction is right, a run lies in its band in nine of ten; fewer than eight of ten would
happen by chance to one in fourteen such tens. It takes a minute each and an idle machine: what
the machine took for itself is printed with each run.
"""

from __future__ import annotations

import argparse

from simcb.live.study import live
from simcb.studies import read


def main() -> None:
    """Run them, and say of each what lies outside."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("scenario", nargs="?", default="flaky-payments")
    words.add_argument("--scale", type=float, default=6.0)
    words.add_argument("--runs", type=int, default=10)
    asked = words.parse_args()
    scenario, inside = read(asked.scenario), 0
    for seed in range(asked.runs):
        study = live(scenario, seed=seed, scale=asked.scale)
        inside += study.inside
        out = ", ".join(
            f"{each.name}{{{each.phase}}} {each.measured} not in {each.low:.4g} … {each.high:.4g}"
            for each in study.numbers
            if not each.inside
        )
        half = 1000.0 * study.ways[len(study.ways) // 2] / study.scale
        print(
            f"seed {seed}: {out or 'inside'}  (a way {half:.2f} ms, an idle journey "
            f"{1000.0 * study.idle.journey:.2f} ms, late by {study.lateness / study.scale:.3f} s)",
            flush=True,
        )
    print(f"{inside} of {asked.runs} lie in their band; expected are nine of ten")


if __name__ == "__main__":
    main()
