"""How a row is packed into a table; what a compiled build does without making numbers of Python's.

Both follow `simcb.trace.ATTEMPTS` and `simcb.trace.REQUESTS`.
"""

from __future__ import annotations

from simcb.trace import ATTEMPTS, REQUESTS


class Packer:
    """Writes rows: each method takes a table's bytes, the place in them, and the columns."""

    _pack_attempt = ATTEMPTS.row.pack_into
    _pack_request = REQUESTS.row.pack_into

    def _lengthen(self, table: bytearray, size: int) -> None:
        """Make a table so many bytes longer, whatever stands in them."""
        table += bytes(size)
