"""The exact laws every run obeys, whatever the scenario: an audit of a trace by its columns.

They are not statistics: one attempt lost, or one worker idle beside a queue, breaks a law. A
broken law is a mistake of the simulator, never of the scenario. Where two sums of floats are
compared they may differ by one part in a thousand million.
"""

from __future__ import annotations

from dataclasses import dataclass

from simcb.metrics.laws import attempts, breakers, services
from simcb.metrics.laws.case import Case
from simcb.trace import Trace

LAWS = (*attempts.CHECKS, *services.CHECKS, *breakers.CHECKS)
"""Every law, in the order of an audit's report."""


@dataclass(frozen=True)
class Law:
    """A law and whether a run obeys it.

    Args:
        name: the law as a sentence or an equation.
        holds: whether it is obeyed.
        detail: the numbers; for a broken law the first place where it breaks.
    """

    name: str
    holds: bool
    detail: str


def audit(trace: Trace) -> tuple[Law, ...]:
    """Check every law on a trace and return what was found, law by law.

    If the first is broken, because an index points nowhere, it is the only one in the report.
    """
    case = Case(trace)
    found: list[Law] = []
    for law in LAWS:
        finding = law.check(case)
        found.append(Law(law.name, finding.holds, finding.detail))
        if law is attempts.SOUND and not finding.holds:
            break
    return tuple(found)
