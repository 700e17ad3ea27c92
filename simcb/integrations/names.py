r"""Names on their way out: into metrics, answers and other programs, which all speak UTF-8.

A breaker may be named by what a stranger has sent, and JSON's `"\ud800"` is a string that no
encoding takes. Neither is that a reason to refuse the stranger's request, nor may one such
name make a whole page of metrics fail; so it is escaped where it leaves the process.
"""

from __future__ import annotations


def encodable(text: str) -> str:
    r"""Returns the text with halves of surrogate pairs, which UTF-8 refuses, as `\ud800`."""
    return text.encode("utf-8", "backslashreplace").decode()
