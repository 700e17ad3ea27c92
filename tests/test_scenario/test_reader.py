"""The notation: YAML 1.2 scalars, limits, and what is refused where it stands."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from test_scenario.written import SMALL, problem_of, problems_of, swapped

from simcb.scenario import ScenarioError, parse_scenario, parse_value, read_scenario


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000.0),
        ("0x1F", 31),
        ("0o17", 15),
        ("-3", -3),
        (".5", 0.5),
        ("on", "on"),
        ("yes", "yes"),
        ("off", "off"),
        ("NO", "NO"),
        ("true", True),
        ("~", None),
        ("null", None),
        ("'5'", "5"),
        ('"true"', "true"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("[1, {a: 5s}]", [1, {"a": "5s"}]),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    """Numbers, flags and nulls are those of YAML 1.2; everything else is a word."""
    read = parse_value(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", ["010", "-007", "1:30", "12:30:45", ".inf", "-.INF", ".nan"])
def test_numbers_that_mean_different_things_are_refused(text: str) -> None:
    """Octal-looking, clock-like and endless numbers are refused with what to write."""
    with pytest.raises(ScenarioError) as caught:
        parse_value(text)
    assert caught.value.problems[0].remedy.startswith("write")


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("", 1, 1, "is empty"),
        ("# only a comment\n", 1, 1, "is empty"),
        ("just words", 1, 1, "not a mapping"),
        ("- a\n- b", 1, 1, "not a mapping"),
        ("null", 1, 1, "is empty"),
        ("a:\n\tb: 3", 2, 1, "a tab"),
        ("a: 1\n b: 2", 2, 3, "second `:`"),
        ("a: 'x", 1, 6, "quoted text does not end"),
        ("a: [1, 2", 1, 9, "does not end"),
        ("a: {b: 1", 1, 9, "does not end"),
        ('a: "\\UFFFFFFFF"', 1, 7, "not valid YAML"),
        ("name: \x1b[31m", 1, 7, "U+001B"),
        ("a: b\x00", 1, 5, "U+0000"),
        ("--- {}\n--- {}", 2, 1, "second document"),
    ],
)
def test_broken_notation_is_one_problem_at_its_place(
    text: str, line: int, column: int, what: str
) -> None:
    """Text that is no single YAML mapping gives one problem, at the right line and column."""
    problem = problem_of(text)
    assert (problem.line, problem.column) == (line, column)
    assert what in problem.what
    assert problem.remedy


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        (swapped("duration: 5m", "duration: &d 5m"), 2, 11, "anchor `&d`"),
        (swapped("duration: 5m", "duration: !!str 5m"), 2, 11, "tag"),
        (swapped("duration: 5m", "duration: *d"), 2, 11, "alias `*d`"),
        (swapped("duration: 5m", "duration: 5m\nduration: 6m"), 3, 1, "given twice (first"),
        (swapped("duration: 5m", "duration: 5m\n? [a]\n: 3"), 3, 3, "a key is not one word"),
        (swapped("duration: 5m", "duration: 010"), 2, 11, "leading zero"),
        (swapped("duration: 5m", "duration:"), 2, 10, "has no value"),
        (swapped("duration: 5m", 'duration: "\\ud800"'), 2, 11, "half a character"),
        ("%YAML 1.1\n---\n" + SMALL, 1, 1, "directives"),
    ],
)
def test_what_yaml_allows_and_we_do_not_is_refused_once(
    text: str, line: int, column: int, what: str
) -> None:
    """Anchors, tags, aliases, duplicate and complex keys are each one problem, not more."""
    problem = problem_of(text)
    assert (problem.line, problem.column) == (line, column)
    assert what in problem.what


@pytest.mark.parametrize("text", ["[", "{", "- ", "? ", "a: {", "? - ", '"a": [{'])
def test_deep_nesting_is_refused_at_once(text: str) -> None:
    """60 KB of nesting is refused by its depth, quickly, and harms nobody."""
    begin = time.process_time()
    problem = problem_of(text * (60_000 // len(text)))
    assert time.process_time() - begin < 2
    assert "32 levels" in problem.what


def test_the_deepest_allowed_nesting_is_read() -> None:
    """32 levels are read, 33 are not."""
    assert parse_value("[" * 32 + "1" + "]" * 32)
    with pytest.raises(ScenarioError, match="32 levels"):
        parse_value("[" * 33 + "1" + "]" * 33)


def test_one_value_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many values as are allowed are read; one more is refused."""
    monkeypatch.setattr("simcb.scenario.reader.MOST_NODES", 500)
    assert len(parse_value("[" + ",".join(["1"] * 499) + "]")) == 499
    with pytest.raises(ScenarioError, match="more than 500 values"):
        parse_value("[" + ",".join(["1"] * 500) + "]")


@pytest.mark.slow
def test_too_many_values_are_refused() -> None:
    """50,000 values are read in a few seconds; one more is refused."""
    begin = time.process_time()
    assert len(parse_value("[" + ",".join(["1"] * 49_999) + "]")) == 49_999
    assert time.process_time() - begin < 8
    with pytest.raises(ScenarioError, match="more than 50000 values"):
        parse_value("[" + ",".join(["1"] * 50_000) + "]")


def test_a_scenario_full_of_problems_is_answered_in_time() -> None:
    """Ten thousand wrong keys give a hundred problems and a count, quickly."""
    text = SMALL + "".join(f"wrong{i}: 1\n" for i in range(10_000))
    begin = time.process_time()
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    assert time.process_time() - begin < 5
    assert len(caught.value.problems) == 100
    assert caught.value.omitted == 9900
    assert "9900 more problems" in str(caught.value)


def test_a_large_text_is_refused_before_it_is_parsed() -> None:
    """More than a mebibyte is refused."""
    assert "1 MiB" in problem_of("#" + "x" * 1024 * 1024).what


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b"\x7fELF\x00\x00", "is binary"),
        (b"\xff\xfen\x00a\x00", "UTF-16"),
        ("name: Käse".encode("latin-1"), "not UTF-8"),
        (b"#" * (1024 * 1024 + 1), "1 MiB"),
    ],
)
def test_files_that_are_no_text_are_named(tmp_path: Path, data: bytes, what: str) -> None:
    """Bytes that are no UTF-8 text of bounded size are refused by name."""
    path = tmp_path / "f.yaml"
    path.write_bytes(data)
    with pytest.raises(ScenarioError, match=what) as caught:
        read_scenario(path)
    assert caught.value.problems[0].file == str(path)


def test_a_byte_that_is_not_utf_8_is_pointed_at(tmp_path: Path) -> None:
    """The place of a wrong byte is its line and column in characters."""
    path = tmp_path / "f.yaml"
    path.write_bytes("about: Käse\nname: K".encode() + b"\xe4se\n")
    with pytest.raises(ScenarioError) as caught:
        read_scenario(path)
    assert (caught.value.problems[0].line, caught.value.problems[0].column) == (2, 8)


def test_windows_files_are_read(tmp_path: Path) -> None:
    """A byte-order mark and CRLF line ends make no difference, also not to marks."""
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert read_scenario(path) == parse_scenario(SMALL)
    wrong = swapped("workers: 8", "wokers: 8").replace("\n", "\r\n")
    assert {problem.line for problem in problems_of(wrong)} == {12, 13}


def test_missing_files_and_directories_are_named(tmp_path: Path) -> None:
    """A path that leads to no file is refused with what it is."""
    with pytest.raises(ScenarioError, match="is a directory"):
        read_scenario(tmp_path)
    with pytest.raises(ScenarioError, match="does not exist"):
        read_scenario(str(tmp_path / "none.yaml"))
    with pytest.raises(ScenarioError):
        read_scenario("a\x00b.yaml")


def test_a_normal_scenario_is_read_quickly() -> None:
    """Reading a small file takes well under 20 ms."""
    parse_scenario(SMALL)
    begin = time.process_time()
    for _ in range(5):
        parse_scenario(SMALL)
    assert (time.process_time() - begin) / 5 < 0.02
