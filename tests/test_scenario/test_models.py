"""The models: what each kind means, and what it refuses."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from test_scenario.generated import distributions, scenarios
from test_scenario.written import SMALL, problem_of, swapped

from simcb.scenario import Scenario, parse_scenario
from simcb.scenario.adapting import LIMITS
from simcb.scenario.admission import ADMISSIONS
from simcb.scenario.arrivals import ARRIVALS, Poisson
from simcb.scenario.calls import THROTTLES, Call
from simcb.scenario.distributions import DISTRIBUTIONS, Empirical, Gamma, Lognormal, Uniform
from simcb.scenario.faults import FAULTS, Hang, Latency
from simcb.scenario.fields import fields
from simcb.scenario.retries import (
    BACKOFFS,
    BUDGETS,
    Decorrelated,
    Exponential,
    Fixed,
    Listed,
    NoBackoff,
    Retry,
)
from simcb.scenario.tripping import TRIP_RULES

TABLES = {
    "admit": ADMISSIONS,
    "arrivals": ARRIVALS,
    "work": DISTRIBUTIONS,
    "backoff": BACKOFFS,
    "budget": BUDGETS,
    "trip": TRIP_RULES,
    "throttle": THROTTLES,
    "faults": FAULTS,
    "limit": LIMITS,
}
ROWS = [(table, kind) for table, kinds in TABLES.items() for kind in kinds]

PLACES = {
    "admit": ("work: 50ms", "work: 50ms\n    admit: {%s}"),
    "arrivals": ("{kind: poisson, rate: 40/s}", "{%s}"),
    "work": ("work: 50ms", "work: {%s}"),
    "backoff": ("{max_retries: 2}", "{max_retries: 2, backoff: {%s}}"),
    "budget": ("{max_retries: 2}", "{max_retries: 2, budget: {%s}}"),
    "trip": ("failure_threshold: 3", "trip: {%s}"),
    "throttle": ("timeout: 2s", "timeout: 2s\n        throttle: {%s}"),
    "faults": ("{kind: hang, on: payments, at: 1m, for: 2m}", "{%s}"),
    "limit": ("timeout: 2s", "timeout: 2s\n        bulkhead: {limit: {%s}}"),
}
"""Where a member of each table may stand in the small scenario."""

CHOSEN = {
    "lognormal": ["p50", "p99"],
    "empirical": ["values"],
    "quantiles": ["min", "p25", "p50", "p90", "p99", "p999", "max", "mean"],
    "histogram": ["mean"],
    "latency": ["add"],
    "failure_rate": ["calls"],
    "slow_call_rate": ["window"],
}
"""Words of which a kind needs some, none of them in particular."""


@pytest.mark.parametrize(("table", "kind"), ROWS)
def test_every_kind_is_read_from_its_own_examples_and_round_trips(
    table: str, kind: str, tmp_path: Path
) -> None:
    """The examples a kind gives in its messages are a part that reads and writes."""
    words = {
        word: field.example
        for word, field in fields(TABLES[table][kind]).items()
        if field.required or word in CHOSEN.get(kind, [])
    }
    words["kind"] = f"kind: {kind}"
    if kind == "surge":
        words["on"] = "on: shop"
    old, new = PLACES[table]
    text = swapped(old, new % ", ".join(words.values()))
    (tmp_path / "calls.csv").write_text("0.5\n1\n")
    scenario = parse_scenario(text, folder=tmp_path)
    assert f"{TABLES[table][kind].__name__}(" in repr(scenario)
    assert parse_scenario(scenario.to_yaml(), folder=tmp_path) == scenario


@pytest.mark.parametrize(
    ("kind", "part"), [row for table in TABLES.values() for row in table.items()]
)
def test_every_kind_is_named_by_its_table_and_explained(kind: str, part: type) -> None:
    """A member of a family carries its table's word as its kind, and a docstring of its own."""
    assert part.model_fields["kind"].default == kind
    assert part.__doc__
    assert all(field.description or name == "kind" for name, field in part.model_fields.items())


def test_a_lognormal_by_percentiles_has_the_mean_of_its_shape() -> None:
    """The mean of a lognormal is exp(mu + sigma²/2), with sigma from p99/p50."""
    work = Lognormal(p50=0.08, p99=0.6)
    sigma = math.log(0.6 / 0.08) / 2.3263478740408408
    assert work.mean_value == pytest.approx(0.08 * math.exp(sigma**2 / 2), rel=1e-12)


@given(st.floats(1e-6, 1e3), st.floats(0.01, 50))
def test_a_lognormal_by_mean_keeps_its_mean(mean: float, cv: float) -> None:
    """The parameters derived from mean and cv give back that mean and that variation."""
    work = Lognormal(mean=mean, cv=cv)
    again = math.exp(work.log_mean + work.log_deviation**2 / 2)
    assert again == pytest.approx(mean, rel=1e-9)
    assert math.sqrt(math.expm1(work.log_deviation**2)) == pytest.approx(cv, rel=1e-9)


def test_the_other_means_are_the_textbook_ones() -> None:
    """Uniform, gamma and empirical means follow their closed forms."""
    assert Uniform(low=1, high=3).mean_value == 2
    gamma = Gamma(mean=3, cv=0.5)
    assert gamma.shape * gamma.scale == pytest.approx(gamma.mean_value)
    assert Empirical(values=[1, 2, 6]).mean_value == 3
    assert Empirical(values=[1, 5], weights=[3, 1]).mean_value == 2


@given(distributions)
def test_every_mean_is_finite(work: object) -> None:
    """No distribution that is accepted has a mean that is negative or endless."""
    assert 0 <= work.mean_value <= 1e9 * (1 + 1e-9)


def test_a_single_rate_is_one_point() -> None:
    """A bare rate is a point at the beginning, without a ramp."""
    (point,) = parse_scenario(SMALL).clients["shop"].arrivals.rate
    assert (point.at, point.rate, point.ramp) == (0, 40, 0)


def test_backoffs_grow_as_their_formulas_say() -> None:
    """The wait before each retry follows the backoff's formula, capped, without overflow."""
    assert [NoBackoff().delay_before(k) for k in (1, 2)] == [0, 0]
    assert [Fixed(delay=0.1).delay_before(k) for k in (1, 9)] == [0.1, 0.1]
    listed = Listed(delays=(0.0, 1.0, 5.0))
    assert [listed.delay_before(k) for k in (1, 2, 3, 4, 999)] == [0, 1, 5, 5, 5]
    growing = Exponential(base=0.1, factor=2, max=0.5)
    assert [growing.delay_before(k) for k in (1, 2, 3, 4)] == [0.1, 0.2, 0.4, 0.5]
    assert Exponential(base=1, factor=100, max=9).delay_before(100) == 9
    assert Exponential(base=1, factor=100, max=9).delay_before(1000) == 9
    assert Exponential(base=0, factor=100).delay_before(1000) == 0
    assert Decorrelated(base=1, max=10).delay_before(2, previous=2) == 6


def test_python_may_write_seconds_or_text() -> None:
    """From Python a number is in seconds, and text reads as in a file."""
    assert Call(timeout=1.5) == Call(timeout="1500ms")
    assert Hang(on="payments", at=1, lasts="2s").until == 3


def test_models_cannot_be_changed() -> None:
    """Neither a field nor a table of a scenario can be assigned."""
    scenario = parse_scenario(SMALL)
    with pytest.raises(ValidationError):
        scenario.duration = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        scenario.services["payments"] = scenario.services["payments"]  # type: ignore[index]


@given(scenarios())
def test_scenarios_are_values(scenario: Scenario) -> None:
    """A scenario survives pickling, as process pools do it, and hashes like its equal."""
    again = pickle.loads(pickle.dumps(scenario))
    assert again == scenario
    assert hash(again) == hash(scenario)


def test_a_scenario_built_in_python_is_checked_across_too() -> None:
    """An unknown service is refused also when no file is involved."""
    scenario = parse_scenario(SMALL)
    with pytest.raises(ValidationError, match="paymentz"):
        Scenario(
            name="x",
            duration=5,
            clients=scenario.clients,
            services={"paymentz": scenario.services["payments"]},
        )


def test_faults_are_labelled_uniquely() -> None:
    """Faults without a name are called kind:on, later ones alike by their number."""
    scenario = parse_scenario(
        SMALL
        + "  - {kind: hang, on: payments, at: 4m, for: 0s}\n"
        + "  - {kind: refuse, on: payments, at: 4m, for: 1s, name: crash}\n"
    )
    assert [label for label, _ in scenario.labelled_faults] == [
        "hang:payments",
        "hang:payments#2",
        "crash",
    ]


def test_latency_defaults_leave_the_other_half_alone() -> None:
    """A latency that only adds multiplies by one, and the other way round."""
    assert Latency(on="a", at=0, lasts=1, add=2).multiplied == 1
    assert Latency(on="a", at=0, lasts=1, times=2).added == 0


@pytest.mark.parametrize(
    ("old", "new", "path", "what"),
    [
        ("work: 50ms", "work: {kind: uniform, low: 2s, high: 1s}", "work.high", "less than low"),
        ("work: 50ms", "work: {kind: lognormal, p50: 2s, p99: 1s}", "work.p99", "less than p50"),
        ("work: 50ms", "work: {kind: lognormal, p50: 2s}", "payments.work", "one pair"),
        ("work: 50ms", "work: {kind: lognormal, p50: 1s, p90: 2s, p99: 3s}", "work", "one pair"),
        ("work: 50ms", "work: {kind: lognormal, p75: 2s, p90: 1s}", "work.p90", "less than p75"),
        ("work: 50ms", "work: {kind: lognormal, mean: 1s, p90: 2s}", "work", "one pair"),
        ("work: 50ms", "work: {kind: quantiles}", "payments.work", "no percentile"),
        ("work: 50ms", "work: {kind: quantiles, mean: 1s}", "payments.work", "no percentile"),
        ("work: 50ms", "work: {kind: quantiles, p99: 1s}", "payments.work", "p99 alone"),
        ("work: 50ms", "work: {kind: quantiles, p50: 2s, p99: 1s}", "work.p99", "less than p50"),
        ("work: 50ms", "work: {kind: quantiles, min: 2s, p50: 1s}", "work.p50", "less than min"),
        ("work: 50ms", "work: {kind: quantiles, p99: 2s, max: 1s}", "work.max", "less than p99"),
        ("work: 50ms", "work: {kind: quantiles, p50: 1s, max: 2s, mean: 3s}", "work.mean", "rest"),
        ("work: 50ms", "work: {kind: quantiles, min: 1s, max: 2s, mean: 0.5s}", "mean", "rest"),
        ("work: 50ms", "work: {kind: quantiles, p50: 1s, p98: 2s}", "work.p98", "unknown"),
        ("work: 50ms", "work: {kind: histogram}", "work.buckets", "missing"),
        ("work: 50ms", "work: {kind: histogram, buckets: []}", "work.buckets", "no times"),
        (
            "work: 50ms",
            "work: {kind: histogram, buckets: [{to: 2s, count: 1}, {to: 1s, count: 1}]}",
            "work.buckets",
            "do not rise",
        ),
        (
            "work: 50ms",
            "work: {kind: histogram, buckets: [{count: 1}, {to: 1s, count: 1}]}",
            "work.buckets",
            "not the last",
        ),
        (
            "work: 50ms",
            "work: {kind: histogram, buckets: [{to: 1s, count: -1}]}",
            "work.buckets.0.count",
            "negative",
        ),
        (
            "work: 50ms",
            "work: {kind: histogram, buckets: [{to: 1s, count: 1}], mean: 2s}",
            "work.mean",
            "rest",
        ),
        ("work: 50ms", "work: {kind: empirical}", "work.values", "missing"),
        ("work: 50ms", "work: {kind: empirical, file: ../a.csv}", "work.file", "out of"),
        ("work: 50ms", "work: {kind: gamma, mean: 2s, cv: 0}", "work.cv", "too small"),
        ("work: 50ms", "work: {kind: empirical, values: []}", "work.values", "empty"),
        (
            "work: 50ms",
            "work: {kind: empirical, values: [1s], weights: [1, 2]}",
            "work.weights",
            "2 entries for 1",
        ),
        (
            "work: 50ms",
            "work: {kind: empirical, values: [1s], weights: [0]}",
            "work.weights",
            "all zero",
        ),
        ("rate: 40/s", "rate: [{at: 1s, rate: 1/s}]", "arrivals.rate", "begin at 0s"),
        ("rate: 40/s", "rate: []", "arrivals.rate", "no points"),
        (
            "rate: 40/s",
            "rate: [{at: 0s, rate: 1/s}, {at: 0s, rate: 2/s}]",
            "arrivals.rate",
            "order of time",
        ),
        (
            "rate: 40/s",
            "rate: [{at: 0s, rate: 1/s, ramp: 2s}, {at: 1s, rate: 2/s}]",
            "arrivals.rate",
            "past the next",
        ),
        ("at: 1m, for: 2m", "at: 1m, for: 2m, ramp: 61s", "faults.0.ramp", "longer than"),
        ("at: 1m, for: 2m", "at: 1m, for: 2m, replicas: [1]", "faults.0.replicas.0", "only"),
        ("at: 1m, for: 2m", "at: 1m, for: 2m, replicas: []", "faults.0.replicas", "empty"),
        ("at: 1m, for: 2m", "at: 1m, for: 2m, share: 5", "faults.0.share", "the whole"),
        ("kind: hang", "kind: latency", "faults.0", "neither"),
        ("kind: hang", "kind: surge, times: 2", "faults.0.on", "no client group"),
        ("kind: hang", "kind: capacity, times: 0.5, share: 5%", "faults.0.share", "nothing to"),
        ("{max_retries: 2}", "{max_retries: 1001}", "retry.max_retries", "too large"),
        ("{max_retries: 2}", "{max_retries: 2, on: [ok]}", "retry.on.0", "not one of"),
        ("{max_retries: 2}", "{max_retries: 2, on: [error, error]}", "retry.on", "twice"),
        (
            "{max_retries: 2}",
            "{max_retries: 90, backoff: {kind: exponential, base: 1s}}",
            "retry.backoff",
            "beyond all bounds",
        ),
        (
            "{max_retries: 2}",
            "{max_retries: 1000, backoff: {kind: exponential, base: 1s, factor: 100}}",
            "retry.backoff",
            "beyond all bounds",
        ),
        (
            "{max_retries: 2}",
            "{max_retries: 2, backoff: {kind: exponential, base: 2s, max: 1s}}",
            "retry.backoff.max",
            "less than base",
        ),
        ("failure_threshold: 3", "failure_threshold: 0", "failure_threshold", "too small"),
        ("workers: 8", "workers: true", "payments.workers", "not a whole number"),
        ("workers: 8", "workers: '8'", "payments.workers", "not a whole number"),
        ("workers: 8", "workers: 1e400", "payments.workers", "not finite"),
        ("workers: 8", f"workers: {'9' * 300}", "payments.workers", "too large"),
        ("duration: 5m", "duration: 0s", "duration", "too small"),
        ("duration: 5m", "duration: 1d\nsample_every: 1ms", "sample_every", "samples"),
    ],
)
def test_impossible_values_are_refused_at_their_place(
    old: str, new: str, path: str, what: str
) -> None:
    """A value that no run could use is refused where it stands, once, with a remedy."""
    problem = problem_of(swapped(old, new))
    assert problem.path.endswith(path)
    assert what in problem.what
    assert problem.remedy


def test_retries_default_to_the_three_usual_outcomes() -> None:
    """Errors, timeouts and refusals are retried unless the file names others."""
    assert Retry(max_retries=1).on == ("error", "timeout", "refused")
    assert Poisson(rate="30/m").rate[0].rate == 0.5
