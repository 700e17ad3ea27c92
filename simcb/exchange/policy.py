"""What one name in a file asks for, in a scenario's words, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simcb.exchange.parts import Got, Part
from simcb.scenario.problems import Mark
from simcb.scenario.refusal import shown
from simcb.scenario.retries import MOST_RETRIES
from simcb.scenario.units import format_duration, format_rate, rounded

ORDER = ("timeout", "retry", "hedge", "breaker", "rate_limit", "bulkhead", "balance", "replicas")
"""The words of a call and of a service, in the order in which they are written."""

OF_A_SERVICE = ("balance", "replicas")

ENDLESS = 365 * 86400.0
"""What never ends there ends here after a year."""


@dataclass(frozen=True)
class Note:
    """One difference of meaning, one thing left out, or one guess.

    Args:
        what: a sentence, harmless to print.
        line: where in the file it comes from; None for a default of the library.
        word: the path of the scenario's word that it is about; "" for the whole.
    """

    what: str
    line: int | None = None
    word: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line is not None else ""
        return f"{place}{self.what}"


@dataclass
class Policy:
    """The words of one call and of the service it goes to.

    Args:
        name: what the file calls it.
        line: where it begins.
        words: what is set, by the words of a call and of a service.
        notes: what is said of it, in the order in which it was found.
        marks: where the words stand in the file.
        again: the name that an earlier policy of the file has, too; "" for a name of its own.
    """

    name: str
    line: int | None = None
    words: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)
    again: str = ""

    def set(self, word: str, value: object, got: Got[Any] | None = None, *notes: str) -> None:
        """Set a word at a dotted path, say where it comes from and what differs.

        Args:
            word: the path inside the call or the service.
            value: as a scenario has it; a float is a duration in seconds.
            got: what the file has; None for a default.
            notes: sentences, of which the empty ones are left out.
        """
        *outer, last = word.split(".")
        inside = self.words
        for step in outer:
            inside = inside.setdefault(step, {})
        inside[last] = written(value)
        if got is not None and got.at is not None:
            self.marks[word] = got.at
        for what in (got.said if got else "", *notes):
            self.say(what, got, word)

    def trip(self, rule: Mapping[str, object], got: Got[Any] | None = None, *notes: str) -> None:
        """Add a trip rule to the breaker."""
        rules = self.words.setdefault("breaker", {}).setdefault("trip", [])
        rules.append({key: written(value) for key, value in rule.items() if value is not None})
        word = f"breaker.trip.{len(rules) - 1}"
        if got is not None and got.at is not None:
            self.marks[word] = got.at
        for what in notes:
            self.say(what, got, word)

    def say(self, what: str, got: Got[Any] | Mark | None = None, word: str = "") -> None:
        """Say something of a word, or of what was left out."""
        mark = got.at if isinstance(got, Got) else got
        note = Note(shown(what, 500), mark.line if mark else None, word)
        if what and note not in self.notes:
            self.notes.append(note)

    def leave(self, part: Part, known: Mapping[str, str] | None = None) -> None:
        """Say of every key that was not read that it is left out, and why if that is known."""
        why = {key.replace("_", "").casefold(): text for key, text in (known or {}).items()}
        for key, mark, value in part.left():
            reason = why.get(key.replace("-", "").replace("_", "").casefold())
            if reason == "":
                continue
            text = f": {_plain_text(value)}" if isinstance(value, (str, int, float)) else ""
            self.say(f"{key}{text}: left out; {reason or 'simcb has no word for it'}", mark)


NO_CALL = "it changes no call"
"""Why a setting is left out that says nothing of what callers do."""


def _plain_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else shown(str(value), 60)


class Plain(float):
    """A number that counts nothing but itself."""


def set_retries(policy: Policy, tries: Got[int], *, endless: bool, wait: float) -> None:
    """Set how often a call is retried; for ever only where the retries wait some seconds."""
    if endless and wait > 0.0:
        policy.set("retry.max_retries", "forever", tries)
    elif endless:
        what = f"without end and at once there, {MOST_RETRIES} times here"
        policy.set("retry.max_retries", MOST_RETRIES, tries, what)
    else:
        policy.set("retry.max_retries", tries.value, tries)


def bare(number: float) -> int | Plain:
    """Return a number without a unit."""
    return int(number) if number == int(number) else Plain(number)


def rate(number: float, period: float) -> str:
    """Return so many each period of seconds as a scenario file has it."""
    return format_rate(rounded(number / period, 9))


def just_above(number: float) -> float:
    """Return the least that is above a number in any count of a billion or in any nanosecond.

    What trips strictly above a rate or a duration trips from here on, to the last call.
    """
    return float(f"{number + max(number, 1e-9) * 1e-9:.15g}")


def written(value: object) -> object:
    """Return a value as a scenario file has it: floats are durations."""
    if isinstance(value, Plain):
        return float(value)
    if isinstance(value, float):
        return format_duration(value)
    if isinstance(value, Mapping):
        return {key: written(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [written(each) for each in value]
    return value


def ordered(words: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the words in the order in which they are written."""
    for word in ORDER:
        if word in words:
            yield word, words[word]


def as_name(text: str, usual: str = "service") -> str:
    """Return a text as a name of a service: letters, digits, `_` and `-`, 64 at most."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")
    if plain and not plain[0].isalpha():
        plain = f"{usual}-{plain}"
    return plain[:64] or usual
