"""Where a forger changes a document: one place of it, at any depth."""

from __future__ import annotations

import random
from typing import Any


def somewhere(document: Any, luck: random.Random) -> tuple[Any, Any, str]:
    """Return a mapping or list in a document, a key or index of it, and the way there in words."""
    holder, place = document, []
    while True:
        keys = [*holder] if isinstance(holder, dict) else [*range(len(holder))]
        key = luck.choice(keys)
        place.append(str(key))
        deeper = holder[key]
        if not isinstance(deeper, dict | list) or not deeper or luck.random() < 0.15:
            return holder, key, ".".join(place)
        holder = deeper
