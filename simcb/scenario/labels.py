"""Labels: what a fault is called where it is not given a name of its own.

This module must not know models, marks or YAML: a fault may be any of these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator


def label_of(kind: str, on: str | None, name: str | None) -> str:
    """Return a fault's name, or else `kind:on`, or its kind alone."""
    return name or (kind if on is None else f"{kind}:{on}")


def numbered(labels: Iterable[str]) -> Iterator[str]:
    """Yield labels, with `#2`, `#3` behind later ones alike."""
    seen: Counter[str] = Counter()
    for label in labels:
        seen[label] += 1
        yield label if seen[label] == 1 else f"{label}#{seen[label]}"
