"""Axes and plans: what a spec means, and which settings it makes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_studies.sweep_cases import OVER, SMALL, scenario, sweep

from simcb.scenario import parse_scenario
from simcb.scenario.units import quantity_of
from simcb.studies import StudyError, run
from simcb.studies.evaluation.settings import (
    applied,
    axis_of,
    changes_of,
    labels_of,
    make_settings,
    parse_axis,
    parse_design,
)
from simcb.studies.sweep.refining import Refinement
from simcb.views.document import Page
from simcb.views.formats import Format, render
from simcb.views.sweep import sweep_document
from simcb.views.sweep_findings import findings


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        ("3,5,10", (3, 5, 10)),
        ("5s,1m30s", ("5s", "1m30s")),
        ("none,full", ("none", "full")),
        ("1:10:3", (1, 4, 7, 10)),
        ("0.1:0.3:0.1", (0.1, 0.2, 0.3)),
        ("5s:20s:5s", ("5s", "10s", "15s", "20s")),
        ("10/s..40/s/4", ("10/s", "20/s", "30/s", "40/s")),
        ("10%..50%/3", ("10%", "30%", "50%")),
        ("1..10/4", (1, 4, 7, 10)),
        ("1s..100s/3@log", ("1s", "10s", "100s")),
        ("5s..120s/4@log", ("5s", "14.4s", "41.6s", "2m")),
        ("1000..1010/6", (1000, 1002, 1004, 1006, 1008, 1010)),
        ("37.80/s..37.90/s/5", ("37.8/s", "37.825/s", "37.85/s", "37.875/s", "37.9/s")),
        ("99.90%..99.99%/4", ("99.9%", "99.93%", "99.96%", "99.99%")),
        ("1..50/12@log", (1, 2, 3, 4, 5, 6, 8, 12, 17, 25, 35, 50)),
        ("{kind: none},{kind: fixed, delay: 1s}", ("{kind: none}", "{kind: fixed, delay: 1s}")),
    ],
)
def test_a_spec_means_its_values(spec: str, values: tuple[object, ...]) -> None:
    """Lists, steps and counts, with the units of the file; what lies between is rounded."""
    assert parse_axis(f"a.b={spec}").values == values


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("", "is not an axis"),
        ("3,,5", "empty value"),
        ("3,3", "twice"),
        ("60s,1m", "`1m` twice, at first as `60s`"),
        ("1..5/10", "asks for 10 values, and there are 5 whole numbers from 1 to 5"),
        ("1.0..1.0000000000000002/3", "asks for 3 values, and there are 2 values that differ"),
        ("10..1/3", "does not go upwards"),
        ("0..1/3@log", "no logarithm"),
        ("1s..5/3", "mixes units"),
        ("1..5/1", "asks for 1 values"),
        ("a..b/3", "no number"),
        ("1:5:0", "leads nowhere"),
        ("0:1000000:1", "more than"),
        ("[1", "`[1`"),
    ],
)
def test_a_wrong_spec_is_told(spec: str, said: str) -> None:
    """The message shows what was written, and how to write it."""
    with pytest.raises(StudyError) as told:
        parse_axis(f"a.b={spec}")
    assert said in str(told.value)
    assert "; " in str(told.value)


@given(
    low=st.floats(1e-3, 1e3),
    factor=st.floats(1.5, 1e4),
    count=st.integers(2, 40),
    log=st.booleans(),
)
def test_a_range_rises_from_one_end_to_the_other(
    low: float, factor: float, count: int, log: bool
) -> None:
    """Whatever the range: the ends are exact, and the values between them ascend."""
    high = low * factor
    axis = parse_axis(f"a={low!r}s..{high!r}s/{count}{'@log' if log else ''}")
    numbers = axis.numbers
    assert numbers is not None
    assert numbers[0] == low
    assert numbers[-1] == high
    # Rounding to three digits may put a neighbour of an end beside it, never far beyond.
    assert all(b > a * 0.99 for a, b in pairwise(numbers))


def test_python_values_are_axes_too() -> None:
    """Numbers, text and truth values stand for what a file would have."""
    axis = axis_of("breaker.enabled", [True, False])
    assert axis.values == ("true", "false")
    assert changes_of([axis], make_settings([axis], parse_design("grid"), 0)[1]) == {
        "breaker.enabled": False
    }
    with pytest.raises(StudyError, match="no value"):
        axis_of("a", [object()])


def test_a_grid_counts_the_last_axis_fastest() -> None:
    """The order of settings is part of the plan."""
    axes = [parse_axis("a=1,2"), parse_axis("b=x,y")]
    made = make_settings(axes, parse_design("grid"), 0)
    assert [each.values for each in made] == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]


def test_zipped_axes_go_together() -> None:
    """First with first, second with second; axes of different length are refused."""
    axes = [parse_axis("a=1,2"), parse_axis("b=x,y")]
    made = make_settings(axes, parse_design("zip"), 0)
    assert [each.values for each in made] == [(1, "x"), (2, "y")]
    with pytest.raises(StudyError, match="differ in length"):
        make_settings([parse_axis("a=1,2"), parse_axis("b=x")], parse_design("zip"), 0)


@given(count=st.integers(1, 60), seed=st.integers(0, 1000))
def test_a_latin_hypercube_has_one_setting_in_each_stratum(count: int, seed: int) -> None:
    """On every axis, whatever the number and the seed."""
    axes = [parse_axis("a=0.0..1.0"), parse_axis("b=1s..100s@log")]
    made = make_settings(axes, parse_design(f"lhs:{count}"), seed)
    assert len(made) == count
    # Three digits blur the edges of the strata, so a neighbour will do.
    quantities = [quantity_of(each.values[0]) for each in made]
    places = sorted(each.number for each in quantities if each is not None)
    assert all(
        abs(place * count - index - 0.5) <= 0.51 + count / 500 for index, place in enumerate(places)
    )
    assert made == make_settings(axes, parse_design(f"lhs:{count}"), seed)


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ("payments.workers=1000..1010/11", 11),
        ("arrivals.rate=37.80/s..37.90/s/11", 11),
        ("faults.0.share=99.90%..99.99%/10", 10),
        ("breaker.recovery_timeout=1s..100s/2000", 2000),
        ("breaker.recovery_timeout=1s..1.0001s/500@log", 500),
        ("a=1..100000/100000", 100_000),
    ],
)
def test_a_range_has_as_many_values_as_asked_for(spec: str, count: int) -> None:
    """However narrow it is and however many they are, they rise by steps of about one size."""
    numbers = parse_axis(spec).numbers
    assert numbers is not None
    assert len(numbers) == count
    steps = [b - a for a, b in pairwise(numbers)]
    assert min(steps) > 0.0
    assert max(steps) < 3.1 * min(steps)


def test_a_sample_has_as_many_settings_as_asked_for_or_is_refused() -> None:
    """Digits keep them apart, whole numbers change places; what cannot be is told."""
    near = make_settings([parse_axis("timeout=1s..1.01s")], parse_design("lhs:20"), 0)
    assert len({each.values for each in near}) == 20
    whole = [parse_axis("a=1..10"), parse_axis("b=1..10")]
    made = make_settings(whole, parse_design("lhs:80"), 0)
    assert len({each.values for each in made}) == 80
    for axis in (0, 1):
        # Each value is as often as any other, whichever places were changed.
        assert {[each.values[axis] for each in made].count(value) for value in range(1, 11)} == {8}
    with pytest.raises(StudyError, match="lhs:20 asks for 20 settings, and only 5 differ"):
        make_settings([parse_axis("a=1..5")], parse_design("lhs:20"), 0)


def test_a_refinement_of_neighbours_finds_values_between_them() -> None:
    """Two values that differ in the fifth digit have seven different ones between them."""
    fine = Refinement([parse_axis("a=37.8001/s,37.8002/s")], 3)
    assert fine.fine_settings == 9
    assert Refinement([parse_axis("a=100000,100010")], 3).fine_settings == 9
    assert Refinement([parse_axis("a=1,3")], 3).fine_settings == 3


def test_another_axis_moves_no_sample() -> None:
    """Each axis has a stream of its own."""
    one, two = parse_axis("a=0.0..1.0"), parse_axis("b=1..9")
    alone = make_settings([one], parse_design("lhs:20"), 3)
    both = make_settings([one, two], parse_design("lhs:20"), 3)
    assert [each.values[0] for each in alone] == [each.values[0] for each in both]


@pytest.mark.parametrize("text", ["lhs", "lhs:0", "lhs:x", "random", "grid:3"])
def test_an_unknown_design_is_told(text: str) -> None:
    """The designs there are stand in the message."""
    with pytest.raises(StudyError):
        parse_design(text)


def test_a_range_without_values_is_for_sampling_only() -> None:
    """A grid needs to know how many."""
    with pytest.raises(StudyError, match="say how many"):
        make_settings([parse_axis("a=1s..5s")], parse_design("grid"), 0)


def test_a_place_varied_twice_is_refused() -> None:
    """One of them would win in silence."""
    with pytest.raises(StudyError, match="varied twice"):
        make_settings([parse_axis("a=1"), parse_axis("a=2")], parse_design("grid"), 0)
    with pytest.raises(StudyError, match="nothing is varied"):
        make_settings([], parse_design("grid"), 0)


def test_a_setting_that_the_scenario_refuses_is_told_with_its_values() -> None:
    """The values, the place, what is wrong, and the remedy."""
    with pytest.raises(StudyError) as told:
        applied(scenario(), {"breaker.failure_threshold": 0})
    text = str(told.value)
    assert text.startswith("with breaker.failure_threshold=0: clients.shop")
    assert "write" in text


@pytest.mark.parametrize("seed", [-1, "a", 1.5, True, None])
def test_a_seed_is_a_whole_number_of_0_or_more(seed: object) -> None:
    """What the command line refuses, Python refuses too, before anything is run."""
    with pytest.raises(StudyError, match=r"seed is .*; give a whole number of 0 or more"):
        run(scenario(), seed=seed)  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="give a whole number"):
        sweep(scenario(), OVER, seed=seed, workers=0)  # type: ignore[arg-type]


def test_a_seed_of_numpy_is_a_seed() -> None:
    """It is the same number."""
    result = run(scenario(), seed=np.int64(3))  # type: ignore[arg-type]
    assert type(result.seed) is int
    assert result.digest == run(scenario(), seed=3).digest


TWO_BREAKERS = SMALL.replace(
    "services:",
    "      stock: {timeout: 500ms, breaker: {recovery_timeout: 2s}}\nservices:\n"
    "  stock: {workers: 8, work: {kind: exponential, mean: 20ms}}",
)


def test_sentences_name_one_place_of_the_scenario() -> None:
    """Where it has two breakers they say whose; `--set` takes every name as it is copied."""
    base = parse_scenario(TWO_BREAKERS)
    over = ["clients.shop.calls.store.breaker.failure_threshold=2,5", "stock.timeout=1s,2s"]
    result = sweep(base, over, replicates=1, workers=0)
    assert result.labels == ("store.breaker.failure_threshold", "stock.timeout")
    first, *_ = findings(result)
    assert first.startswith("best: store.breaker.failure_threshold = ")
    copied = base.with_(dict(zip(result.labels, (5, "1s"), strict=True)))
    assert copied.clients["shop"].calls["stock"].timeout == 1.0
    text = render(sweep_document(result), Format.TABLE, Page(160)).plain
    assert "  store.breaker.failure_threshold" in text


def test_one_breaker_needs_no_name_before_it() -> None:
    """Two words say enough, however much of the path was given."""
    axes = [parse_axis("clients.shop.calls.store.breaker.failure_threshold=2,5")]
    assert labels_of(scenario(), axes) == ("breaker.failure_threshold",)
