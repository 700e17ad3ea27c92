"""Small scenario files for tests: a whole one, and the problems of a wrong one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simcb.scenario import Problem, ScenarioError, parse_scenario

SMALL = """\
name: small
duration: 5m
clients:
  shop:
    arrivals: {kind: poisson, rate: 40/s}
    calls:
      payments:
        timeout: 2s
        retry: {max_retries: 2}
        breaker: {failure_threshold: 3, recovery_timeout: 30s}
services:
  payments:
    workers: 8
    work: 50ms
faults:
  - {kind: hang, on: payments, at: 1m, for: 2m}
"""


def problems_of(text: str, **more: object) -> tuple[Problem, ...]:
    """Return the problems of a text that must have some."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "f.yaml", **more)  # type: ignore[arg-type]
    return caught.value.problems


def problem_of(text: str, **more: object) -> Problem:
    """Return the one problem of a text that must have exactly one."""
    problems = problems_of(text, **more)
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]


def swapped(old: str, new: str) -> str:
    """Return the small scenario with one piece exchanged."""
    assert SMALL.count(old) == 1, old
    return SMALL.replace(old, new)


def refusal_of(read: Callable[[], object]) -> ScenarioError | None:
    """Return how reading is refused, or None if it is not; anything else passes through."""
    try:
        read()
    except ScenarioError as error:
        return error
    return None


def read_or_refuse(read: Callable[[], object]) -> None:
    """Demand that a reading gives a value, or an error that can be shown."""
    error = refusal_of(read)
    if error is not None:
        assert error.problems
        assert all(char.isprintable() or char == "\n" for char in str(error))
