"""The catalogue's results, as digests: a change of behaviour shows in review as a changed line.

A digest stands for every column of a run's trace. It may only change on purpose, and then all
of `golden.json` is written anew by

    python tests/test_world/test_golden.py

with a line in the changelog that says what happens differently now. The values rest on numpy's
generators (Philox, and the methods that draw from it), which numpy keeps stable between
releases but does not promise for ever: if every line changes with a new numpy and nothing else
does, it was numpy.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from simcb.metrics import audit
from simcb.scenario import list_shipped, read_scenario
from simcb.trace import Trace
from simcb.world import simulate

SEED = 7
TABLE = Path(__file__).with_name("golden.json")
REMEDY = "write the table anew: python tests/test_world/test_golden.py"


def known() -> dict[str, str]:
    """Return the digests on record, by scenario."""
    return dict(json.loads(TABLE.read_text())["digests"]) if TABLE.exists() else {}


def played(name: str) -> Trace:
    """Run a shipped scenario."""
    return simulate(read_scenario(name), SEED)


def regenerate() -> None:
    """Write the table anew."""
    digests = {name: played(name).digest() for name in list_shipped()}
    record = {"seed": SEED, "made_with_numpy": np.__version__, "digests": digests}
    TABLE.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")


BUSY = ("cache-stampede", "hedged-reads")
"""Those of a hundred thousand calls and more."""

NAMES = [
    pytest.param(each, marks=pytest.mark.slow if each in BUSY else ()) for each in list_shipped()
]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_does_what_it_did(name: str) -> None:
    """The same scenario and seed give the bytes that are on record, and they obey every law."""
    table = known()
    assert name in table, f"{name} has no line in {TABLE.name}; {REMEDY}"
    trace = played(name)
    assert [law for law in audit(trace) if not law.holds] == []
    found = trace.digest()
    assert found == table[name], f"{name} behaves differently now; if that is meant, {REMEDY}"


def test_there_is_no_line_without_a_scenario() -> None:
    """What is no longer shipped is no longer on record."""
    gone = sorted(set(known()) - set(list_shipped()))
    assert not gone, f"{gone} are in {TABLE.name} and not shipped; {REMEDY}"


if __name__ == "__main__":
    regenerate()
