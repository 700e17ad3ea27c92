"""Places: every value that a scenario has or could have, by its dotted path.

A path may be shortened to any ending that names one place. Fields that were left at their
default are places like those that were written; fields of an absent optional part, like a
call's `breaker`, come second: they are looked at only when no other place fits. Places inside
a part that says so, as `sweep` does, go by their whole path alone. This module must not know
YAML.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simcb.scenario.labels import label_of, numbered
from simcb.scenario.nodes import Entry, Items, Mark, Node, Scalar, Source, Tree, from_plain, plain
from simcb.scenario.part import Family, Part
from simcb.scenario.refusal import Refused, did_you_mean, quoted, shown
from simcb.scenario.shapes import (
    Entries,
    Kinds,
    Listing,
    Object,
    Shape,
    Slot,
    member,
    slots,
    to_data,
)

OF_THE_RUN = {"seed": "--seed", "baseline": "--baseline"}
"""What people look for in a scenario and how it is given instead."""


@dataclass(frozen=True)
class Step:
    """One part of a path.

    Args:
        key: the key or index.
        aliases: by which other words it may be called.
        implied: whether it may be left out in the middle of a path, as the index of an item
            that stands alone.
    """

    key: str | int
    aliases: tuple[str, ...] = ()
    implied: bool = False

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
    """A value's place.

    Args:
        steps: from the root of the file.
        absent: whether it belongs to an optional part that is not there.
        whole: whether it goes by its whole path alone.
        shape: what its value looks like, if it is known.
    """

    steps: tuple[Step, ...]
    absent: bool = False
    whole: bool = False
    shape: Shape | None = None

    @property
    def keys(self) -> tuple[str | int, ...]:
        """The keys and indices that lead to it."""
        return tuple(step.key for step in self.steps)

    @property
    def path(self) -> str:
        """The full dotted path."""
        return ".".join(str(key) for key in self.keys)

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
    """Return the one place that a path, whole or shortened, names.

    Raises:
        Refused: it names no place, or several; the message lists them.
    """
    words = path.split(".")
    every = list(places(root, shape))
    for absent in (False, True):
        fits = [(place, place.before(words)) for place in every if place.absent is absent]
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


def places(
    node: Node | None,
    shape: Shape,
    steps: tuple[Step, ...] = (),
    absent: bool = False,
    whole: bool = False,
) -> Iterator[Place]:
    """Yield every place below a written value, also where defaults stand."""
    match shape:
        case Entries(item) if isinstance(node, Tree):
            for name, entry in node.entries.items():
                yield from _at(entry.node, item, (*steps, Step(name)), absent, whole)
        case Listing(item) if isinstance(node, Items):
            alone = shape.lone and len(node.items) == 1
            for index, (one, label) in enumerate(zip(node.items, _labels(node), strict=True)):
                yield from _at(one, item, (*steps, Step(index, (label,), alone)), absent, whole)
        case Listing(item) if shape.lone:
            labels = tuple(_labels(Items((node,), node.mark))) if node else ()
            yield from _at(node, item, (*steps, Step(0, labels, True)), absent, whole)
        case Kinds(family):
            spelt = spelt_out(node, family)
            chosen = member(family, _kind(spelt))
            if chosen:
                yield from _words(spelt, chosen.part, steps, absent, whole)
            else:
                yield Place((*steps, Step("kind")), absent, whole)
        case Object(part):
            yield from _words(node, part, steps, absent, whole)


def spelt_out(node: Node | None, family: Family) -> Node | None:
    """Return a bare scalar that stands for a part as the mapping it means."""
    if not isinstance(node, Scalar) or node.value is None or not family.shorthand:
        return node
    kind, key = family.shorthand
    words = {"kind": Entry(node.mark, Scalar(kind, node.mark)), key: Entry(node.mark, node)}
    return Tree(words, node.mark)


def _at(
    node: Node | None, shape: Shape, steps: tuple[Step, ...], absent: bool, whole: bool
) -> Iterator[Place]:
    yield Place(steps, absent, whole, shape)
    yield from places(node, shape, steps, absent, whole)


def _words(
    node: Node | None, part: type[Part], steps: tuple[Step, ...], absent: bool, whole: bool
) -> Iterator[Place]:
    whole = whole or part.named_whole
    for word, slot in slots(part).items():
        here = (*steps, Step(word))
        inner = node.get(word) if isinstance(node, Tree) else None
        if inner is None:
            inner = _default(slot)
        missing = inner is None or (isinstance(inner, Scalar) and inner.value is None)
        yield Place(here, absent, whole, slot.shape)
        yield from places(None if missing else inner, slot.shape, here, absent or missing, whole)


def _default(slot: Slot) -> Node | None:
    """Return the part that stands where nothing is written, if one does."""
    default = slot.field.default
    if not isinstance(default, Part):
        return None
    return from_plain(to_data(default, slot.shape), Mark(Source("default")))


def _kind(node: Node | None) -> object:
    kind = node.get("kind") if isinstance(node, Tree) else None
    return kind.value if isinstance(kind, Scalar) else None


def _labels(node: Items) -> list[str]:
    """Return what each item of a list may be called: as a fault is, or nothing."""
    return list(numbered(_label(plain(item)) for item in node.items))


def _label(words: object) -> str:
    if not isinstance(words, dict) or "kind" not in words:
        return ""
    on, name = words.get("on"), words.get("name")
    return label_of(str(words["kind"]), None if on is None else str(on), str(name or ""))
