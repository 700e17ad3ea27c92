"""The first screen says of several faults which its times are about, and what its counts count."""

from __future__ import annotations

import re

from test_views.small_runs import GUARDED, HURT, answer

from simcb.metrics.rows import attempt_rows
from simcb.views.answers import answers_table, remarks


def first_screen(text: str) -> dict[str, str]:
    """Return the first screen's lines: what is told, and how it is."""
    return {row[0]: row[1] for row in answers_table(answer(text).result, None).rows}


def test_the_slowest_of_several_faults_is_told_as_such() -> None:
    """A fault that no breaker opens at is no run in which none opens; so it is with recovery."""
    mild = "{kind: latency, on: store, at: 25s, for: 5s, add: 1ms}"
    two = GUARDED.replace("for: 10s}", f"for: 5s}}\n  - {mild}")
    shown = first_screen(two)
    assert shown["breaker opens, at the slowest fault"] == "never (latency:store)"
    assert shown["healthy again, after the slowest fault"].endswith(" s")
    stuck = first_screen(two.replace("recovery_timeout: 2s", "recovery_timeout: 1h"))
    assert stuck["healthy again, after the slowest fault"] == "never (fault until 15s)"
    one = first_screen(GUARDED)
    assert one["first breaker opens after"] == "164 ms"
    assert one["healthy again, after its end"] == "0 s"


def test_what_the_breaker_turned_away_are_attempts() -> None:
    """A request that is rejected and asks again is counted each time."""
    result = answer(HURT, baseline=True).result
    (_, why), *_ = remarks(result).items
    found = re.match(r"the breaker rejected ([\d,]+) attempts, [\d,]+ of which would have", why)
    assert found is not None
    rejected = sum(rows.rejected.sum() for rows in attempt_rows(result.trace))
    assert int(found[1].replace(",", "")) == rejected
