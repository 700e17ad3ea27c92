"""What one command has to say: a result, the conditions held against it, how to repeat it.

Every format is a function of this one value, so all of them say the same. This module must
not know any format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from simcb.metrics import (
    Law,
    Summary,
    ThresholdResult,
    audit,
    check_thresholds,
    judge,
    summarise_difference,
)
from simcb.scenario import Scenario, Threshold, parse_threshold
from simcb.studies import Result


@dataclass(frozen=True)
class Answer:
    """A result as it is presented.

    Args:
        result: what was run, and what came out.
        fail_if: conditions under which the caller wants the run to count as failed; good is one
            that is shown not to hold. One that is undefined is not.
        repeat: the command that gives the same answer.
        audits: the laws held against each run, the baseline's after the scenario's; empty if
            that was not asked for.
    """

    result: Result
    fail_if: tuple[ThresholdResult, ...] = ()
    repeat: str = ""
    audits: tuple[tuple[Law, ...], ...] = ()

    @cached_property
    def difference(self) -> Summary | None:
        """What the breaker changes: every metric with it minus without it, replicate by replicate.

        None if there is no baseline.
        """
        if self.result.baseline is None:
            return None
        without = [run.measures for run in self.result.baseline.runs]
        return summarise_difference(without, [run.measures for run in self.result.runs])

    @property
    def broken_laws(self) -> tuple[Law, ...]:
        """The laws that a run breaks: a mistake of the simulator, never of the scenario."""
        return tuple(law for audit in self.audits for law in audit if not law.holds)

    @property
    def good(self) -> bool:
        """True if every threshold holds and every condition to fail is shown not to."""
        return self.result.passed and all(each.fails for each in self.fail_if)


@dataclass(frozen=True)
class Page:
    """What the answer is written on.

    Args:
        width: columns of the terminal.
        ascii_only: True if it shows no more than ASCII.
    """

    width: int = 100
    ascii_only: bool = False


def conditions_of(texts: Sequence[str], scenario: Scenario) -> tuple[Threshold, ...]:
    """Return the conditions under which a run of `scenario` is to count as failed.

    Raises:
        ThresholdError: one is about what does not exist.
    """
    conditions = tuple(parse_threshold(text) for text in texts)
    check_thresholds(conditions, scenario)
    return conditions


def answer_of(
    result: Result, conditions: Sequence[Threshold] = (), *, laws: bool = False, repeat: str = ""
) -> Answer:
    """Hold conditions, and the laws if they are asked for, against a result."""
    judged = judge(conditions, result.summary)
    return Answer(result, judged, repeat, audited(result) if laws else ())


def audited(result: Result) -> tuple[tuple[Law, ...], ...]:
    """Hold the exact laws against every run of a result, and of its baseline after them."""
    variants = [each for each in (result, result.baseline) if each is not None]
    return tuple(audit(run.trace) for each in variants for run in each.runs)
