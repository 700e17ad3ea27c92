"""The questions that people ask of a breaker, answered for one scenario by formulas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from simcb.metrics.measures import check_known
from simcb.predictions import breaker_answers, call_answers
from simcb.predictions.answers import Answer
from simcb.predictions.guarded import NO_BREAKER
from simcb.predictions.predict import Predictions

TOPICS = {
    "never-opens": "Why does my breaker never open?",
    "threshold": "Which threshold?",
    "how-long-open": "How long open?",
    "count-or-percentage": "Count or percentage?",
    "retries-inside": "Retries inside or outside?",
    "shared": "Shared or per instance?",
    "false-trips": "What does it cost on a normal day?",
    "recovers": "Will it recover by itself?",
    "retry-budget": "Is a retry budget better here?",
    "timeout": "Which timeout?",
    "limits": "What does a service's limit turn away?",
}
"""Every question by the name of its topic."""

_OF_ONE_CALL = frozenset({"how-long-open", "retries-inside", "shared"})
"""Topics of which nothing is said of a breaker that several calls have together."""

_NO_BREAKER = f"{NO_BREAKER}; add `breaker: {{failure_threshold: 5}}`"


def answer(found: Predictions, topic: str) -> Answer:
    """Return the answer to a question for a scenario.

    Raises:
        UnknownNumberError: there is no such topic.
    """
    check_known("topic", topic, TOPICS)
    said = _ANSWERS[topic](found)
    told = found.guarded if topic in _OF_ONE_CALL else found.breakers
    if not told and topic not in ("timeout", "retry-budget", "recovers", "limits"):
        why = f"it is answered for a breaker of one call alone; {found.left_out}"
        why = why if found.groups else _NO_BREAKER
        said = replace(said, sentences=(why,), rows=(), header=())
    return replace(said, topic=topic, question=TOPICS[topic])


_ANSWERS: dict[str, Callable[[Predictions], Answer]] = {
    "never-opens": breaker_answers.never_opens,
    "threshold": breaker_answers.threshold,
    "how-long-open": breaker_answers.how_long,
    "count-or-percentage": breaker_answers.count_or_percentage,
    "retries-inside": breaker_answers.retries_inside,
    "shared": breaker_answers.shared,
    "false-trips": breaker_answers.false_trips,
    "recovers": call_answers.recovers,
    "retry-budget": call_answers.retry_budget,
    "timeout": call_answers.timeout,
    "limits": call_answers.limits,
}
