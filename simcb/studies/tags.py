"""Tags: what a user calls a study, key to value. They decide nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping

from simcb.scenario.refusal import quoted
from simcb.studies.run import StudyError

MOST_TAGS = 32
LONGEST_TAG = 200

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def checked_tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Return tags as a mapping of one's own.

    Raises:
        StudyError: a key is not of letters, digits and underscores, something is no text or too
            long, or there are too many.
    """
    found = dict(tags or {})
    for key, value in found.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise StudyError(f"the tag {key!r}: {value!r} is no text", "give strings")
        if not _KEY.fullmatch(key):
            what = f"the tag {quoted(key)} is not KEY=VALUE with a KEY of letters, digits and "
            raise StudyError(f"{what}underscores", "give env=prod")
        if max(len(key), len(value)) > LONGEST_TAG:
            raise StudyError(f"the tag {quoted(key)} is longer than {LONGEST_TAG}", "cut it")
    if len(found) > MOST_TAGS:
        raise StudyError(f"there are more than {MOST_TAGS} tags", "leave some out")
    return found
