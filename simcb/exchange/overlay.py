"""Imported settings as a commented overlay, or as a scenario to start from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simcb.exchange.policy import OF_A_SERVICE, Note, Policy, ordered
from simcb.scenario.writer import flow

WIDTH = 98
_WIDEST_FLOW = 88


def overlay_lines(policies: Sequence[Policy], call: str) -> Iterator[str]:
    """Yield the lines of an overlay.

    Args:
        policies: whose words it sets.
        call: the call that the words of a lone policy are laid over; "" for the policy's name.
    """
    for number, policy in enumerate(policies):
        if number:
            yield ""
        place = call or policy.name
        yield from comment(f"{policy.name}{_from(policy)}", "")
        yield from _said(policy.notes, "", "")
        for word, value in ordered(policy.words):
            key = f"{place_of(word, place)}.{word}"
            yield from _entry(key, value, word, policy.notes, "")


def place_of(word: str, call: str) -> str:
    """Return the path below which a word stands: that of the call, or of the service it goes to."""
    return call.rpartition(".")[2] if word in OF_A_SERVICE else call


def scenario_lines(policy: Policy, name: str, about: str) -> Iterator[str]:
    """Yield the lines of a scenario in which a caller asks one service as a policy has it.

    Args:
        policy: how it is asked.
        name: the service.
        about: what the file says of itself.
    """
    call = {word: value for word, value in policy.words.items() if word not in OF_A_SERVICE}
    service = {word: value for word, value in policy.words.items() if word in OF_A_SERVICE}
    yield f"name: {name}"
    yield f"about: {flow(about)}"
    yield "duration: 6m"
    yield "clients:"
    yield "  caller:"
    yield "    # A guess: how many requests a second one process makes, and how many there are."
    yield "    arrivals: {kind: poisson, rate: 50/s}"
    yield "    instances: 1"
    yield "    calls:"
    yield f"      {name}:"
    yield from _said(policy.notes, "", "        ")
    for word, value in ordered(call):
        yield from _entry(word, value, word, policy.notes, "        ")
    if not call:
        yield "        timeout: 10s  # a guess"
    yield "services:"
    yield f"  {name}:"
    for word, value in ordered(service):
        yield from _entry(word, value, word, policy.notes, "    ")
    yield "    # Guesses: how many requests it works on at once, and how long each takes."
    yield "    workers: 50"
    yield "    work: {kind: lognormal, p50: 40ms, p99: 250ms}"
    yield "faults:"
    yield "  # A guess: what goes wrong, and when."
    yield f"  - {{kind: errors, on: {name}, rate: 80%, at: 1m, for: 2m}}"


def comment(text: str, margin: str) -> Iterator[str]:
    """Yield a text as comment lines."""
    for line in textwrap.wrap(text, WIDTH - len(margin) - 2, break_on_hyphens=False) or [""]:
        yield f"{margin}# {line}".rstrip()


def _from(policy: Policy) -> str:
    return f", line {policy.line}" if policy.line is not None else ""


def _said(notes: Sequence[Note], word: str, margin: str) -> Iterator[str]:
    for note in notes:
        if note.word == word:
            yield from comment(str(note), margin)


def _below(notes: Sequence[Note], word: str) -> bool:
    return any(note.word.startswith(f"{word}.") for note in notes)


def _entry(key: str, value: Any, word: str, notes: Sequence[Note], margin: str) -> Iterator[str]:
    """Yield a key with its value, what is said of it above it."""
    yield from _said(notes, word, margin)
    line = f"{margin}{key}: {flow(value)}"
    if isinstance(value, Mapping) and (_below(notes, word) or len(line) > _WIDEST_FLOW):
        yield f"{margin}{key}:"
        for inner, each in value.items():
            yield from _entry(inner, each, f"{word}.{inner}", notes, f"{margin}  ")
    elif isinstance(value, list) and (_below(notes, word) or len(line) > _WIDEST_FLOW):
        yield f"{margin}{key}:"
        for number, each in enumerate(value):
            yield from _all_said(notes, f"{word}.{number}", f"{margin}  ")
            yield f"{margin}  - {flow(each)}"
    else:
        yield line


def _all_said(notes: Sequence[Note], word: str, margin: str) -> Iterator[str]:
    """Yield what is said of a word and of all inside it, for one that stands on one line."""
    for note in notes:
        if note.word == word or note.word.startswith(f"{word}."):
            yield from comment(str(note), margin)
