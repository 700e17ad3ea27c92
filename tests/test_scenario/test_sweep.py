"""The `sweep` block: what it means, what it refuses and where, and that nothing else notices."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError
from test_scenario.written import SMALL, problem_of, problems_of

from simcb.scenario import Scenario, parse_scenario, parse_value, schema
from simcb.scenario.axes import Axis, Span
from simcb.scenario.sweep import Design, Kind, Sweep
from simcb.scenario.units import Measuring

BLOCK = """\
sweep:
  over:
    breaker.failure_threshold: [3, 5, 10, 20]
    recovery_timeout: 5s..120s/3@log
  design: grid
  replicates: 4
  by: success{fault}
  refine: collapse=50%
  depth: 2
"""
SWEPT = SMALL + BLOCK


def over(*lines: str, **words: str) -> str:
    """Return the small scenario with a sweep over these axes, each `path: spec`."""
    more = "".join(f"  {word}: {value}\n" for word, value in words.items())
    return SMALL + "sweep:\n  over:\n" + "".join(f"    {line}\n" for line in lines) + more


def block_of(scenario: Scenario) -> Sweep:
    """Return the sweep of a scenario that has one."""
    assert scenario.sweep is not None
    return scenario.sweep


def test_every_word_of_the_block_means_what_it_says() -> None:
    """Axes as on the command line, lists as YAML has them, and the rest word by word."""
    block = block_of(parse_scenario(SWEPT))
    assert block.axes == (
        Axis("breaker.failure_threshold", (3, 5, 10, 20)),
        Axis("recovery_timeout", ("5s", "24.5s", "2m"), Span(5, 120, Measuring.DURATION, True)),
    )
    assert (block.design, block.replicates) == (Design(Kind.GRID), 4)
    assert (block.by, block.refine, block.depth) == ("success{fault}", "collapse=50%", 2)


def test_a_block_needs_no_more_than_its_axes() -> None:
    """The rest is what a sweep does unless it is told."""
    block = block_of(parse_scenario(over("workers: 2,4")))
    assert (block.design, block.replicates, block.by) == (Design(), 10, None)
    assert block_of(parse_scenario(over("workers: 1..9", design="lhs:5"))).design == Design(
        Kind.LHS, 5
    )


def test_values_of_a_list_are_as_in_a_file() -> None:
    """Flags, null and whole parts may be listed, and mean what `--over` means by their text."""
    block = block_of(
        parse_scenario(
            over(
                "breaker.enabled: [true, false]",
                "bulkhead: [null, {max_concurrent: 3}]",
                "payments.timeout: [1s, 2s]",
            )
        )
    )
    assert [axis.values for axis in block.axes] == [
        ("true", "false"),
        ("null", "{max_concurrent: 3}"),
        ("1s", "2s"),
    ]


@pytest.mark.parametrize("text", [SWEPT, over("bulkhead: [null, {max_concurrent: 3}]")])
def test_a_block_is_written_back_as_it_was(text: str) -> None:
    """Reading what is written gives an equal scenario, and the schema knows both."""
    scenario = parse_scenario(text)
    assert parse_scenario(scenario.to_yaml()) == scenario
    for written in (text, scenario.to_yaml()):
        jsonschema.Draft202012Validator(schema()).validate(parse_value(written))


@pytest.mark.parametrize(
    ("lines", "path", "words"),
    [
        (("breaker.failure_treshold: [1, 2]",), "breaker.failure_treshold", "failure_threshold`?"),
        (("share: [1%, 2%]",), "share", "names 2 places"),
        (("nothing: [1, 2]",), "nothing", "names no place"),
        (("sweep.depth: [1, 2]",), "sweep.depth", "a word of the sweep itself"),
        (("workers: 5",), "workers", "has one value"),
        (("workers: []",), "workers", "has no values"),
        (("workers: {a: 3}",), "workers", "has a mapping"),
        (("workers: 3,,5",), "workers", "has an empty value"),
        (("workers: [3, 3]",), "workers", "has `3` twice"),
        (("workers: 9..3/4",), "workers", "does not go upwards"),
        (("payments.timeout: 1s..5/3",), "payments.timeout", "mixes units"),
        (("payments.timeout: 1s..5s",), "payments.timeout", "say how many"),
        (("workers: 1:10:1",), "workers", '"1:10:1"'),
        (("workers: [1, 2]", "services.payments.workers: [3, 4]"), "services.payments.workers",
         "the same place as `workers`"),
        (("breaker.failure_threshold: [1, 2]", "breaker: [null, {}]"), "breaker.failure_threshold",
         "is undone"),
        (("failure_threshold: [1, 2]", "trip: ['{kind: failure_rate, calls: 9}']"),
         "failure_threshold", "is undone"),
    ],
)  # fmt: skip
def test_a_wrong_axis_is_told_once_in_its_line(
    lines: tuple[str, ...], path: str, words: str
) -> None:
    """Paths that name no one place of this scenario, and specs that mean nothing."""
    problem = problem_of(over(*lines))
    assert problem.path == f"sweep.over.{path}"
    assert problem.source_line.strip().startswith(path)
    assert words in f"{problem.what}; {problem.remedy}"


@pytest.mark.parametrize(
    ("words", "path", "said"),
    [
        ({"design": "lhs"}, "design", "lhs:50"),
        ({"design": "lhs:0"}, "design", "ask for 1 to"),
        ({"design": "3"}, "design", "no design"),
        ({"replicates": "0"}, "replicates", "too small"),
        ({"replicates": "10001"}, "replicates", "at most 10000"),
        ({"depth": "9"}, "depth", "at most 8"),
        ({"by": "3"}, "by", "not text"),
        ({"desing": "zip"}, "desing", "`design`?"),
        ({"axes": "3"}, "axes", "`over`?"),
        ({"design": "zip"}, "over", "differ in length"),
    ],
)
def test_a_wrong_word_of_the_block_is_told(words: dict[str, str], path: str, said: str) -> None:
    """Each at its place, with what to write."""
    problem = problem_of(over("workers: 1,2,3", "payments.timeout: 1s,2s", **words))
    assert problem.path == f"sweep.{path}"
    assert problem.line
    assert said in f"{problem.what}; {problem.remedy}"


def test_sweeps_beyond_all_bounds_are_refused() -> None:
    """A grid of more settings than are ever listed, and more axes than anybody means."""
    large = problem_of(over("workers: 1:2000:1", "instances: 1:2000:1"))
    assert (large.path, "4,000,000 settings" in large.what) == ("sweep.over", True)
    assert "at most 20" in problem_of(over(*(f"a{i}: [1]" for i in range(21)))).remedy
    assert problem_of(SMALL + "sweep: {replicates: 3}\n").path == "sweep.over"


def test_problems_of_the_block_come_with_all_others() -> None:
    """One pass tells what is wrong with the scenario and with its sweep."""
    text = over("wokers: [1, 2]", "workers: 3,,5", "payments.timeout: 1s..5s", design="gird")
    places = [problem.path for problem in problems_of(text.replace("workers: 8", "workers: 0"))]
    assert places == [
        "services.payments.workers",
        "sweep.over.wokers",
        "sweep.over.workers",
        "sweep.design",
    ]


def test_a_place_may_come_with_the_axis_before_it() -> None:
    """A backoff has a delay once its kind is one that has; the order of axes is that of changes."""
    lines = ("backoff.kind: [fixed]", "backoff.delay: [1s, 2s]")
    assert len(block_of(parse_scenario(over(*lines))).axes) == 2
    assert "names no place" in problem_of(over(*reversed(lines))).what


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ("sweep.replicates=3", ("replicates: 4", "replicates: 3")),
        ("sweep.over.recovery_timeout=1s,2s", ("5s..120s/3@log", "1s,2s")),
        ("sweep.over.breaker.failure_threshold=[1, 2]", ("[3, 5, 10, 20]", "[1, 2]")),
        ("sweep.refine=null", ("  refine: collapse=50%\n", "")),
        ("sweep=null", (BLOCK, "")),
    ],
)
def test_the_block_can_be_changed_from_outside(change: str, changed: tuple[str, str]) -> None:
    """By its whole path, with `--set` and with `with_`."""
    expected = parse_scenario(SWEPT.replace(*changed))
    assert parse_scenario(SWEPT, sets=[change]) == expected
    path, _, value = change.partition("=")
    assert parse_scenario(SWEPT).with_({path: parse_value(value)}) == expected


def test_an_overlay_may_bring_the_block_or_a_part_of_it(tmp_path: Path) -> None:
    """A team's scenario stays as it is; what somebody tries lies in a file of its own."""
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(BLOCK)
    assert parse_scenario(SMALL, overlays=[overlay]) == parse_scenario(SWEPT)
    overlay.write_text("sweep: {by: goodput}\n")
    block = block_of(parse_scenario(SWEPT, overlays=[overlay]))
    assert (block.by, block.replicates) == ("goodput", 4)


EVERY_WORD = ["over", "design", "replicates", "by", "refine", "depth"]


@pytest.mark.parametrize(
    "change",
    [
        "failure_threshold=7",
        "breaker.failure_threshold=7",
        "recovery_timeout=7s",
        "duration=4m",
        "workers=9",
        "payments.replicas=2",
        "payments.timeout=1s",
        "max_retries=1",
        "name=other",
    ],
)
def test_no_other_path_becomes_unclear_by_the_block(change: str) -> None:
    """Axes with short paths, and the block's own words, stand in nobody's way."""
    text = over("failure_threshold: [1, 2]", "workers: [1, 2]", "duration: [1m, 2m]",
                "recovery_timeout: [1s, 2s]", "payments.replicas: [1, 2]")  # fmt: skip
    changed = parse_scenario(text, sets=[change])
    assert changed.without_sweep() == parse_scenario(SMALL, sets=[change])
    assert changed.sweep == parse_scenario(text).sweep
    path, _, value = change.partition("=")
    assert parse_scenario(text).with_({path: parse_value(value)}) == changed


@pytest.mark.parametrize("text", [SMALL, SWEPT])
@pytest.mark.parametrize("word", EVERY_WORD)
def test_the_blocks_words_go_by_their_whole_path(text: str, word: str) -> None:
    """`--set replicates=3` changes nothing in silence, whether there is a block or not."""
    problem = problem_of(text, sets=[f"{word}=3"])
    assert "names no place" in problem.what
    assert f"`sweep.{word}`" in problem.remedy


def test_a_slip_is_answered_with_the_place_and_not_with_the_axis() -> None:
    """What was meant by a misspelt path is the scenario's word."""
    text = over("failure_threshold: [1, 2]")
    remedy = problem_of(text, sets=["failure_treshold=7"]).remedy
    assert remedy == "did you mean `failure_threshold`?"


def test_a_scenario_without_its_sweep_is_the_same_scenario() -> None:
    """Taking the block away leaves what a run is decided by."""
    assert parse_scenario(SWEPT).without_sweep() == parse_scenario(SMALL)
    assert parse_scenario(SWEPT).without_sweep().to_yaml() == parse_scenario(SMALL).to_yaml()
    assert parse_scenario(SWEPT) != parse_scenario(SMALL)


def test_a_sweep_built_in_python_is_checked_likewise() -> None:
    """The model takes the same words, and finds the same places."""
    block = Sweep(over={"workers": [1, 2], "breaker.enabled": [True, False]}, design="zip")
    words = {name: getattr(parse_scenario(SMALL), name) for name in Scenario.model_fields}
    scenario = Scenario(**(words | {"sweep": block}))
    assert parse_scenario(scenario.to_yaml()) == scenario
    with pytest.raises(ValidationError, match="names no place"):
        Scenario(**(words | {"sweep": Sweep(over={"wokers": [1, 2]})}))
    with pytest.raises(ValidationError, match="which is no value"):
        Sweep(over={"workers": [object()]})
