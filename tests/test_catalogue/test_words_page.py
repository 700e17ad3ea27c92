"""The page of words: each block reads, each command prints what is shown, no word is missing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, get_args, get_origin

import pytest
from test_cli.commands import simcb
from test_cli.pages import commands_in, files_in, write_files

from simcb.metrics import no_effect_warnings
from simcb.scenario import Scenario, find_shipped, list_shipped, parse_scenario
from simcb.scenario.fields import Entries, Listing, Model, Object, OneOf, Shape, fields
from simcb.scenario.model import ROOT
from simcb.scenario.scalars import Choice
from simcb.studies import read

PAGE = find_shipped("slow-replica").with_name("words.md")
README = Path(__file__).parents[2] / "README.md"
TEXT = PAGE.read_text(encoding="utf-8")
SHOWN = commands_in(PAGE)
COMMANDS = [command for command, _ in SHOWN]

Word = tuple[str, str]
"""The model or enum that declares a word, and the word; a derived model has its base's."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[Scenario]]:
    """Every scenario that a command of the page reads."""
    folder = tmp_path_factory.mktemp("words")
    write_files(PAGE, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return {command: list(scenarios_of(command)) for command in COMMANDS}


def after(flag: str, words: list[str]) -> list[str]:
    """Return what stands behind each occurrence of a flag."""
    return [value for each, value in pairwise(words) if each == flag]


def scenarios_of(command: str) -> Iterator[Scenario]:
    """Read what a command reads: its scenario as it is, and with each overlay it compares."""
    words = shlex.split(command)
    overlays, sets = after("-f", words), after("--set", words)
    variants = [[each] for each in after("--with", words) if each in files_in(PAGE)]
    for variant in ([], *variants):
        yield read_once(words[1], (*overlays, *variant), tuple(sets))


@cache
def read_once(source: str, overlays: tuple[str, ...], sets: tuple[str, ...]) -> Scenario:
    """Read a scenario that other commands may read, too."""
    return read(source, overlays=overlays, sets=sets)


@pytest.mark.parametrize("command", COMMANDS, ids=COMMANDS)
def test_each_block_reads_and_everything_in_it_matters(
    command: str, written: Mapping[str, list[Scenario]]
) -> None:
    """There is no warning but those that the page shows itself."""
    warnings = [each for scenario in written[command] for each in no_effect_warnings(scenario)]
    assert [each for each in warnings if each not in TEXT] == []


def test_each_block_is_part_of_a_command() -> None:
    """A file is named by a command or by another file."""
    text = "\n".join([*COMMANDS, *files_in(PAGE).values()])
    assert [name for name in files_in(PAGE) if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.slow
@pytest.mark.parametrize(("command", "lines"), SHOWN, ids=COMMANDS)
def test_each_command_prints_the_lines_shown(
    command: str, lines: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is printed has them, in their order; starting workers costs more than these runs."""
    write_files(PAGE, tmp_path)
    monkeypatch.chdir(tmp_path)
    here = ["--workers", "0"] if command.startswith(("compare", "sweep")) else []
    printed = iter(simcb(*shlex.split(command), *here).stdout.splitlines())
    assert [line for line in lines.splitlines() if line not in printed] == []


def test_every_word_of_the_grammar_has_an_example(
    written: Mapping[str, list[Scenario]],
) -> None:
    """Each is written in a shipped scenario, in one of the README, or on the page."""
    examples = [read_once(name, (), ()) for name in list_shipped()]
    examples += map(parse_scenario, re.findall(r"```yaml\n(name:.*?)```", README.read_text(), re.S))
    examples += [scenario for scenarios in written.values() for scenario in scenarios]
    found = {word for scenario in examples for word in words_in(scenario)}
    known = set(words_of(ROOT, set()))
    assert found <= known
    assert sorted(known - found) == []


def words_of(shape: Shape, seen: set[type[Model]]) -> Iterator[Word]:
    """Yield every word that may be written at a place and below it."""
    match shape:
        case OneOf(kinds=kinds):
            for model in kinds.values():
                yield from words_of(Object(model), seen)
        case Entries(item) | Listing(item):
            yield from words_of(item, seen)
        case Object(model) if model not in seen:
            seen.add(model)
            for name, word in names_of(model).items():
                yield declared_by(model, name), word
                info = model.model_fields[name]
                for choice in choices_of(Annotated[info.annotation, None, *info.metadata]):
                    yield type(choice).__name__, choice.value
                yield from words_of(fields(model)[word].shape, seen)


def words_in(value: object) -> Iterator[Word]:
    """Yield every word that was written to make a value; nothing is by default or null."""
    if isinstance(value, Model):
        names = names_of(type(value))
        for name in value.model_fields_set & names.keys():
            inner = getattr(value, name)
            if inner is not None:
                yield declared_by(type(value), name), names[name]
                yield from words_in(inner)
    elif isinstance(value, StrEnum):
        yield type(value).__name__, value.value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from words_in(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from words_in(each)


def names_of(model: type[Model]) -> dict[str, str]:
    """Return the words of a model by the names of their attributes."""
    words = fields(model)
    named = {
        name: info.serialization_alias or name
        for name, info in model.model_fields.items()
        if not info.exclude
    }
    assert set(named.values()) == set(words)
    return named


def declared_by(model: type[Model], name: str) -> str:
    """Return the class that declares an attribute."""
    return next(
        each for each in model.__mro__ if name in vars(each).get("__annotations__", {})
    ).__name__


def choices_of(annotation: object) -> Iterator[StrEnum]:
    """Yield the words that may be chosen from at a place."""
    inner = get_args(annotation)
    choice = next((each for each in inner if isinstance(each, Choice)), None)
    if choice is not None:
        yield from choice.allowed
    elif isinstance(annotation, type) and issubclass(annotation, StrEnum):
        yield from annotation
    else:
        for each in inner[:1] if get_origin(annotation) is Annotated else inner:
            yield from choices_of(each)
