"""What an answer to a question is, and what those of all questions share."""

from __future__ import annotations

from dataclasses import dataclass

from simcb.metrics import Unit

Cell = str | tuple[float, Unit]


@dataclass(frozen=True)
class Answer:
    """What formulas answer to a question.

    Args:
        topic: its name.
        question: the question.
        sentences: what it comes to.
        header: of the table.
        rows: of the table.
        unknown: what no formula here can know.
        command: the command that shows it by simulation; `{source}` is the scenario.
        wordy: whether the table's other columns are words, too.
    """

    topic: str
    question: str
    sentences: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    unknown: str
    command: str
    wordy: bool = False


BLIP, PARTIAL = 0.05, 0.3
"""Shares of failures that stand for a blip and for a partial failure."""


def tabled(
    sentences: list[str],
    header: tuple[str, ...],
    rows: list[tuple[Cell, ...]],
    unknown: str,
    command: str,
    *,
    wordy: bool = False,
) -> Answer:
    """Return an answer whose topic is still to be said."""
    return Answer("", "", tuple(sentences), header, tuple(rows), unknown, command, wordy)
