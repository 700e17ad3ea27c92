"""A wrong number does not pass, however it is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from simcb.evidence import (
    CASES,
    Case,
    Claim,
    Finding,
    Observed,
    Outcome,
    Relation,
    Seen,
    check_case,
    validate,
)
from simcb.evidence.validating import CONFIDENCE, FULL_TIMES
from simcb.metrics.student import two_sided_t
from simcb.world import simulate

TINY = "duration: 1s\nclients: {u: {arrivals: {kind: constant, rate: 1/s}, calls: {a: {}}}}\n"
TINY += "services: {a: {workers: 1, work: 1ms}}\n"


def number(seen: Seen) -> float:
    """Return a number that has another value in each replicate: 0, 1, 2, …"""
    return float(seen[""].trace.replicate)


def claimed(expected: float, observe: Callable[[Seen], float] = number, **how: object) -> Finding:
    """Return what is found of one claim about four runs, of mean 1.5 and variance 5/3."""
    claim = Claim("number", expected, observe, **how)  # type: ignore[arg-type]
    case = Case("tiny", "law", "source", {"": TINY}, (claim,), replicates=4)
    return check_case(case)[0]


HALF = two_sided_t(CONFIDENCE, 3) * math.sqrt(5 / 3 / 4)


def test_interval_is_four_standard_errors_by_student_s_t() -> None:
    """The half-width is that of the mean of so few values, for the chance that 4 sigma have."""
    found = claimed(1.5, precision=100.0)
    assert found.got == 1.5
    assert (found.low, found.high) == pytest.approx((1.5 - HALF, 1.5 + HALF))
    assert pytest.approx(1 - 6.334e-5, abs=1e-8) == CONFIDENCE
    assert found.outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("expected", "how", "outcome"),
    [
        (1.5 + 0.99 * HALF, {"precision": 100.0}, Outcome.HOLDS),
        (1.5 + 1.01 * HALF, {"precision": 100.0}, Outcome.FAILS),
        (1.5 - 1.01 * HALF, {"precision": 100.0}, Outcome.FAILS),
        (1.5 + 1.01 * HALF, {"precision": 100.0, "slack": 0.02 * HALF}, Outcome.HOLDS),
        (1.5 + 1.01 * HALF, {"precision": 100.0, "once": True}, Outcome.HOLDS),
        (1.5, {"precision": 0.25}, Outcome.VAGUE),
        (1.51 + HALF, {"relation": Relation.AT_MOST}, Outcome.HOLDS),
        (1.49 + HALF, {"relation": Relation.AT_MOST}, Outcome.FAILS),
        (1.49 - HALF, {"relation": Relation.AT_LEAST}, Outcome.HOLDS),
        (1.51 - HALF, {"relation": Relation.AT_LEAST}, Outcome.FAILS),
    ],
)
def test_verdict_follows_the_interval(
    expected: float, how: dict[str, object], outcome: Outcome
) -> None:
    """A number holds if its interval says so, and only if that is narrow enough to say it."""
    assert claimed(expected, **how).outcome is outcome


def test_number_without_chance_has_to_be_exact() -> None:
    """Where no replicate differs there is no tolerance but that of floating point."""
    assert claimed(2.0, lambda _: 2.0).outcome is Outcome.HOLDS
    assert claimed(2.0, lambda _: 2.0 + 1e-12).outcome is Outcome.HOLDS
    assert claimed(2.0, lambda _: 2.0001).outcome is Outcome.FAILS


def test_number_that_a_run_does_not_show_does_not_hold() -> None:
    """What was never seen is not right by default."""
    found = claimed(1.5, lambda seen: math.nan if number(seen) == 2 else 1.5)
    assert found.outcome is Outcome.UNSEEN


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("rate-in-time-window", 7.83),
        ("growing-recovery", 2.0),
        ("bulkhead-constant", 0.25),
        ("waits-with-full-jitter", 0.95),
        ("brooker-10-clients", 0.9375),
    ],
)
def test_wrong_theory_is_found_out(name: str, wrong: float) -> None:
    """What another law would give is told apart from what comes out."""
    case = CASES[name]
    other = replace(case, claims=tuple(replace(each, expected=wrong) for each in case.claims[:1]))
    assert check_case(other)[0].outcome is Outcome.FAILS


@pytest.mark.parametrize(
    ("name", "run", "word", "other"),
    [
        ("idle-breaker", "idle", "1000000", "2"),
        pytest.param("idle-breaker", "disabled", "false", "true", marks=pytest.mark.slow),
        ("idle-fault", "no-length", "5s, for: 0s", "5s, for: 1s"),
        pytest.param(
            "idle-fault", "no-length", "10s, for: 0s", "10s, for: 100ms", marks=pytest.mark.slow
        ),
        pytest.param("idle-fault", "no-rate", "rate: 0%", "rate: 2%", marks=pytest.mark.slow),
        pytest.param("idle-fault", "no-rate", "share: 0%", "share: 2%", marks=pytest.mark.slow),
        pytest.param("idle-fault", "late", "60s, for", "59s, for", marks=pytest.mark.slow),
        ("nothing-fails", "", "{network: 5ms,", "{timeout: 200ms,"),
        pytest.param(
            "nothing-fails", "", "{workers: 4,", "{errors: 1%, workers: 4,", marks=pytest.mark.slow
        ),
        ("permuted-file", "turned", "errors: 5%", "errors: 6%"),
        pytest.param(
            "permuted-file", "turned", "max_retries: 2", "max_retries: 1", marks=pytest.mark.slow
        ),
        ("adjoining-faults", "two", "for: 4s", "for: 3900ms"),
        pytest.param("adjoining-faults", "again", "times: 2", "times: 1", marks=pytest.mark.slow),
        pytest.param("never-slower", "more", "workers: 3", "workers: 1", marks=pytest.mark.slow),
        pytest.param("never-slower", "shorter", "80ms", "101ms", marks=pytest.mark.slow),
        pytest.param("prefix", "long", "workers: 4", "workers: 5", marks=pytest.mark.slow),
        pytest.param("doubled-times", "slow", "workers: 4", "workers: 5", marks=pytest.mark.slow),
    ],
)
def test_broken_relation_is_found_out(name: str, run: str, word: str, other: str) -> None:
    """Runs that only have to be alike are different enough to tell when they are not."""
    case = CASES[name]
    assert word in case.scenarios[run]
    runs = {**case.scenarios, run: case.scenarios[run].replace(word, other)}
    outcomes = [found.outcome for found in check_case(replace(case, scenarios=runs))]
    assert Outcome.FAILS in outcomes


def test_other_luck_than_in_the_sweep_is_found_out() -> None:
    """A replicate that is not the one among others has hardly a number in common with it."""
    case = CASES["replicate-in-sweep"]
    (scenario,) = case.parsed().values()
    (claim,) = case.claims
    for replicate in (0, 1):
        assert claim.observe({"": Observed(scenario, simulate(scenario, 0, replicate))}) == 0
        assert claim.observe({"": Observed(scenario, simulate(scenario, 1, replicate))}) > 50


def test_findings_repeat_to_the_last_bit() -> None:
    """Seeds and replicates are fixed, so what is found is always the same."""
    cases = (CASES["rate-points"], CASES["gc-pause"])
    shares: list[float] = []
    one, two = validate(cases, progress=shares.append), validate(cases)
    assert [(f.got, f.low, f.high) for f in one.findings] == [
        (f.got, f.low, f.high) for f in two.findings
    ]
    assert one.holds
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) == sum(case.replicates for case in cases)


def test_full_evidence_has_more_replicates_of_quick_cases_only() -> None:
    """A case that is in the full set alone has the replicates it needs already."""
    tiny = Case("tiny", "law", "source", {"": TINY}, (Claim("n", 0.0, number),), replicates=2)
    both = validate((tiny, replace(tiny, quick=False)), full=True)
    assert [found.replicates for found in both.findings] == [2 * FULL_TIMES, 2]
    assert not both.holds
