"""What somebody changes while a scenario runs: the operator's cure in mid-incident.

A change sets places of the scenario, by the paths of `--set`, from a moment on. What stands there
afterwards is a scenario of its own, a stage, checked as if the change stood in the file. Only what
an operator can set while the system runs may be changed: `CHANGEABLE` says which words those are.
What is under way goes on as it began: a hedge whose wait has begun keeps it, and what a cache has
is served until the end that it was stored with, as memcached and Redis have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from simcb.scenario.faults import numbered
from simcb.scenario.fields import ByName, Model, Named, Shape
from simcb.scenario.paths import find_place, with_value
from simcb.scenario.problems import Location
from simcb.scenario.refusal import Refused, quoted
from simcb.scenario.scalars import Name, Seconds, Text, is_number, seen, word
from simcb.scenario.tree import Items, Node, Scalar, Tree, plain
from simcb.scenario.units import parse_duration

MOST_CHANGES = 100  # the most changes of one scenario
LONGEST_PATH = 1000  # the longest path of a change, in characters

Keys = tuple[str | int, ...]

NOT_RUN = frozenset({"changes", "faults", "thresholds", "sweep"})
"""Words of a scenario that are no part of the system that runs."""

OF_A_GROUP = (
    ("arrivals", "rate"),
    ("arrivals", "users"),
    ("arrivals", "think"),
    ("arrivals", "consumers"),
    ("arrivals", "redeliver"),
    ("arrivals", "pause_when"),
    ("arrivals", "poll"),
    ("deadline",),
    ("refresh",),
)
OF_A_CALL = (
    ("share",),
    ("timeout",),
    ("retry",),
    ("throttle",),
    ("rate_limit",),
    ("bulkhead", "max_concurrent"),
    ("bulkhead", "max_wait"),
    ("bulkhead", "queue"),
    ("breaker", "enabled"),
    ("breaker", "failure_threshold"),
    ("breaker", "recovery_timeout"),
    ("breaker", "trip"),
    ("breaker", "recovery"),
    ("breaker", "half_open"),
    ("breaker", "counts"),
    ("breaker", "ignores"),
    ("fallback", "hit_rate"),
    ("fallback", "cache", "ttl"),
    ("cache", "ttl"),
    ("cache", "coalesce"),
    ("hedge", "after"),
    ("hedge", "times"),
    ("hedge", "budget"),
)
OF_A_SERVICE = (
    ("replicas",),
    ("workers",),
    ("queue", "limit"),
    ("admit",),
    ("errors",),
    ("contention",),
    ("scale", "target"),
    ("scale", "least"),
    ("scale", "most"),
)
CHANGEABLE = {"clients": OF_A_GROUP, "services": OF_A_SERVICE}
"""What may change while a scenario runs, by the words behind a group's or a service's name."""

FROM_THE_START = {
    "bulkhead": "{max_concurrent: 1000000}",
    "breaker": "{enabled: false}",
    "fallback": "{hit_rate: 0%}",
    "hedge": "{after: 24h}",
    "cache": "{keys: 1000, ttl: 1us}",
    "scale": "{target: 60%, least: 3, most: 3}",
}
"""Parts that have to be there from the start, and how they are there to no effect."""

COME_AND_GO = {
    ("admit",): ("rate",),
    ("bulkhead", "limit"): (),
    ("retry", "budget"): ("token_bucket", "per_minute", "failure_tokens"),
}
"""Parts whose kinds may begin and end while it runs; all others have to be there from the start."""

ADAPTIVE = frozenset({"adaptive", "codel"})
"""Kinds of admission that find out by themselves how much they let in."""


class _Words(tuple[tuple[str, object], ...]):
    """A mapping that can be hashed."""

    __slots__ = ()


def frozen(value: object) -> object:
    """Return plain data as what nobody can change, or raise `Refused`."""
    if isinstance(value, Mapping):
        return _Words((str(key), frozen(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return value if isinstance(value, _Words) else tuple(frozen(item) for item in value)
    if value is None or isinstance(value, (bool, str)) or is_number(value):
        return value
    raise Refused(f"{seen(value)} is nothing to set", "write it as a file has it")


def thawed(value: object) -> object:
    """Return what `frozen` was given."""
    if isinstance(value, _Words):
        return {key: thawed(item) for key, item in value}
    return [thawed(item) for item in value] if isinstance(value, tuple) else value


Written = Annotated[
    Any,
    PlainValidator(frozen),
    PlainSerializer(thawed, return_type=object),
    WithJsonSchema({}),
]
"""A value as a file has it: a number, a flag, text, or a list or a mapping of such."""


class Change(Model):
    """What is set from `at` on.

    It is there before all else that happens at that moment but the beginnings and ends of faults.
    """

    named_whole: ClassVar[bool] = True

    at: Annotated[Seconds, word("when it is made, seconds", "5m")]
    set: Annotated[
        Mapping[str, Written],
        ByName(at_least=1, names=Text(most=LONGEST_PATH)),
        word(
            "what stands where from then on: a path, as in --set, and a value",
            "{retry.max_retries: 0}",
        ),
    ]
    name: Annotated[
        Annotated[str, Name()] | None, word("its name in tables and plots", "retries-off")
    ] = None

    @property
    def values(self) -> dict[str, object]:
        """What is set, as plain data."""
        return {path: thawed(value) for path, value in self.set.items()}

    @property
    def label(self) -> str:
        """Its name, or what it sets."""
        return label_of(self.name, self.set)


def label_of(name: str | None, paths: Iterable[str]) -> str:
    """Return a change's name or, if it has none, the paths it sets."""
    return name or "+".join(paths)


def labelled(changes: Sequence[Change]) -> tuple[tuple[str, Change], ...]:
    """Return changes in order of time, each with a label unique in the scenario.

    The label is the change's name or what it sets, with `#2`, `#3` for those alike that come
    later in the file.
    """
    labels = numbered(each.label for each in changes)
    return tuple((labels[place], change) for place, change in in_order(changes))


def change_labels(changes: Iterable[object]) -> list[str]:
    """Return the labels of changes in plain data."""
    return numbered(_written_label(each) for each in changes)


def _written_label(change: object) -> str:
    if not isinstance(change, Mapping):
        return ""
    name, paths = change.get("name"), change.get("set")
    return label_of(str(name or ""), map(str, paths) if isinstance(paths, Mapping) else ())


def rewritten(
    changes: Sequence[Change],
    where: Callable[[str], Keys],
    instead: Callable[[Keys, object], object],
) -> tuple[Change, ...]:
    """Return changes that set other values; one that sets nothing any more is left out.

    Args:
        changes: what is changed.
        where: where a path leads.
        instead: the value to set there instead of another; `...` for none.
    """
    found = []
    for change in changes:
        values = {path: instead(where(path), value) for path, value in change.set.items()}
        kept = {path: value for path, value in values.items() if value is not ...}
        if kept:
            found.append(change.model_copy(update={"set": Named(kept)}))
    return tuple(found)


def no_breaker(keys: Keys, value: object) -> object:
    """Return the value to set somewhere instead of one that would switch a breaker on there."""
    return False if keys[4:] == ("breaker", "enabled") else value


def in_order(changes: Sequence[Change]) -> list[tuple[int, Change]]:
    """Return changes in order of time, those of one moment as in the file, with their places."""
    return sorted(enumerate(changes), key=lambda each: each[1].at)


def staged(root: Tree, shape: Shape) -> Iterator[tuple[Location, Tree | Refused]]:
    """Yield what each change of a written scenario makes of it, in order of time.

    That is the place of the change, and the scenario as it then is; or the place of a path, and
    why it is refused. What is wrong with the words of a change itself is told by its model.
    """
    written = root.get("changes")
    if not isinstance(written, Items):
        return
    first = now = root.without(set(NOT_RUN))
    for place, change in sorted(enumerate(written.items), key=lambda each: _moment(each[1])):
        sets = change.get("set") if isinstance(change, Tree) else None
        location = ("changes", place, "set")
        for path, entry in sets.entries.items() if isinstance(sets, Tree) else ():
            try:
                keys = _keys(root, now, shape, path)
                _check(keys, path, now)
                _check_breaker(keys, path, now)
                now = with_value(now, path, entry.node, shape)
                _check_kinds(keys, path, first, now)
            except Refused as refused:
                yield (*location, path), refused
        yield location, now


def _keys(root: Tree, now: Tree, shape: Shape, path: str) -> Keys:
    """Return where a path leads in what runs or, if nowhere, in all of the scenario."""
    try:
        return find_place(now, shape, path).keys
    except Refused as refused:
        try:
            return find_place(root, shape, path).keys
        except Refused:
            raise refused from None


def _moment(change: Node) -> float:
    at = change.get("at") if isinstance(change, Tree) else None
    value = plain(at) if isinstance(at, Scalar) else None
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except Refused:
            return 0.0
    return float(value) if isinstance(value, (int, float)) else 0.0


def _check(keys: Keys, path: str, root: Tree) -> None:
    """Refuse a place that nobody can change while the system runs."""
    allowed, words = _words_of(keys)
    if not any(words[: len(each)] == each for each in allowed):
        inside = [each for each in allowed if words and each[: len(words)] == words]
        known = ", ".join(".".join(each) for each in inside or allowed)
        what = f"{quoted(path)} cannot change while the scenario runs"
        if not known:
            raise Refused(what, "set it from the start, outside of `changes`")
        raise Refused(what, f"what can, here, is: {known}")
    part = words[0]
    scale = _at(root, _owner(keys, words, "scale"))
    if words == ("replicas",) and isinstance(scale, Tree):
        raise Refused(
            f"{quoted(path)} is what its `scale` says while the scenario runs",
            "change `scale.least` or `scale.most`",
        )
    if part in FROM_THE_START and not isinstance(_at(root, _owner(keys, words, part)), Tree):
        raise Refused(
            f"there is no `{part}` before {quoted(path)} is set",
            f"give it one from the start that does nothing, like `{part}: {FROM_THE_START[part]}`",
        )


def _check_breaker(keys: Keys, path: str, root: Tree) -> None:
    """Refuse another package's breaker: only simcb's own changes and keeps its state."""
    _, words = _words_of(keys)
    if words[0] != "breaker" or words[1] == "enabled":
        return
    breaker = _at(root, _owner(keys, words, "breaker"))
    if isinstance(breaker, Tree) and breaker.get("use") is not None:
        raise Refused(
            f"{quoted(path)} is of a breaker of another package, which keeps its settings",
            "change `breaker.enabled`, or take simcb's own",
        )


def _check_kinds(keys: Keys, path: str, first: Tree, now: Tree) -> None:
    """Refuse a kind that would have to know of what was under way before it was there."""
    _, words = _words_of(keys)
    for part, free in COME_AND_GO.items():
        if part[0] != words[0]:
            continue
        where = _owner(keys, words, *part)
        before, after = (_kind(_at(root, where)) for root in (first, now))
        if after == before and before in ADAPTIVE and _at(first, where) != _at(now, where):
            raise Refused(
                f"{quoted(path)} finds its limit by itself, and cannot change while it does",
                "set it from the start, outside of `changes`",
            )
        if before != after and not {before, after} <= {None, *free}:
            kind = after if after not in (None, *free) else before
            raise Refused(
                f"{quoted(path)} would begin or end a `{'.'.join(part)}` of kind `{kind}` while "
                "the scenario runs, which counts what is under way",
                "let it be there from the start, with numbers that limit nothing, and change those",
            )


def _words_of(keys: Keys) -> tuple[Sequence[tuple[str, ...]], tuple[str, ...]]:
    """Return the words that may change where keys lead, and the words they lead to there."""
    part, *rest = (str(key) for key in keys)
    words = tuple(rest[1:])
    if words[:1] == ("calls",) and len(words) > 2:
        return OF_A_CALL, words[2:]
    return CHANGEABLE.get(part, ()), words


def _owner(keys: Keys, words: Sequence[str], *part: str) -> Keys:
    """Return where a part of the same group, call or service stands as some words."""
    return (*keys[: len(keys) - len(words)], *part)


def _at(root: Tree, keys: Keys) -> Node | None:
    node: Node | None = root
    for key in keys:
        node = node.get(key) if isinstance(node, Tree) else None
    return node


def _kind(node: Node | None) -> object:
    kind = node.get("kind") if isinstance(node, Tree) else None
    return kind.value if isinstance(kind, Scalar) else None
