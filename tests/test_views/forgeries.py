"""Saved traces that were tampered with, each by one seeded change, and all still archives."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from somewhere import somewhere

from simcb.trace import TABLES

Arrays = dict[str, Any]

_NUMBERS = (-1, -(2**31), 0, 1, 7, 255, 2**31 - 1)
_MOMENTS = (np.nan, np.inf, -np.inf, -1.0, 0.0, 1e300, 39.9)
_JSON = (None, True, -1, 0, 3, 1.5, 1e999, 10**30, "", "shop", [], {}, [[]], [1], {"a": 1})


def forged(path: Path, target: Path, number: int) -> str:
    """Write a trace with one change to `target`, and say which."""
    luck = random.Random(number)
    with np.load(path) as data:
        arrays: Arrays = {name: data[name].copy() for name in data.files}
    change = luck.choice(_CHANGES)
    said = change(arrays, luck)
    np.savez_compressed(target, **arrays)
    return f"{number}: {said}"


def _a_cell(arrays: Arrays, luck: random.Random) -> str:
    table = luck.choice([each for each in TABLES if len(arrays[each.name])])
    rows = arrays[table.name]
    column, code, _ = luck.choice(table.columns)
    if code == "d":
        value: Any = luck.choice(_MOMENTS)
    else:
        bounds = np.iinfo(rows.dtype[column])
        value = min(max(luck.choice(_NUMBERS), bounds.min), bounds.max)
    where = slice(None) if luck.random() < 0.3 else luck.randrange(len(rows))
    rows[column][where] = value
    return f"{table.name}.{column}[{where}] = {value}"


def _rows(arrays: Arrays, luck: random.Random) -> str:
    table = luck.choice(TABLES)
    rows = arrays[table.name]
    way = luck.choice(("none", "half", "doubled", "reversed", "shuffled"))
    order = np.arange(len(rows))
    match way:
        case "none":
            order = order[:0]
        case "half":
            order = order[: len(rows) // 2]
        case "doubled":
            order = np.concatenate([order, order])
        case "reversed":
            order = order[::-1]
        case "shuffled":
            order = np.random.default_rng(luck.randrange(99)).permutation(order)
    arrays[table.name] = rows[order]
    return f"{table.name} {way}"


def _kind(arrays: Arrays, luck: random.Random) -> str:
    """Put an array of another kind in a table's or the header's place."""
    name = luck.choice([*arrays])
    rows = arrays[name]
    names = rows.dtype.names
    others: dict[str, Callable[[], Any]] = {
        "missing": lambda: None,
        "numbers": lambda: np.arange(5),
        "text": lambda: np.array(["a", "b"]),
        "single": lambda: np.array(3.5),
        "square": lambda: np.zeros((2, 2), dtype=rows.dtype),
        "nothing": lambda: np.zeros(0),
        "fewer columns": lambda: rows[[*names[:-1]]] if names else rows[:-9],
        "other widths": lambda: rows.astype([(n, "<f4") for n in names] if names else "<u4"),
        "big-endian": lambda: rows.astype(rows.dtype.newbyteorder(">")),
        "column-major": lambda: np.asfortranarray(np.zeros((3, 4), dtype=rows.dtype)),
    }
    way = luck.choice([*others])
    made = others[way]()
    if made is None:
        del arrays[name]
    else:
        arrays[name] = made
    return f"{name} {way}"


def _header(arrays: Arrays, luck: random.Random) -> str:
    """Change one place of the header, at any depth."""
    meta = json.loads(bytes(arrays["meta"]))
    holder, key, place = somewhere(meta, luck)
    way = luck.random()
    if way < 0.2:
        del holder[key]
        what = "is gone"
    elif way < 0.3 and isinstance(holder, list):
        holder.append(holder[key])
        what = "is there twice"
    else:
        holder[key] = luck.choice(_JSON)
        what = f"is {holder[key]!r}"
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    return f"{place} {what}"


def _scenario(arrays: Arrays, luck: random.Random) -> str:
    """Change the scenario that the trace says it is of."""
    meta = json.loads(bytes(arrays["meta"]))
    text: str = meta["scenario"]
    cut = luck.randrange(len(text))
    ways = {
        "cut": text[:cut],
        "flipped": text[:cut] + chr(33 + luck.randrange(90)) + text[cut + 1 :],
        "longer": text.replace("duration: 40s", "duration: 4000s"),
        "other names": text.replace("store", "depot"),
        "no faults": text[: text.index("faults:")] if "faults:" in text else "",
    }
    way = luck.choice([*ways])
    meta["scenario"] = ways[way]
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    return f"scenario {way} at {cut}"


def _depth(arrays: Arrays, luck: random.Random) -> str:
    """Nest the header deeper than any reader goes, or end it early."""
    depth = luck.choice((50, 5_000, 200_000))
    text = luck.choice((b"[" * depth, b"[" * depth + b"]" * depth, b'{"a":' * depth, b"", b"\xff"))
    arrays["meta"] = np.frombuffer(text, dtype=np.uint8)
    return f"a header of {len(text)} bytes, {depth} deep"


_CHANGES = (_a_cell, _a_cell, _rows, _kind, _header, _header, _header, _scenario, _depth)
