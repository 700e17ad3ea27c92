"""Laws of every scenario: writing and reading it back, order of keys, and hostile input."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_scenario.generated import scenarios
from test_scenario.written import SMALL, read_or_refuse, refusal_of

from simcb.scenario import Scenario, ScenarioError, parse_scenario, parse_value, read_scenario


@given(scenarios())
def test_a_written_scenario_reads_back_equal(scenario: Scenario) -> None:
    """Every scenario, however built, survives being written to a file, bit for bit."""
    text = scenario.to_yaml()
    again = parse_scenario(text)
    assert again == scenario
    assert again.to_yaml() == text


def test_a_written_scenario_leaves_out_what_was_never_set() -> None:
    """The effective scenario has the file's words and no defaults of ours."""
    text = parse_scenario(SMALL, sets=["recovery_timeout=10s"]).to_yaml()
    assert "recovery_timeout: 10s" in text
    assert "per_replica" not in text
    assert "null" not in text


def _shuffled(value: object, luck: random.Random) -> object:
    if isinstance(value, dict):
        items = [(key, _shuffled(item, luck)) for key, item in value.items()]
        luck.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        return [_shuffled(item, luck) for item in value]
    return value


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


@given(scenarios(), st.randoms(use_true_random=False))
def test_the_order_of_keys_means_nothing(scenario: Scenario, luck: random.Random) -> None:
    """The same words in any order are the same scenario."""
    shuffled = _flow(_shuffled(scenario.to_data(), luck))
    assert parse_scenario(shuffled) == scenario


WORDS = [
    *("name", "duration", "clients", "services", "faults", "thresholds", "arrivals", "calls"),
    *("kind", "work", "on", "at", "for", "poisson", "hang", "lognormal", "5m", "40/s", "3", "-1"),
    *("1e999", "010", "1:30", "true", "null", "~", "yes", ".inf", "5%", "a", "b"),
]
PUNCTUATION = ["\n", "\n  ", "\n    ", ": ", "- ", "[", "]", "{", "}", ", ", "? ", "# ", "\t"]
PUNCTUATION += ["&x ", "*x", "!!int ", "! ", "%YAML 1.2\n", "---\n", "...\n", "|\n", ">-\n"]
PUNCTUATION += ['"', "'", "\\", "\\x", "\\UFFFFFFFF", "<<: ", "\r\n", "\x85", "\u2028", "\ufeff"]
yaml_like = st.lists(st.sampled_from(WORDS + PUNCTUATION), max_size=40).map("".join)


@given(yaml_like)
@settings(max_examples=5 * settings.default.max_examples)
def test_text_that_looks_like_yaml_never_surprises(text: str) -> None:
    """Any jumble of YAML's signs and our words is read or refused, never a crash."""
    read_or_refuse(lambda: parse_scenario(text))


@given(st.text(max_size=60))
def test_any_text_never_surprises(text: str) -> None:
    """Any text is read or refused, alone, as a value and as a change."""
    read_or_refuse(lambda: parse_scenario(text))
    read_or_refuse(lambda: parse_value(text))
    for change in (text, f"workers={text}", f"{text}=3"):
        read_or_refuse(partial(parse_scenario, SMALL, sets=[change]))


@given(data=st.binary(max_size=80))
def test_any_bytes_never_surprise(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any file is read or refused."""
    path: Path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    with pytest.raises(ScenarioError):
        read_scenario(path)


@given(st.data())
def test_a_damaged_scenario_isread_or_refused(data: st.DataObject) -> None:
    """A real file with a piece cut out, doubled or exchanged never crashes the reader."""
    begin = data.draw(st.integers(0, len(SMALL)))
    end = data.draw(st.integers(begin, min(begin + 30, len(SMALL))))
    piece = data.draw(st.sampled_from(["", *WORDS, *PUNCTUATION, SMALL[begin:end] * 2]))
    read_or_refuse(lambda: parse_scenario(SMALL[:begin] + piece + SMALL[end:]))


values = st.recursive(
    st.sampled_from(["null", "true", "3", "-1", "0.5", "5s", "40/s", "10%", "x", '"\\ud800"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda v: "[" + ", ".join(v) + "]")
        | st.dictionaries(st.sampled_from(WORDS[:14]), inner, max_size=3).map(
            lambda d: "{" + ", ".join(f"{k}: {v}" for k, v in d.items()) + "}"
        )
    ),
    max_leaves=6,
)
PLACES = [
    "clients", "clients.shop", "arrivals", "arrivals.rate", "arrivals.kind", "shop.calls",
    "calls.payments", "retry", "retry.backoff", "retry.on", "breaker", "services",
    "services.payments", "work", "queue", "faults", "faults.0", "faults.0.on", "thresholds",
    "instances", "deadline", "payments.share", "network", "bulkhead", "throttle", "budget",
    "breaker.trip", "trip.kind", "breaker.recovery", "half_open", "counts", "fallback.cache",
    "balance", "on_abandon", "blocking", "repeat", "sticky", "faults.0.kind", "faults.0.replicas",
    "sweep", "sweep.over", "sweep.design", "sweep.replicates", "sweep.by",
]  # fmt: skip


@given(st.sampled_from(PLACES), values, st.sampled_from(PLACES), values)
@settings(max_examples=5 * settings.default.max_examples)
def test_any_value_at_any_place_never_surprises(a: str, b: str, c: str, d: str) -> None:
    """Values of every type at every place are read or refused."""
    sets = [f"{a}={b}", f"{c}={d}"]
    error = refusal_of(lambda: parse_scenario(SMALL, sets=sets))
    if error is not None:
        assert error.problems
        return
    scenario = parse_scenario(SMALL, sets=sets)
    assert parse_scenario(scenario.to_yaml()) == scenario
