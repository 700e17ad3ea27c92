"""Manifests that were tampered with, each by one seeded change, and all with a right checksum."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

from somewhere import somewhere

_OTHERS = (None, True, -1, 0, 3, 1.5, 1e999, 10**30, "", "shop", "success", [], {}, [[]], [1])


def forge(manifest: Path, number: int) -> str:
    """Change one place of a manifest, at any depth, and say which."""
    luck = random.Random(number)
    frame = json.loads(manifest.read_bytes())
    holder, key, place = somewhere(frame["study"], luck)
    way = luck.random()
    if way < 0.2:
        del holder[key]
        what = "is gone"
    elif way < 0.3 and isinstance(holder, list):
        holder.append(holder[key])
        what = "is there twice"
    elif way < 0.6 and isinstance(holder[key], str) and holder[key]:
        cut = luck.randrange(len(holder[key]))
        holder[key] = holder[key][:cut] + luck.choice(("", "x", "9")) + holder[key][cut + 1 :]
        what = f"has another sign at {cut}"
    else:
        holder[key] = luck.choice(_OTHERS)
        what = f"is {holder[key]!r}"
    text = json.dumps(frame["study"], sort_keys=True, ensure_ascii=True)
    frame["checksum"] = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    manifest.write_text(json.dumps(frame))
    return f"{number}: {place} {what}"
