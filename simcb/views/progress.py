"""What is said before and while a sweep or a tune runs: its size, and how far it has come."""

from __future__ import annotations

from simcb.studies.evaluation.size import WORKER_MEGABYTES
from simcb.studies.limits import in_words
from simcb.studies.sweep import Plan, Progress
from simcb.studies.sweep.plan import TimeEstimate
from simcb.studies.tune import WALKS, TunePlan, TuneProgress
from simcb.views.quantities import rough_clock
from simcb.views.safe_text import one_line


def sweep_size(plan: Plan, found: TimeEstimate) -> str:
    """Return what a dry run says: settings, runs, time and memory."""
    size = found.size
    more = f", and {len(plan.contenders)} beside them" if plan.contenders else ""
    more += "" if plan.border is None else ", and as many more as the border asks for"
    workers = found.workers * (WORKER_MEGABYTES + size.largest.megabytes)
    lines = (
        f"settings  {size.settings:,}{more}",
        f"runs      {size.cells:,} ({plan.replicates} replicates each)",
        f"requests  about {in_words(size.requests)}",
        f"time      about {rough_clock(found.seconds)} on {found.workers} workers",
        f"memory    {size.parent_megabytes:,.0f} MB for the results; at worst "
        f"{workers:,.0f} MB for the workers",
    )
    return "".join(f"{line}\n" for line in lines)


def sweep_progress(now: Progress) -> str:
    """Return what goes beside a progress bar: rate, time left, best so far."""
    words = []
    if now.ran and now.seconds > 0.0:
        rate = now.ran / now.seconds
        words = [f"{rate:.3g} runs/s", f"{rough_clock((now.total - now.done) / rate)} left"]
    if now.lost:
        words.append(f"{now.lost} lost")
    if now.best is not None:
        setting, found = now.best
        values = ", ".join(one_line(str(value), 20) for value in setting.values)
        words.append(f"best so far {values}: {found.mean:.4g}")
    return "; ".join(words)


def tune_size(plan: TunePlan, seconds: float, workers: int) -> str:
    """Return what a dry run says: settings, runs, time and memory.

    Args:
        plan: what is to be done.
        seconds: how long a run takes, about.
        workers: how many are made at once.
    """
    scenarios = f"{len(plan.scenarios)} scenario{'s' if len(plan.scenarios) > 1 else ''}"
    likely, most = (rough_clock(runs * seconds / workers) for runs in (plan.likely_runs, plan.runs))
    memory = workers * (WORKER_MEGABYTES + plan.largest_run)
    lines = (
        f"settings  {plan.options.size.trials:,} searched, {plan.around:,} around each of up to "
        f"{WALKS} bests, {plan.contenders} contenders",
        f"runs      about {plan.likely_runs:,} in {scenarios}, at most {plan.runs:,}",
        f"requests  at most about {in_words(plan.requests)}",
        f"time      about {likely} on {workers} workers, at most {most}",
        f"memory    at most {plan.megabytes:,.0f} MB for the results; at worst {memory:,.0f} MB "
        "for the workers",
    )
    return "".join(f"{line}\n" for line in lines)


def tune_progress(now: TuneProgress) -> str:
    """Return what goes beside a progress bar: what is done, how fast, and the best so far."""
    words = [now.stage]
    if now.ran and now.seconds > 0.0:
        words.append(f"{now.ran} runs, {now.ran / now.seconds:.3g}/s")
        if now.stage == "searching" and now.done:
            left = now.seconds / now.done * (now.total - now.done)
            words.append(f"{rough_clock(left)} left")
    if now.best is not None:
        values = ", ".join(one_line(str(value), 20) for value in now.best.values)
        words.append(f"best so far {values}")
    return "; ".join(words)
