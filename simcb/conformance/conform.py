"""Conformity: a breaker held against every line of the contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from simcb.adapters.ours import ADAPTER as OURS
from simcb.adapters.protocol import Adapter
from simcb.adapters.registry import installed
from simcb.adapters.registry import names as registered
from simcb.conformance.lines import LINES, Line
from simcb.conformance.search import Shown, search
from simcb.conformance.stories import TIMEOUT
from simcb.conformance.trials import TRIALS, Left, Subject
from simcb.errors import SimcbError
from simcb.scenario.refusal import choice_remedy

Settings = Callable[[int, float], dict[str, object]]
"""Returns the settings that open a breaker at so many failures in a row, for so many seconds."""


class ConformanceError(SimcbError):
    """A breaker cannot be held against the contract."""


class Standing(StrEnum):
    """How a breaker stands with a line."""

    HOLDS = "holds"
    VIOLATED = "violated"
    NOT_APPLICABLE = "not applicable"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Finding:
    """How a breaker stands with one line.

    Args:
        line: the line.
        standing: how it stands.
        what: what it breaks, or why the line was left out; "" if it holds.
        history: the shortest history that shows it, in words.
    """

    line: Line
    standing: Standing
    what: str = ""
    history: str = ""


@dataclass(frozen=True)
class Conformity:
    """A breaker, line by line.

    Args:
        name: the breaker's word in a scenario.
        about: what it is.
        version: of its package; "" if it has none.
        findings: one for each line, in their order.
    """

    name: str
    about: str
    version: str
    findings: tuple[Finding, ...]

    @property
    def violated(self) -> tuple[Finding, ...]:
        """The lines that it breaks."""
        return tuple(each for each in self.findings if each.standing is Standing.VIOLATED)


def chosen(names: Sequence[str]) -> tuple[tuple[Adapter, ...], tuple[str, ...]]:
    """Return breakers by name; without one all but models, and who is not installed.

    Raises:
        ConformanceError: there is none of a name.
        MissingExtraError: one that is named is not installed.
    """
    known = (OURS.name, *registered())
    for name in names:
        if name not in known:
            what = f"{name!r} is no breaker that is registered"
            raise ConformanceError(f"{what}; {choice_remedy(name, known)}")
    others = [name for name in names if name != OURS.name]
    if names and not others:
        return (OURS,), ()
    # A model is held against its documents, and shows nothing of the library's own code.
    found, missing = installed(others)
    if not names:
        return (OURS, *(each for each in found if each.comparable is not None)), missing
    named = {each.name: each for each in (OURS, *found)}
    return tuple(named[name] for name in dict.fromkeys(names)), ()


def conformity(breaker: Adapter, settings: Settings | None = None) -> Conformity:
    """Hold a breaker against the contract; it takes about a second.

    Args:
        breaker: whose breaker it is.
        settings: returns its settings for so many failures in a row, and seconds open; those
            of its `comparable` if None.

    Raises:
        ConformanceError: it has neither.
        MissingExtraError: its package is not installed.
    """
    subject = Subject(breaker, known_settings(breaker, settings))
    shown = search(breaker, subject.settings(1, TIMEOUT))
    findings = tuple(_finding(line, subject, shown.get(line.number)) for line in LINES)
    return Conformity(breaker.name, breaker.about, breaker.version, findings)


def known_settings(breaker: Adapter, settings: Settings | None) -> Settings:
    """Return what says how to open a breaker.

    Raises:
        ConformanceError: nothing does.
    """
    if settings is not None:
        return settings
    if breaker.comparable is None:
        what = f"nothing says which settings of {breaker.name!r} open it at a failure"
        raise ConformanceError(f"{what}; register an Adapter with `comparable`")
    return breaker.comparable.settings


def _finding(line: Line, subject: Subject, watched: Shown | None) -> Finding:
    found = [] if watched is None else [watched]
    left: list[Left] = []
    if not (watched and watched.history):
        for trial in TRIALS.get(line.number, ()):
            shown = trial(subject)
            if isinstance(shown, Left):
                left.append(shown)
            else:
                found.append(shown)
    broken = next((each for each in found if each.history), None)
    if broken is not None:
        return Finding(line, Standing.VIOLATED, broken.what, broken.history)
    if any(each.tried for each in found):
        return Finding(line, Standing.HOLDS)
    if any(each.applies for each in left) or not left:
        why = left[0].why if left else "no history came to it"
        return Finding(line, Standing.NOT_TRIED, why)
    return Finding(line, Standing.NOT_APPLICABLE, left[0].why)
