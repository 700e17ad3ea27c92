"""Distributions of what was measured: percentiles, histograms and files of times."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from test_scenario.written import problem_of, swapped

from simcb.metrics import measure
from simcb.predictions.spread import beyond, quantile
from simcb.scenario import parse_scenario
from simcb.scenario.distributions import QUANTILES, Empirical, Histogram, Lognormal, Quantiles
from simcb.scenario.pieces import reachable
from simcb.world import simulate
from simcb.world.samplers import sampler_of
from simcb.world.streams import Streams

WORDS = {"min": 0.0, **QUANTILES, "max": 1.0}
seconds = st.floats(1e-4, 100)


@st.composite
def quantiles(draw: st.DrawFn) -> Quantiles:
    """Some percentiles, and perhaps a mean that they allow."""
    words = sorted(draw(st.sets(st.sampled_from([*WORDS]), min_size=2)), key=[*WORDS].index)
    times = sorted(draw(st.lists(seconds, min_size=len(words), max_size=len(words))))
    given_words = dict(zip(words, times, strict=True))
    low, high = reachable(tuple((WORDS[word], time) for word, time in given_words.items()))
    where = draw(st.none() | st.floats(0.01, 0.99))
    if where is not None:
        high = min(high, 3.0 * low + 100.0)
        given_words["mean"] = low + where * (high - low)
    return Quantiles(**given_words)


@given(quantiles())
def test_percentiles_and_mean_are_met(law: Quantiles) -> None:
    """Whatever was measured is what the distribution has, the mean without crossing a point."""
    pieces = law.pieces
    assert math.fsum(each.share for each in pieces) == pytest.approx(1.0)
    total = math.fsum(each.share * each.mean for each in pieces)
    assert total == pytest.approx(law.mean_value, rel=1e-6)
    assert all(each.low <= each.mean <= each.high * (1 + 1e-9) for each in pieces)
    for share, time in law.points:
        assert beyond(law, time * (1 + 1e-9)) <= 1.0 - share + 1e-6
        assert beyond(law, time * (1 - 1e-9)) >= 1.0 - share - 1e-6


@given(quantiles())
def test_what_is_drawn_lies_between_the_points(law: Quantiles) -> None:
    """No time is shorter than `min` or longer than `max`, and the median is the median."""
    column = Streams(0, 0).column("here", "work", sampler_of(law))
    drawn = np.concatenate([column.block(number) for number in range(4)])
    assert np.all(np.isfinite(drawn))
    assert drawn.min() >= (law.min or 0.0) * (1 - 1e-9)
    assert drawn.max() <= (law.max or math.inf) * (1 + 1e-9)
    if law.p50 is not None:
        assert np.mean(drawn < law.p50 * (1 - 1e-9)) < 0.56
        assert np.mean(drawn > law.p50 * (1 + 1e-9)) < 0.56


@pytest.mark.parametrize("pair", [("p50", "p99"), ("p25", "p75"), ("p90", "p9999")])
def test_any_two_percentiles_give_the_same_lognormal(pair: tuple[str, str]) -> None:
    """Which two are written does not matter."""
    law = Lognormal(p50=0.08, p99=0.6)
    again = Lognormal(**{word: quantile(law, QUANTILES[word]) for word in pair})
    assert again.log_mean == pytest.approx(law.log_mean, abs=1e-6)
    assert again.log_deviation == pytest.approx(law.log_deviation, rel=1e-6)


@pytest.mark.parametrize("words", [("p50", "p99"), ("p50", "p90", "p999"), ("p25", "p50", "p75")])
def test_percentiles_of_a_lognormal_have_its_mean(words: tuple[str, ...]) -> None:
    """Between points where nothing else is known, times are spread as in a lognormal."""
    law = Lognormal(p50=0.08, p99=0.6)
    found = Quantiles(**{word: quantile(law, QUANTILES[word]) for word in words})
    assert found.mean_value == pytest.approx(law.mean_value, rel=1e-3)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=6), st.floats(0.05, 0.95))
def test_a_histogram_has_its_shares_and_its_mean(counts: list[int], where: float) -> None:
    """As many times lie up to each bound as were counted, and their mean is the given one."""
    assume(sum(counts) > 0)
    bounds = [0.01 * 3.0**n for n in range(len(counts))]
    buckets = [{"to": to, "count": n} for to, n in zip(bounds, counts, strict=True)]
    low, high = reachable(Histogram(buckets=buckets).points)
    law = Histogram(buckets=buckets, mean=low + where * (high - low) + 1e-9)
    for number, bound in enumerate(bounds):
        above = sum(counts[number + 1 :]) / sum(counts)
        assert beyond(law, bound) == pytest.approx(above, abs=1e-9)
    total = math.fsum(each.share * each.mean for each in law.pieces)
    assert total == pytest.approx(law.mean_value, rel=1e-6)


def test_a_measured_mean_decides_about_a_collapse() -> None:
    """A lognormal by p50 and p99 has nearly twice the measured mean, and falls over by it."""
    measured = "p50: 272.8ms, p90: 340ms, p95: 368ms, p99: 4982ms, mean: 339ms"
    text = """\
name: fit-matters
duration: 10m
clients: {c: {arrivals: {kind: poisson, rate: 20/s}, calls: {s: {timeout: 10s}}}}
services: {s: {workers: 10, work: {%s}}}
"""
    wrong = measure(simulate(parse_scenario(text % "kind: lognormal, p50: 272.8ms, p99: 4982ms")))
    right = measure(simulate(parse_scenario(text % f"kind: quantiles, {measured}")))
    assert wrong.value("success") < 0.5
    assert right.value("success") > 0.999


FROM_FILE = swapped("work: 50ms", "work: {kind: empirical, file: times.csv}")


@pytest.mark.parametrize(
    "data", ["0.01\n0.02\n0.06\n", "10ms\n20ms\n60ms\n", "path,latency\n/,10ms\n/,0.02\n/a,6e-2\n"]
)
def test_times_are_read_from_a_file(data: str, tmp_path: Path) -> None:
    """A column of seconds or of durations, alone or by its name, in any order."""
    (tmp_path / "times.csv").write_text(data)
    scenario = parse_scenario(FROM_FILE, folder=tmp_path)
    work = scenario.services["payments"].work
    assert isinstance(work, Empirical)
    assert work.times == (0.01, 0.02, 0.06)
    assert work.mean_value == pytest.approx(0.03)
    assert parse_scenario(scenario.to_yaml(), folder=tmp_path) == scenario
    assert "times:" not in scenario.to_yaml()
    (tmp_path / "times.csv").unlink()
    assert scenario.with_({"workers": 9}).services["payments"].work == work
    assert pickle.loads(pickle.dumps(scenario)) == scenario


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("0.01\nfast\n", "`fast` in line 2"),
        ("0.01\n3 s\n", "in line 2"),
        ("-1\n", "is negative"),
        ("rates\n1\n", "no column `times`"),
        ("request_id,time\na,1\na,2\n", "each row is one request"),
        ("connect_time,total_time\n1,2\n", "2 columns that may hold times"),
    ],
)
def test_a_wrong_file_of_times_is_told_with_its_line(data: str, what: str, tmp_path: Path) -> None:
    """What is wrong stands at the word `file` of the distribution."""
    (tmp_path / "times.csv").write_text(data)
    problem = problem_of(FROM_FILE, folder=tmp_path)
    assert problem.path == "services.payments.work.file"
    assert what in problem.what


def test_values_and_a_file_exclude_each_other(tmp_path: Path) -> None:
    """One of the two holds the times."""
    (tmp_path / "times.csv").write_text("1\n")
    text = swapped("work: 50ms", "work: {kind: empirical, file: times.csv, values: [1s]}")
    assert "beside `file`" in problem_of(text, folder=tmp_path).what
