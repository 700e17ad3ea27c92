"""Any value in any place: a message of ours, with the place, and never the words of a library."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from simcb.scenario import ScenarioError, find_shipped, list_shipped, parse_scenario
from simcb.scenario.reader import parse_value

WRONG = (
    None,
    True,
    -1,
    0,
    1.5,
    10**30,
    "",
    "x",
    "5 parsecs",
    "nan",
    "1e999",
    "101%",
    [],
    [1],
    [[]],
    {},
    {"kind": "x"},
    {"a": {"b": 1}},
)
THEIRS = re.compile(
    r"Value error|Input should|[Vv]alidation error|pydantic|NoneType|<class|Traceback"
    r"|object has no|not supported between|expected (str|int|float)\b"
)
Place = tuple[str | int, ...]


def places(node: object, at: Place = ()) -> Iterator[Place]:
    """Yield the places in a tree, the whole of it first."""
    yield at
    pairs: list[tuple[Any, object]] = []
    if isinstance(node, dict):
        pairs = [*node.items()]
    elif isinstance(node, list):
        pairs = [*enumerate(node)]
    for key, inner in pairs:
        yield from places(inner, (*at, key))


def changed(tree: Any, at: Place, value: object) -> object:
    """Return a tree with another value in one place."""
    if not at:
        return value
    tree = copy.deepcopy(tree)
    holder = tree
    for key in at[:-1]:
        holder = holder[key]
    holder[at[-1]] = value
    return tree


def refusal(tree: object) -> str:
    """Return what is said of a scenario, in JSON, which is YAML; "" if nothing is."""
    try:
        parse_scenario(json.dumps(tree), "s.yaml", replays=False)
    except ScenarioError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "name",
    [
        each if each == "flaky-payments" else pytest.param(each, marks=pytest.mark.slow)
        for each in list_shipped()
    ],
)
def test_no_wrong_value_is_told_in_the_words_of_a_library(name: str) -> None:
    """In every place of a shipped scenario, every kind of value that does not belong there."""
    tree = parse_value(find_shipped(name).read_text(encoding="utf-8"))
    assert refusal(tree) == ""
    refused = 0
    for at in places(tree):
        for value in WRONG:
            said = refusal(changed(tree, at, value))
            assert not THEIRS.search(said), (at, value, said)
            assert not said or said.startswith("s.yaml:1:"), (at, value, said)
            refused += bool(said)
    assert refused > 200
