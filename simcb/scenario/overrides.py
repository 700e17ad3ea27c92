"""Changes from outside: overlays merged over a file, and single places set.

Both work on the written tree, before it is judged, so a changed scenario is checked exactly
as if the change stood in the file. Two things make room for it by themselves:

- a changed `kind` drops the words that the new kind does not know;
- a word drops its twin, the word that says the same in another way: `failure_threshold` takes
  the place of a `trip`, a `recovery` that of a `recovery_timeout`. Whatever is given later
  wins. If only something inside a long form is given, as by `recovery.factor`, what the file
  says in short is spelt out first, so that `recovery_timeout: 30s` goes on as
  `recovery: {timeout: 30s}`. A long form whose place the short one takes is gone whole.

Everything else stays. This module must not know YAML or any particular part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from simcb.scenario.nodes import Entry, Items, Node, Scalar, Tree
from simcb.scenario.part import Twins
from simcb.scenario.places import find_place, spelt_out
from simcb.scenario.shapes import Entries, Kinds, Listing, Object, Shape, member, slots


def merged(base: Node, over: Node, shape: Shape | None) -> Node:
    """Return a tree with another merged over it: mappings deeply, all else replaced whole."""
    if not isinstance(base, Tree) or not isinstance(over, Tree):
        return over
    shape = shape.item if isinstance(shape, Listing) and shape.lone else shape
    if isinstance(shape, Kinds):
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
    """Return the tree with the value at the one place that a path names.

    Raises:
        Refused: the path names no place, or several.
    """
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
    family = shape.family if isinstance(shape, Kinds) else None
    tree = spelt_out(node, family) if family else node
    if not isinstance(tree, Tree):
        tree = Tree({}, value.mark)
    if isinstance(shape, Kinds):
        new_kind = value if key == "kind" and not rest else None
        tree, shape = _of_kind(tree, new_kind, shape)
    tree = _with_room(tree, shape, str(key), value, inside=bool(rest))
    inside = _inside(shape, str(key)) or shape
    return tree.with_entry(str(key), _set(tree.get(key), inside, rest, value))


def _with_room(tree: Tree, shape: Shape | None, word: str, value: Node, *, inside: bool) -> Tree:
    """Return a part's tree without the twin of a word that is given, unless it is given as null.

    Args:
        tree: the part as it is written.
        shape: which part it is.
        word: what is given.
        value: its value, or what is set somewhere inside it.
        inside: whether something inside the word is given instead of the whole.
    """
    if not isinstance(shape, Object) or not (inside or _says_something(value)):
        return tree
    for twins in shape.part.twins:
        twin = twins.twin_of(word)
        written = tree.get(twin)
        if twin is None or not _says_something(written):
            continue
        short = twins.key and twin == twins.one
        if inside and short and isinstance(written, Scalar) and not _says_something(tree.get(word)):
            tree = tree.with_entry(word, _long_form(twins, written))
        tree = tree.without({twin})
    return tree


def _says_something(node: Node | None) -> bool:
    return node is not None and not (isinstance(node, Scalar) and node.value is None)


def _long_form(twins: Twins, short: Scalar) -> Tree:
    """Return the part that a short word stands for."""
    mark = short.mark
    words = {word: Entry(mark, Scalar(value, mark)) for word, value in twins.rest}
    return Tree({**words, twins.key: Entry(mark, short)}, mark)


def _of_kind(tree: Tree, new_kind: Node | None, shape: Kinds) -> tuple[Tree, Shape]:
    """Return a part's tree without the words that its new kind, if it gets one, lacks."""
    old = tree.get("kind")
    kind = new_kind if new_kind is not None else old
    chosen = member(shape.family, kind.value if isinstance(kind, Scalar) else None)
    if chosen is None:
        return tree, shape
    before = member(shape.family, old.value) if isinstance(old, Scalar) else None
    if new_kind is not None and before is not None and before != chosen:
        tree = tree.without(set(slots(before.part)) - set(slots(chosen.part)))
        # What the new kind lacks is missing where the kind is named.
        tree = replace(tree, mark=new_kind.mark)
    return tree, chosen


def _inside(shape: Shape | None, key: str) -> Shape | None:
    """Return the shape of what stands under a key."""
    match shape:
        case Object(part):
            slot = slots(part).get(key)
            return slot.shape if slot else None
        case Entries(item) | Listing(item):
            return item
    return None
