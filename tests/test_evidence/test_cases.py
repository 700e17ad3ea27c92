"""The world's numbers are those of theory and of published experiments."""

from __future__ import annotations

import pytest

from simcb.evidence import CASES, Case, Outcome, UnknownCaseError, check_case, chosen
from simcb.evidence.validating import FULL_TIMES
from simcb.scenario import parse_scenario

SMALL = (
    "retries-in-layers",
    "cold-worker",
    "waits-without-jitter",
    "retries-per-minute",
    "replicate-in-sweep",
    "aws-jitter",
    "waits-decorrelated",
    "gc-pause",
    "nothing-fails",
    "permuted-file",
    "growing-recovery",
    "prefix",
    "rate-in-time-window",
    "wasted-work",
    "admit-one-token",
    "aimd-sawtooth",
    "min-rtt-settles",
    "codel-pace",
)
"""Cases of few requests; the slow tests look at these again, and at all others."""


def assert_holds(case: Case, times: int = 1) -> None:
    """Fail unless every number of a case comes out."""
    findings = check_case(case, times=times)
    wrong = [str(finding) for finding in findings if finding.outcome is not Outcome.HOLDS]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", SMALL)
def test_numbers_hold(name: str) -> None:
    """Every number of the smaller cases lies within four standard errors of what is known."""
    assert_holds(CASES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_numbers_hold_closely(name: str) -> None:
    """With four times the replicates, and in the cases that take long, every number holds."""
    assert_holds(CASES[name], times=FULL_TIMES if CASES[name].quick else 1)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=() if case.quick else pytest.mark.slow)
        for case in CASES.values()
    ],
)
def test_case_is_complete(case: Case) -> None:
    """Every case has a law, a source, claims of different names and scenarios that are good."""
    assert case.law
    assert case.source
    names = [claim.name for claim in case.claims]
    assert names
    assert len(set(names)) == len(names)
    assert case.replicates >= 2
    for label, scenario in case.parsed().items():
        assert scenario.name == (f"{case.name}-{label}" if label else case.name)
        assert parse_scenario(scenario.to_yaml()) == scenario


def test_quick_set_is_part_of_the_full_one() -> None:
    """Without names a set is chosen; with names those, each once, whatever set they are in."""
    quick, full = chosen(), chosen(full=True)
    assert set(quick) < set(full) == set(CASES.values())
    assert chosen(["mm1-percentiles", "mm1", "mm1"]) == (CASES["mm1-percentiles"], CASES["mm1"])


def test_unknown_case_is_answered_with_the_nearest() -> None:
    """A typo costs one look."""
    with pytest.raises(UnknownCaseError, match=r"`mm1-lfio`; did you mean `mm1-lifo`\?"):
        chosen(["mm1-lfio"])
    with pytest.raises(UnknownCaseError, match="simcb validate --list"):
        chosen(["quite something else"])
