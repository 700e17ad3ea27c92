"""What there is one of in a process, because everybody who has it shares its state.

A copy would hold half of that state: a bulkhead's places would be counted twice and given back
once. In another process there is nothing to share it with.
"""

from __future__ import annotations

from typing import NoReturn, SupportsIndex


class Shared:
    """Refuses to be copied and pickled."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled, because its state is shared: "
            "hand on the object itself, and build one in each process"
        )
