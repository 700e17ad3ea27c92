"""simcb in a notebook or a script: load, explain and run a scenario, fit one, open what was kept.

Each returns a view: it shows itself as a card, draws itself, and becomes a table. Everything
heavy is loaded when it is asked for: matplotlib by a plot, pandas by a frame. What takes many
runs is in `notebook_studies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from simcb import studies
from simcb.measurements import fit_files
from simcb.predictions import predict
from simcb.scenario import Scenario
from simcb.studies import Baseline, Clients
from simcb.studies.tags import checked_tags
from simcb.views.compare_view import CompareView
from simcb.views.explain import ExplainView
from simcb.views.fit import FitView
from simcb.views.league_view import LeagueView
from simcb.views.run import answer_of, conditions_of
from simcb.views.run_view import RunView
from simcb.views.saved import open_study
from simcb.views.sweep_view import SweepView
from simcb.views.tune_view import TuneView


def load(
    source: str | Path, *, overlays: Sequence[str | Path] = (), sets: Sequence[str] = ()
) -> Scenario:
    """Read a scenario: a file, or the name of a shipped one.

    Args:
        source: path or shipped name.
        overlays: files merged over it, in order.
        sets: changes like `breaker.recovery_timeout=30s`, after the overlays.

    Raises:
        ScenarioError: with every problem there is in the files.
    """
    return studies.read(source, overlays=overlays, sets=sets)


def fit(
    files: str | Path | Sequence[str | Path],
    service: str | None = None,
    *,
    where: Sequence[str] = (),
    client: str | None = None,
    form: str | None = None,
    between: float | None = None,
    arrivals: str | None = None,
) -> FitView:
    """Fit arrivals, work, errors and workers to what was measured, and return a view of it.

    Args:
        files: what was measured: results of a load test, a log, a scrape, or traces.
        service: what the scenario calls the service; of traces, the only one that is meant.
        where: which requests are meant, as in `path=/api/*`.
        client: what the scenario calls the client group that asked.
        form: the files' format; found out if None.
        between: seconds from the first to the last of several scrapes of Prometheus, if they do
            not say so themselves.
        arrivals: `open` or `closed`, whether those who asked waited for answers before they asked
            again; as the data show it if None.

    Raises:
        MeasurementError: a file cannot be read, or says too little.
    """
    several = [files] if isinstance(files, str | Path) else files
    return FitView(
        fit_files(
            several,
            service,
            where=where,
            client=client,
            form=form,
            between=between,
            arrivals=arrivals,
        )
    )


def explain(
    scenario: Scenario | str | Path, topic: str | None = None, *, metric: str | None = None
) -> ExplainView:
    """Return what formulas say of a scenario before any run, as a view.

    Args:
        scenario: a scenario, or what `load` makes one of.
        topic: a question that people ask, such as `never-opens`; `simcb.predictions.TOPICS` has
            all of them.
        metric: how this number comes about here, instead.

    Raises:
        ScenarioError: the scenario cannot be read.
        UnknownNumberError: there is no such topic or metric.
        StudyError: a topic and a metric are given.
    """
    if topic is not None and metric is not None:
        raise studies.StudyError("a topic and a metric are given", "give one of them")
    read = scenario if isinstance(scenario, Scenario) else load(scenario)
    return ExplainView(predict(read), topic, metric)


def run(
    scenario: Scenario | str | Path,
    *,
    seed: int = 0,
    replicates: int = 1,
    baseline: Baseline | None = None,
    ordinary_day: bool = False,
    fail_if: Sequence[str] = (),
    audit: bool = False,
    allow_large: bool = False,
    max_events: int | None = None,
    tags: Mapping[str, str] | None = None,
    clients: Clients | None = None,
) -> RunView:
    """Run a scenario and return a view of what came out.

    Args:
        scenario: a scenario, or what `load` makes one of.
        seed: the random seed; the same seed gives the same run.
        replicates: how many runs with other random streams; intervals need at least two.
        baseline: "none" also runs the scenario without any breaker, on the same streams.
        ordinary_day: also runs the scenario without its faults, on the same streams.
        fail_if: conditions under which the run counts as failed, as in `p99{fault} > 1s`.
        audit: hold the laws that every run must obey against each run.
        allow_large: run even what is estimated to be huge.
        max_events: events each run may have; if None 200 million, and any number with
            `allow_large`.
        tags: what you call it, key to value, in every output.
        clients: your own code for a client group in place of its calls: a coroutine function, a
            function that makes one for each run, or the `module:function` of either.

    Raises:
        ScenarioError: the scenario cannot be read.
        StudyError: an argument makes no sense.
        ClientError: code cannot be loaded, or does what virtual time has no room for.
        ThresholdError: a threshold names what does not exist.
        TooLargeError: it would be huge, and that is not allowed; nothing was run.
        EventBudgetError: a run is not over after `max_events`.
        RowBudgetError: a run is not over after 30 million requests and attempts.
    """
    read = scenario if isinstance(scenario, Scenario) else load(scenario)
    read = studies.coded(read, clients)
    conditions, named = conditions_of(fail_if, read), checked_tags(tags)
    result = studies.run(
        read,
        seed=seed,
        replicates=replicates,
        baseline=baseline,
        ordinary_day=ordinary_day,
        allow_large=allow_large,
        max_events=max_events,
        clients=clients,
    )
    answer = answer_of(result, conditions, laws=audit)
    return RunView(result, answer.fail_if, answer.audits, named)


def open(
    source: str | Path, *, by: str | None = None
) -> RunView | CompareView | LeagueView | SweepView | TuneView:
    """Read a directory that `simcb run`, `compare`, `league`, `sweep` or `tune` wrote, or a trace.

    Nothing is run. What was interrupted opens as far as it came, and says so.

    Args:
        source: the directory that `--out` named, or one trace of a run.
        by: what to rank a sweep by; what it was first ranked by if None.

    Raises:
        TraceFileError: there is nothing of the kind, or it is damaged.
        StoreError: the directory of a sweep or a tune is damaged.
        StudyError: there is no number `by` in the sweep, or it is no sweep; or a comparison or a
            league is damaged.
        MissingExtraError: it is a tune, and Optuna is not installed.
    """
    return open_study(source, by).view()
