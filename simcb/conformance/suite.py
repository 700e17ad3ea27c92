"""The contract as a pytest test, for authors of breakers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from simcb.adapters.protocol import Adapter, Breaker
from simcb.conformance.conform import Finding, Standing, conformity, known_settings
from simcb.conformance.lines import LINES, Line


def contract_test(
    breaker: Adapter | Callable[..., Breaker],
    settings: Callable[[int, float], dict[str, object]] | None = None,
    *,
    leave_out: Collection[int] = (),
) -> Callable[[Line], None]:
    """Return a test with a case for each line of the contract; it needs pytest.

        test_contract = contract_test(TwoStrikes, lambda failures, seconds: {"pause": seconds})

    Args:
        breaker: an Adapter, or what an entry point would name: called with a clock and settings.
        settings: returns the settings that open it at so many failures in a row, for so many
            seconds; those of the Adapter's `comparable` if None.
        leave_out: numbers of lines that it breaks on purpose.

    Raises:
        ConformanceError: nothing says which settings open it at a failure.
    """
    import pytest

    if not isinstance(breaker, Adapter):
        breaker = Adapter(getattr(breaker, "__name__", "breaker"), breaker, "")
    adapter = breaker
    known_settings(adapter, settings)

    @cache
    def findings() -> dict[int, Finding]:
        return {each.line.number: each for each in conformity(adapter, settings).findings}

    def test_contract(line: Line) -> None:
        finding = findings()[line.number]
        if finding.standing is Standing.VIOLATED:
            pytest.fail(f"{line.words}: {finding.what}\n{finding.history}", pytrace=False)
        if finding.standing is not Standing.HOLDS:
            pytest.skip(f"{finding.standing.value}: {finding.what}")

    cases: list[Any] = [
        pytest.param(line, id=f"{line.number} {line.short}")
        for line in LINES
        if line.number not in leave_out
    ]
    made: Callable[[Line], None] = pytest.mark.parametrize("line", cases)(test_contract)
    return made
