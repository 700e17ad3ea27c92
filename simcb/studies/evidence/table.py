"""The table of evidence: a new case is one entry in the module of its subject."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from simcb.errors import SimcbError
from simcb.studies.evidence.case import Case
from simcb.studies.evidence.cases import (
    loops,
    losses,
    published,
    queues,
    relations,
    retrying,
    tripping,
)

CASES: dict[str, Case] = {
    case.name: case
    for subject in (queues, losses, loops, retrying, tripping, published, relations)
    for case in subject.CASES
}
"""Name to case, in the order of reports."""


class UnknownCaseError(SimcbError):
    """No case has that name.

    Args:
        name: what was asked for.
        nearest: the name that is most like it, or "".
    """

    def __init__(self, name: str, nearest: str) -> None:
        super().__init__(name, nearest)
        self.name = name
        self.nearest = nearest

    def __str__(self) -> str:
        hint = f"did you mean `{self.nearest}`?" if self.nearest else "see `simcb validate --list`"
        return f"no case is called `{self.name}`; {hint}"


def chosen(names: Sequence[str] = (), *, full: bool = False) -> tuple[Case, ...]:
    """Return the cases of these names in the order given, or those of a set if there are none.

    Args:
        names: of cases, quick or not.
        full: all cases instead of the quick set.

    Raises:
        UnknownCaseError: a name is not in the table.
    """
    for name in names:
        if name not in CASES:
            near = difflib.get_close_matches(name, CASES, 1)
            raise UnknownCaseError(name, near[0] if near else "")
    if names:
        return tuple(CASES[name] for name in dict.fromkeys(names))
    return tuple(case for case in CASES.values() if full or case.quick)
