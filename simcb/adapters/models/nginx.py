"""nginx's `max_fails` and `fail_timeout` for one server of an upstream.

A server with so many failures is left out until *more* than the timeout has passed since the last;
then one call is let through, which starts the timeout anew for all others. A success forgets the
failures only if it came after such a check: between failures it forgets nothing until the timeout
has passed. Time is in whole seconds. It is meant with `per_replica: true`: nginx ignores both for
the only server of an upstream. A caller who leaves counts as nothing.
"""

from __future__ import annotations

from simcb.adapters.protocol import Adapter, CallFailed, Clock, Comparable, renamed


class Nginx:
    """A server of an upstream under nginx's passive checks.

    Args:
        clock: returns the simulated seconds.
        max_fails: failures from which it is left out; 0 for never.
        fail_timeout: seconds for which it is, and after which failures are forgotten.
    """

    def __init__(self, clock: Clock, max_fails: int = 1, fail_timeout: float = 10.0) -> None:
        self._clock = clock
        self._most = max_fails
        self._timeout = fail_timeout
        self._fails = 0
        self._failed_at = self._checked_at = 0
        self._trying = False

    @property
    def state(self) -> str:
        """`open` while it is left out, `half_open` while the one call is out."""
        if not self._most or self._fails < self._most:
            return "closed"
        return "half_open" if self._trying else "open"

    def enter(self) -> object:
        """Let the call through unless the server is left out."""
        now = int(self._clock())
        over = now - self._checked_at > self._timeout
        if self._most and self._fails >= self._most:
            if not over:
                return None
            self._trying = True
        if over:
            self._checked_at = now
        return self

    def leave(self, entry: object, error: BaseException | None) -> None:
        """Count a result, late ones as well."""
        if error is None:
            if self._failed_at < self._checked_at:
                self._fails, self._trying = 0, False
        elif isinstance(error, CallFailed):
            self._fails += 1
            self._trying = False
            self._failed_at = self._checked_at = int(self._clock())


ADAPTER = Adapter(
    "nginx",
    Nginx,
    "A model of nginx's max_fails and fail_timeout, for one server of an upstream (C).",
    model=True,
    comparable=Comparable(
        renamed("max_fails", "fail_timeout"),
        "counts failures that no check has cleared, not in a row",
    ),
    remark="lets one call through each time its timeout has passed",
)
