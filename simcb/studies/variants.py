"""Variants: what a comparison is made of, and how one is written on a command line.

`--with [NAME:] ITEM[, ITEM]…` changes the first scenario. An item is `none` (no breaker), a
library whose defaults every breaker gets, `use=NAME` for another package's breaker itself in the
place of every one, an overlay file, or PATH=VALUE. A comma inside brackets, braces or quotes
belongs to a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from simcb.adapters import adapter, names
from simcb.metrics import check_thresholds
from simcb.scenario import Scenario, ScenarioError, list_shipped, parse_value
from simcb.scenario.refusal import choice_remedy, quoted
from simcb.studies.clients import check_paths_beside, examined, is_code, with_code
from simcb.studies.evaluation.contenders import NO_BREAKER
from simcb.studies.evaluation.settings import applied
from simcb.studies.run import Result, StudyError, coded
from simcb.studies.tune.contenders import (
    DEFAULTS,
    Default,
    left_out,
    with_breakers,
    with_default,
)

MOST_VARIANTS = 8
"""More than that no table of 100 columns and no plot can show."""

LONGEST_NAME = 60
"""Characters of a variant's name."""

NONE = "none"

_USE = "use="

LIBRARIES: dict[str, Default] = {
    library.casefold(): default
    for default in DEFAULTS
    for library in default.name.rpartition(" ")[0].split(", ")
}
"""A library's name, in small letters, to what its breaker does if nothing is set."""

_OPENING, _CLOSING, _QUOTES = "{[(", "}])", "\"'"
_BEFORE_A_QUOTE = "=:,{[( "


@dataclass(frozen=True, eq=False)
class Variant:
    """One thing that is compared.

    Args:
        name: what it is called.
        scenario: what is run.
        differs: what the library it is named after does otherwise; "" if nothing.
        kept: what came of it, if it has been run before.
        sets: the paths of what it sets in the first scenario.
        code: what it changes in the code of client groups, by paths such as `client.shop`.
        clients: the code of client groups, once `coded_variants` has said.
    """

    name: str
    scenario: Scenario
    differs: str = ""
    kept: Result | None = None
    sets: tuple[str, ...] = ()
    code: Mapping[str, object] = field(default_factory=dict)
    clients: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """What a variant changes, as it was written; in the order in which it is applied.

    Args:
        name: what it is called.
        overlays: files merged over the first scenario.
        without_breakers: whether every breaker is switched off.
        library: whose defaults every breaker gets.
        use: whose breaker stands in the place of every one.
        sets: PATH=VALUE each.
    """

    name: str
    overlays: tuple[str, ...] = ()
    without_breakers: bool = False
    library: str = ""
    use: str = ""
    sets: tuple[str, ...] = ()


def parse_group(text: str) -> Group:
    """Read `[NAME:] ITEM[, ITEM]…`.

    Raises:
        StudyError: it has no items, or one that is none, or both `none` and a library.
    """
    name, items = _named(text.strip())
    if not items:
        raise StudyError(f"{quoted(text)} says nothing to compare with", _WAYS)
    foreign = [item for item in items if item.startswith(_USE)]
    sets = tuple(item for item in items if "=" in item and item not in foreign)
    words = [item for item in items if "=" not in item]
    breakers = [word for word in words if word == NONE or word.casefold() in LIBRARIES]
    overlays = tuple(word for word in words if word not in breakers)
    breakers += foreign
    for overlay in overlays:
        _check_overlay(overlay)
    if len(breakers) > 1:
        what = f"{quoted(text)} names {' and '.join(map(quoted, breakers))}"
        raise StudyError(what, "give each a variant of its own")
    library = next((word for word in breakers if word != NONE and word not in foreign), "")
    use = foreign[0].removeprefix(_USE).strip() if foreign else ""
    said = {NONE: NO_BREAKER, library: f"like {library}", f"{_USE}{use}": use}
    usual = ", ".join(said.get(item, item) for item in items)
    if len(items) == len(overlays) == 1:
        usual = Path(overlays[0]).stem
    return Group(name or usual, overlays, NONE in breakers, library, use, sets)


_WAYS = (
    "write `none`, a library such as `resilience4j`, `use=NAME`, an overlay file, or "
    "`NAME: PATH=VALUE, PATH=VALUE`"
)


def _check_overlay(word: str) -> None:
    """Check that a word which is no change, no library and not `none` is a file."""
    if _is_there(word) or word.endswith((".yaml", ".yml")):
        return
    if word in list_shipped():
        what = f"{quoted(word)} is a scenario, not a change to the first one"
        raise StudyError(what, f"give it without --with: `simcb compare FIRST {word}`")
    known = [NONE, *LIBRARIES]
    raise StudyError(
        f"{quoted(word)} is neither PATH=VALUE nor a file, nor a library that is known",
        choice_remedy(word, known),
    )


def _named(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the name in front of a colon, or "", and the items."""
    head, colon, rest = text.partition(":")
    if colon and not any(sign in head for sign in f"={_OPENING}{_QUOTES}") and not _is_there(text):
        return head.strip(), tuple(_split(rest))
    return "", tuple(_split(text))


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _split(text: str) -> Iterator[str]:
    """Yield what commas part that stand outside brackets and quotes."""
    depth, quote, begin, before = 0, "", 0, "="
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES and before in _BEFORE_A_QUOTE:
            quote = letter
        elif letter in _OPENING:
            depth += 1
        elif letter in _CLOSING:
            depth -= 1
        elif letter == "," and depth <= 0:
            yield from filter(None, (text[begin:place].strip(),))
            begin = place + 1
        before = letter
    yield from filter(None, (text[begin:].strip(),))


def altered(group: Group, scenario: Scenario) -> Variant:
    """Return the variant that a group makes of a scenario over which its files were merged.

    Raises:
        StudyError: a path or a value does not fit, or there is no breaker to give a library's
            defaults to.
    """
    differs = ""
    if group.without_breakers:
        scenario = scenario.without_breakers()
    if group.library or group.use:
        if group.use:
            words = _itself(group.use)
            changes = with_breakers(scenario, lambda _: words)
            differs = left_out(scenario, lambda _: words)
        else:
            default = LIBRARIES[group.library.casefold()]
            changes, differs = with_default(scenario, default), _only_near(group.library, default)
        if not changes:
            named = group.library or group.use
            what = f"{quoted(named)} is a breaker, and {quoted(scenario.name)} has none"
            raise StudyError(what, "give a call of it a `breaker`, or leave the library out")
        scenario = applied(scenario, changes)
    changes = dict(_change(text) for text in group.sets)
    code = {path: value for path, value in changes.items() if is_code(path)}
    sets = tuple(path for path in changes if path not in code)
    if sets:
        scenario = applied(scenario, changes)
    return Variant(group.name, scenario, differs, sets=sets, code=code)


def _itself(name: str) -> dict[str, object]:
    """Return the words that put another package's breaker in the place of ours.

    Raises:
        StudyError: nobody has registered it.
        MissingExtraError: its package is not installed.
    """
    known = names()
    if name not in known:
        what = f"{quoted(name)} is no breaker that is registered"
        raise StudyError(what, choice_remedy(name, known))
    adapter(name).parameters()
    return {"use": name}


def _only_near(library: str, default: Default) -> str:
    """Return what is to be known of our breaker with a library's defaults, in words."""
    told = "simcb's breaker with the library's defaults"
    if default.differs:
        told += f"; the library {default.differs}"
    itself = [name for name in names() if name.removesuffix("-cb") == library.casefold()]
    if itself:
        model = "is a model of its rules" if adapter(itself[0]).model else "is the library itself"
        told += f"; `use={itself[0]}` {model}"
    return told


def with_preset(scenario: Scenario, library: str, sets: Sequence[str] = ()) -> Variant:
    """Return a scenario whose breakers all have a library's defaults, then with single changes.

    Args:
        scenario: with at least one breaker.
        library: its name, in any case.
        sets: PATH=VALUE each.

    Raises:
        StudyError: nobody knows the library, there is no breaker, or a change does not fit.
    """
    if library.casefold() not in LIBRARIES:
        what = f"{quoted(library)} is no library whose defaults are known"
        raise StudyError(what, choice_remedy(library, LIBRARIES))
    return altered(Group(library, library=library, sets=tuple(sets)), scenario)


def _change(text: str) -> tuple[str, object]:
    """Return the path and the value of PATH=VALUE."""
    path, _, written = text.partition("=")
    if is_code(path.strip()) and ":" in written:
        return path.strip(), written.strip()  # It is no YAML, though it may look like it.
    try:
        return path.strip(), parse_value(written)
    except ScenarioError as error:
        found = error.problems[0]
        raise StudyError(f"{quoted(text)}: {found.what}", found.remedy) from None


def read_variants(
    sources: Sequence[str],
    groups: Sequence[str],
    read: Callable[[str, Sequence[str]], Scenario],
    kept: Mapping[str, Result],
) -> tuple[Variant, ...]:
    """Return the variants that a command line names, those of `--with` after the others.

    Args:
        sources: files, shipped names, and directories of saved runs; after the first also what
            `--with` takes, if that is no file: `none`, a library, PATH=VALUE, or NAME: and these.
        groups: what `--with` says, each of the first of them.
        read: reads a scenario with overlays merged over it.
        kept: the saved runs among the sources.

    Raises:
        ScenarioError: a file cannot be read.
        StudyError: a group makes no sense.
    """
    changes = [source for source in sources[1:] if _is_change(source)]
    parsed = [parse_group(each) for each in (*changes, *groups)]
    sources = [*sources[:1], *(each for each in sources[1:] if each not in changes)]
    labels = _labels(sources)
    variants = [
        Variant(label, kept[source].scenario, kept=kept[source])
        if source in kept
        else Variant(label, read(source, ()))
        for source, label in zip(sources, labels, strict=True)
    ]
    for group in parsed:
        first = variants[0].scenario
        if group.overlays:
            first = read(sources[0], group.overlays)
        variants.append(altered(group, first))
    return tuple(variants)


def _is_change(source: str) -> bool:
    """Return whether a source is no file but `none`, a library, PATH=VALUE, or has a name."""
    name, items = _named(source.strip())
    known = any(item == NONE or item.casefold() in LIBRARIES or "=" in item for item in items)
    return (known or bool(name)) and not _is_there(source)


def _labels(sources: Sequence[str]) -> list[str]:
    """Return what the sources are called: files by their stems where those differ."""
    stems = [_stem(source) for source in sources]
    return [
        stem if stems.count(stem) == 1 else source
        for source, stem in zip(sources, stems, strict=True)
    ]


def _stem(source: str) -> str:
    if source == "-":
        return "stdin"
    path = Path(source)
    return path.stem if path.suffix in (".yaml", ".yml", ".npz") else path.name or source


def coded_variants(variants: Sequence[Variant], clients: Mapping[str, str]) -> tuple[Variant, ...]:
    """Return the variants as they are run with code in the place of some groups' calls.

    Args:
        variants: what is compared.
        clients: the code of client groups, but for what a variant changes in it.

    Raises:
        StudyError: one has no such client group, or sets what is up to its code; or none is to
            be run.
        ClientError: code cannot be loaded, or does not take its arguments.
    """
    if clients and all(each.kept for each in variants):
        what = "clients' code is given, and every variant has been run before"
        raise StudyError(what, "leave the code out, or name a scenario")
    found = tuple(each if each.kept else _coded(each, clients) for each in variants)
    for code in {tuple(each.clients.items()) for each in found}:
        examined(dict(code))
    return found


def _coded(variant: Variant, clients: Mapping[str, str]) -> Variant:
    code = with_code(clients, variant.code)
    check_paths_beside(variant.scenario, variant.sets, code)
    return replace(variant, scenario=coded(variant.scenario, code), clients=code)


def check_variants(variants: Sequence[Variant], most: int = MOST_VARIANTS) -> None:
    """Check that variants can be compared: two of them, and at most `most`.

    Raises:
        StudyError: there are fewer than two or too many, two have one name, or they last
            differently long.
        ThresholdError: a threshold of one names what does not exist.
    """
    if not 2 <= len(variants) <= most:
        have = f"{len(variants)} variant{'s' if len(variants) != 1 else ''}"
        remedy = "name another scenario, or a change `--with none`"
        if len(variants) > 2:
            remedy = f"give at most {most}, or sweep"
        raise StudyError(f"there {'is' if len(variants) == 1 else 'are'} {have}", remedy)
    for place, variant in enumerate(variants):
        if not 0 < len(variant.name) <= LONGEST_NAME:
            what = f"the name {quoted(variant.name)} has {len(variant.name)} characters"
            raise StudyError(what, f"give 1 to {LONGEST_NAME}, as in `NAME: PATH=VALUE`")
        if variant.name in {each.name for each in variants[:place]}:
            what = f"two variants are called {quoted(variant.name)}"
            raise StudyError(what, "give one of them another name, as in `NAME: PATH=VALUE`")
        first = variants[0].scenario.duration
        if variant.scenario.duration != first:
            what = (
                f"{quoted(variant.name)} lasts {variant.scenario.duration:g} s, and "
                f"{quoted(variants[0].name)} {first:g} s"
            )
            raise StudyError(what, "give both the same duration, as with `--set duration=10m`")
        check_thresholds(variant.scenario.thresholds, variant.scenario)
