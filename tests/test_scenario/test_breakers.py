"""The breaker's words in a file are those of its constructor: same defaults, same limits."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from test_scenario.generated import breakers

from simcb import breaker as shipped
from simcb.scenario import ScenarioError, parse_scenario
from simcb.scenario.breakers import Breaker, HalfOpen, Recovery
from simcb.scenario.tripping import TRIP_RULES


def test_every_rule_of_the_breaker_can_be_written() -> None:
    """The file has the same kinds of rules as the breaker."""
    assert list(TRIP_RULES) == list(shipped.TRIP_RULES)


@pytest.mark.parametrize(
    ("part", "theirs"),
    [
        *((TRIP_RULES[kind], shipped.TRIP_RULES[kind]) for kind in TRIP_RULES),
        (Recovery, shipped.Recovery),
        (HalfOpen, shipped.HalfOpen),
    ],
)
def test_parameters_and_defaults_are_the_constructors(part: type, theirs: type) -> None:
    """Each parameter is a word of the file with the same default, and there are no others."""
    parameters = dict(inspect.signature(theirs).parameters)
    ours = {word: field for word, field in part.model_fields.items() if word != "kind"}
    assert set(ours) == set(parameters)
    for word, field in ours.items():
        default = parameters[word].default
        assert field.is_required() == (default is inspect.Parameter.empty)
        assert field.is_required() or field.default == default


def test_the_short_words_have_the_constructors_defaults() -> None:
    """A breaker without any word is the breaker's own default."""
    usual = shipped.CircuitBreaker()
    assert Breaker().failure_threshold == usual.failure_threshold
    assert Breaker().recovery_timeout == usual.recovery_timeout
    assert Breaker().rules() == (shipped.ConsecutiveFailures(),)
    assert Breaker().recovery_policy() == shipped.Recovery()
    assert Breaker().half_open_policy() == shipped.HalfOpen()


def _is_taken(build: Callable[[], object], error: type[Exception]) -> bool:
    try:
        build()
    except error:
        return False
    return True


numbers = st.sampled_from((-1.0, 0.0, 5e-324, 0.5, 1.0, 1.5, 60.0, 1e6, 1e9, 1.1e9))
wholes = st.sampled_from((-1, 0, 1, 2, 10, 10_000, 10_001, 1_000_000, 1_000_001))
window = {
    "calls": wholes,
    "window": numbers,
    "every": numbers,
    "minimum_calls": wholes,
    "strict": st.booleans(),
}
WORDS: dict[str, dict[str, st.SearchStrategy[object]]] = {
    "consecutive_failures": {"threshold": wholes},
    "failures_in_window": {"threshold": wholes, "window": numbers, "every": numbers},
    "failure_rate": {"rate": numbers, "slow": numbers, **window},
    "slow_call_rate": {"rate": numbers, "slow": numbers, **window},
}


@given(st.data())
@settings(max_examples=5 * settings.default.max_examples)
def test_a_rule_is_taken_exactly_when_the_breaker_takes_it(data: st.DataObject) -> None:
    """File and constructor have the same limits; only a window must be said in a file."""
    kind = data.draw(st.sampled_from(tuple(WORDS)))
    must = ("slow",) if kind == "slow_call_rate" else ()
    optional = {word: values for word, values in WORDS[kind].items() if word not in must}
    words = data.draw(st.fixed_dictionaries(dict.fromkeys(must, numbers), optional=optional))
    taken = _is_taken(lambda: shipped.TRIP_RULES[kind](**words), shipped.ParameterError)
    if kind.endswith("_rate") and not {"calls", "window", "every"} & set(words):
        taken = False
    assert _is_taken(lambda: TRIP_RULES[kind](**words), ValidationError) == taken
    if taken:
        assert TRIP_RULES[kind](**words).rule() == shipped.TRIP_RULES[kind](**words)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("timeout", "factor", "max", "jitter"), numbers)
    )
)
@settings(max_examples=3 * settings.default.max_examples)
def test_a_recovery_is_taken_exactly_when_the_breaker_takes_it(words: dict[str, float]) -> None:
    """File and constructor have the same limits for how long a breaker stays open."""
    taken = _is_taken(lambda: shipped.Recovery(**words), shipped.ParameterError)
    assert _is_taken(lambda: Recovery(**words), ValidationError) == taken
    if taken:
        policy = Breaker(recovery=Recovery(**words)).recovery_policy()
        assert policy == shipped.Recovery(**words)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "probes": wholes,
            "successes": wholes,
            "lease": numbers,
            "verdict": numbers,
            "ramp": numbers,
            "start": numbers,
        },
    )
)
@settings(max_examples=3 * settings.default.max_examples)
def test_a_half_open_state_is_taken_exactly_when_the_breaker_takes_it(
    words: dict[str, float],
) -> None:
    """File and constructor have the same limits; a file has nothing of probes beside a ramp."""
    taken = _is_taken(lambda: shipped.HalfOpen(**words), shipped.ParameterError)
    if "ramp" in words and {"probes", "lease"} & set(words):
        taken = False
    written = {"from" if word == "start" else word: value for word, value in words.items()}
    assert _is_taken(lambda: HalfOpen(**written), ValidationError) == taken
    if taken:
        policy = Breaker(half_open=HalfOpen(**written)).half_open_policy()
        assert policy == shipped.HalfOpen(**words)


@given(breakers())
def test_every_breaker_of_a_scenario_can_be_built(breaker: Breaker) -> None:
    """Whatever a file may hold, the breaker takes."""
    built = shipped.CircuitBreaker(
        trip=breaker.rules(),
        recovery=breaker.recovery_policy(),
        half_open=breaker.half_open_policy(),
    )
    assert built.state is shipped.CircuitState.CLOSED


def test_a_breaker_without_probes_is_written_by_its_word() -> None:
    """`none` and `{probes: 0}` are one thing; what is about probes is refused beside it."""
    text = (
        "name: n\nduration: 9s\nclients: {a: {arrivals: {kind: constant, rate: 1/s}, calls: "
        "{b: {breaker: {half_open: HOW, recovery: {timeout: 5s}}}}}}\n"
        "services: {b: {workers: 1, work: 1ms}}\n"
    )
    scenario = parse_scenario(text.replace("HOW", "none"))
    assert scenario == parse_scenario(text.replace("HOW", "{probes: 0}"))
    assert "half_open: none" in scenario.to_yaml()
    assert parse_scenario(scenario.to_yaml()) == scenario
    for wrong, what in (
        ({"half_open": {"probes": 0, "successes": 2}}, "there are none"),
        ({"recovery.factor": 2}, "has no probes"),
    ):
        with pytest.raises(ScenarioError, match=what):
            scenario.with_(wrong)
