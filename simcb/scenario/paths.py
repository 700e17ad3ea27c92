"""Places of a scenario by their dotted path, and changes made at them from outside.

A path may be shortened to any ending that names one place. Fields that were left at their
default are places like those that were written; fields of an absent optional model, like a
call's `breaker`, come second: they are looked at only when no other place fits. Places inside
a model that says so, as `sweep` does, go by their whole path alone.

Overlays and single changes work on the written tree, before it is validated, so a changed
scenario is checked exactly as if the change stood in the file. Two things make room for a change
by themselves:

- a changed `kind` drops the words that the new kind does not know;
- a word drops the one that says the same in another way: `failure_threshold` takes the place of
  a `trip`, a `recovery` that of a `recovery_timeout`. Whatever is given later wins. If only
  something inside a long form is given, as by `recovery.factor`, what the file says in short is
  spelt out first, so that `recovery_timeout: 30s` goes on as `recovery: {timeout: 30s}`. A long
  form whose place the short one takes is gone whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simcb.scenario.faults import written_labels
from simcb.scenario.fields import (
    Entries,
    Exclusive,
    Listing,
    Object,
    OneOf,
    Shape,
    fields,
)
from simcb.scenario.refusal import Refused, did_you_mean, quoted, shown
from simcb.scenario.tree import Entry, Items, Node, Scalar, Tree, plain

OF_THE_RUN = {"seed": "--seed", "baseline": "--baseline"}
"""What people look for in a scenario and how it is given instead."""


@dataclass(frozen=True)
class Step:
    """One step of a path; an implied one may be left out in the middle of it."""

    key: str | int
    aliases: tuple[str, ...] = ()  # by which other words it may be called
    implied: bool = False  # the index of an item that stands alone

    def taken(self, words: list[str]) -> int:
        """Return how many of the last words mean this step, 0 if they do not.

        A key may have dots of its own, as the path of an axis has.
        """
        key = str(self.key)
        if words[-1] == key or words[-1] in self.aliases:
            return 1
        count = key.count(".") + 1
        return count if count > 1 and words[-count:] == key.split(".") else 0


@dataclass(frozen=True)
class Place:
    """A value's place."""

    steps: tuple[Step, ...]  # from the root of the file
    absent: bool = False  # whether it belongs to an optional model that is not there
    whole: bool = False  # whether it goes by its whole path alone
    shape: Shape = None  # what its value looks like, if it is known

    @property
    def keys(self) -> tuple[str | int, ...]:
        """The keys and indices that lead to it."""
        return tuple(step.key for step in self.steps)

    @property
    def path(self) -> str:
        """The full dotted path."""
        return ".".join(str(key) for key in self.keys)

    def inside(self, step: Step, shape: Shape, *, whole: bool = False) -> Place:
        """Return the place one step further in."""
        return Place((*self.steps, step), self.absent, self.whole or whole, shape)

    def before(self, words: list[str]) -> int | None:
        """Return how many steps stand before an ending, None if the words are no ending."""
        left = len(self.steps)
        while words:
            last = left == len(self.steps)
            while not last and left and self._is_skipped(left - 1, words):
                left -= 1
            taken = self.steps[left - 1].taken(words) if left else 0
            if not taken:
                return None
            words = words[:-taken]
            left -= 1
        return None if self.whole and left else left

    def _is_skipped(self, index: int, words: list[str]) -> bool:
        step = self.steps[index]
        return step.implied and not step.taken(words)


def find_place(root: Tree, shape: Shape, path: str) -> Place:
    """Return the one place that a path, whole or shortened, names, or raise `Refused`."""
    words = path.split(".")
    for absent in (False, True):
        fits = [
            (place, place.before(words))
            for place in places(root, shape, _Wanted(words[-1], absent))
            if place.absent is absent
        ]
        found = [place for place, before in fits if before is not None]
        whole = [place for place, before in fits if before == 0]
        if len(found) == 1 or whole:
            return (whole or found)[0]
        if found:
            paths = "".join(f"\n    {place.path}" for place in found[:50])
            more = f"\n    and {len(found) - 50} more" if len(found) > 50 else ""
            raise Refused(
                f"{quoted(path)} names {len(found)} places", f"write one of:{paths}{more}"
            )
    every = places(root, shape)
    remedy = of_the_run(path) or _adding(words, every) or _nearest(words, every)
    raise Refused(f"{quoted(path)} names no place", remedy)


def of_the_run(path: str) -> str:
    """Say how to give what is no part of a scenario; nothing for all else."""
    option = OF_THE_RUN.get(path)
    return f"it belongs to the run and not to the scenario: write `{option}`" if option else ""


def _adding(words: list[str], every: list[Place]) -> str:
    """Say how to add to a table or a list, if a path names something new in one."""
    for cut in range(len(words) - 1, 0, -1):
        for place in every:
            if place.whole or place.before(words[:cut]) is None:
                continue
            new = words[cut]
            inside = {str(each.keys[-1]) for each in every if each.keys[:-1] == place.keys}
            match place.shape:
                case Listing() if new.isdigit() and new not in inside:
                    return f"adding to `{place.path}` needs `-f overlay.yaml` with the whole list"
                case Entries() if new not in inside and not did_you_mean(new, inside):
                    return f"adding to `{place.path}` needs `-f overlay.yaml`"
    return ""


def _nearest(words: list[str], every: list[Place]) -> str:
    """Say which place a path resembles most."""
    # An ending of several places means the one that may be shortened to it.
    endings: dict[str, str] = {}
    for place in sorted(every, key=lambda place: not place.whole):
        ending = ".".join(str(key) for key in place.keys[-len(words) :])
        endings[ending] = place.path if place.whole else ending
    meant = did_you_mean(".".join(words), endings) or did_you_mean(
        words[-1], {str(place.keys[-1]) for place in every if not place.whole}
    )
    if meant:
        return f"did you mean `{shown(endings.get(meant, meant))}`?"
    return "write the words of the file from the outside in, like `services.NAME.workers`"


@dataclass(frozen=True)
class _Wanted:
    """Which places are looked for: a scenario has hundreds, and a path names one.

    Args:
        word: the last word of a path; words of models that are others are left out.
        absent: whether those inside models that are not there are wanted, too.
    """

    word: str | None = None
    absent: bool = True

    def has(self, word: str) -> bool:
        """Tell whether a model's word may be what a path ends with."""
        return self.word is None or self.word == word


_EVERYTHING = _Wanted()


def places(root: Node | None, shape: Shape, wanted: _Wanted = _EVERYTHING) -> list[Place]:
    """Return the places below a written value, also where defaults stand.

    A call whose breaker is another's, by a group, has no settings of it.
    """
    found: list[Place] = []
    _gather(root, Place((), shape=shape), found, wanted)
    others = _followers(root)
    if not others:
        return found
    return [
        place
        for place in found
        if len(place.keys) <= 5 or place.keys[:5] not in others or place.keys[5] == "group"
    ]


def _followers(root: Node | None) -> set[tuple[str | int, ...]]:
    """Return the places of breakers that say the name of a group alone, after its first call."""
    found: set[tuple[str | int, ...]] = set()
    for key in ("clients", "services"):
        callers = root.get(key) if isinstance(root, Tree) else None
        for caller, entry in callers.entries.items() if isinstance(callers, Tree) else ():
            calls = entry.node.get("calls") if isinstance(entry.node, Tree) else None
            seen: set[object] = set()
            for name, each in calls.entries.items() if isinstance(calls, Tree) else ():
                breaker = each.node.get("breaker") if isinstance(each.node, Tree) else None
                group = breaker.get("group") if isinstance(breaker, Tree) else None
                if isinstance(group, Scalar) and group.value is not None:
                    if group.value in seen:
                        found.add((key, caller, "calls", name, "breaker"))
                    seen.add(group.value)
    return found


def _gather(node: Node | None, at: Place, found: list[Place], wanted: _Wanted) -> None:
    """Add the places below one, in the order of the file and of the models' words."""
    match at.shape:
        case Entries(item) if isinstance(node, Tree):
            for name, entry in node.entries.items():
                _gather_with(entry.node, at.inside(Step(name), item), found, wanted)
        case Listing(item, lone) if isinstance(node, Items):
            implied = lone and len(node.items) == 1
            for index, (one, label) in enumerate(zip(node.items, _labels(node), strict=True)):
                _gather_with(one, at.inside(Step(index, (label,), implied), item), found, wanted)
        case Listing(item, lone) if lone:
            labels = tuple(_labels(Items((node,), node.mark))) if node else ()
            _gather_with(node, at.inside(Step(0, labels, True), item), found, wanted)
        case OneOf() as one_of:
            spelt = spelt_out(node, one_of)
            kind = spelt.get("kind") if isinstance(spelt, Tree) else None
            chosen = one_of.chosen(kind.value if isinstance(kind, Scalar) else None)
            if chosen:
                _gather(spelt, replace(at, shape=chosen), found, wanted)
            elif wanted.has("kind"):
                found.append(at.inside(Step("kind"), None))
        case Object(model):
            for word, field in fields(model).items():
                inner = node.get(word) if isinstance(node, Tree) else None
                inner = field.default if inner is None else inner
                there = _says_something(inner)
                deeper = field.shape is not None and (there or wanted.absent)
                if not deeper and not wanted.has(word):
                    continue
                here = at.inside(Step(word), field.shape, whole=model.named_whole)
                if wanted.has(word):
                    found.append(here)
                if deeper:
                    here = here if there else replace(here, absent=True)
                    _gather(inner if there else None, here, found, wanted)


def _gather_with(node: Node | None, place: Place, found: list[Place], wanted: _Wanted) -> None:
    found.append(place)
    _gather(node, place, found, wanted)


def spelt_out(node: Node | None, one_of: OneOf) -> Node | None:
    """Return a bare scalar that stands for a model as the mapping it means."""
    if not isinstance(node, Scalar) or node.value is None or not one_of.shorthand:
        return node
    kind, key = one_of.shorthand
    words = {"kind": Entry(node.mark, Scalar(kind, node.mark)), key: Entry(node.mark, node)}
    return Tree(words, node.mark)


def _labels(node: Items) -> list[str]:
    """Return what each item of a list may be called: as a fault is, or nothing."""
    return written_labels(plain(item) for item in node.items)


def merged(base: Node, over: Node, shape: Shape) -> Node:
    """Return a tree with another merged over it: mappings deeply, all else replaced whole."""
    if not isinstance(base, Tree) or not isinstance(over, Tree):
        return over
    shape = shape.item if isinstance(shape, Listing) and shape.lone else shape
    if isinstance(shape, OneOf):
        base, shape = _of_kind(base, over.get("kind"), shape)
    for key, entry in over.entries.items():
        base = _with_room(base, shape, key, entry.node, inside=isinstance(entry.node, Tree))
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        known = entries.get(key)
        if known:
            node = merged(known.node, entry.node, _inside(shape, key))
            # A merged mapping is still the file's; whatever else comes from the overlay.
            entry = replace(known if node.mark == known.node.mark else entry, node=node)
        entries[key] = entry
    return replace(base, entries=entries)


def with_value(root: Tree, path: str, value: Node, shape: Shape) -> Tree:
    """Return the tree with the value at the one place that a path names, or raise `Refused`."""
    place = find_place(root, shape, path)
    changed_root = _set(root, shape, place.keys, value)
    return changed_root if isinstance(changed_root, Tree) else root


def _set(node: Node | None, shape: Shape, keys: Sequence[str | int], value: Node) -> Node:
    """Return a value with another set somewhere inside, making what is not there yet."""
    if not keys:
        return value
    key, *rest = keys
    if isinstance(node, Items) and isinstance(key, int):
        inside = _inside(shape, str(key)) or shape
        items = list(node.items)
        items[key] = _set(items[key], inside, rest, value)
        return replace(node, items=tuple(items))
    if isinstance(shape, Listing) and shape.lone and isinstance(key, int):
        return _set(node, shape.item, rest, value)
    tree = spelt_out(node, shape) if isinstance(shape, OneOf) else node
    if not isinstance(tree, Tree):
        tree = Tree({}, value.mark)
    if isinstance(shape, OneOf):
        new_kind = value if key == "kind" and not rest else None
        tree, shape = _of_kind(tree, new_kind, shape)
    tree = _with_room(tree, shape, str(key), value, inside=bool(rest))
    inside = _inside(shape, str(key)) or shape
    return tree.with_entry(str(key), _set(tree.get(key), inside, rest, value))


def _with_room(tree: Tree, shape: Shape, word: str, value: Node, *, inside: bool) -> Tree:
    """Return a model's tree without what a word, or something inside it, excludes if given."""
    if not isinstance(shape, Object) or not (inside or _says_something(value)):
        return tree
    for pair in shape.model.exclusive:
        other = pair.excluded_by(word)
        written = tree.get(other)
        if other is None or not _says_something(written):
            continue
        short = pair.key and other == pair.one
        if inside and short and isinstance(written, Scalar) and not _says_something(tree.get(word)):
            tree = tree.with_entry(word, _long_form(pair, written))
        tree = tree.without({other})
    return tree


def _says_something(node: Node | None) -> bool:
    return node is not None and not (isinstance(node, Scalar) and node.value is None)


def _long_form(pair: Exclusive, short: Scalar) -> Tree:
    """Return the model that a short word stands for."""
    mark = short.mark
    words = {word: Entry(mark, Scalar(value, mark)) for word, value in pair.rest}
    return Tree({**words, pair.key: Entry(mark, short)}, mark)


def _of_kind(tree: Tree, new_kind: Node | None, shape: OneOf) -> tuple[Tree, Shape]:
    """Return a model's tree without the words that its new kind, if it gets one, lacks."""
    old = tree.get("kind")
    kind = new_kind if new_kind is not None else old
    chosen = shape.chosen(kind.value if isinstance(kind, Scalar) else None)
    if chosen is None:
        return tree, shape
    before = shape.chosen(old.value) if isinstance(old, Scalar) else None
    if new_kind is not None and before is not None and before != chosen:
        tree = tree.without(set(fields(before.model)) - set(fields(chosen.model)))
        # What the new kind lacks is missing where the kind is named.
        tree = replace(tree, mark=new_kind.mark)
    return tree, chosen


def _inside(shape: Shape, key: str) -> Shape:
    """Return the shape of what stands under a key."""
    match shape:
        case Object(model):
            field = fields(model).get(key)
            return field.shape if field else None
        case Entries(item) | Listing(item):
            return item
    return None
