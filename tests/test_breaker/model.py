"""A second opinion on the breaker: the contract in the plainest words, with lists and scans.

It shares no code and no idea with the real one: it keeps every outcome for ever and works
everything out anew each time.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class ModelRule:
    """One trip rule: `kind` is consecutive, in_window, rate or slow."""

    kind: str
    threshold: int = 0
    rate: float = 0.0
    calls: int | None = None
    window: float | None = None
    minimum: int = 1
    slow: float = 0.0

    def trips(self, log: list[tuple[float, bool, float]], now: float) -> bool:
        if self.kind == "consecutive":
            tail = log[-self.threshold :]
            return len(tail) == self.threshold and all(failed for _, failed, _ in tail)
        inside = [entry for entry in log if self.window is None or now - entry[0] < self.window]
        if self.calls is not None:
            inside = inside[-self.calls :]
        if self.kind == "in_window":
            return sum(failed for _, failed, _ in inside) >= self.threshold
        counted = sum(
            took >= self.slow if self.kind == "slow" else failed for _, failed, took in inside
        )
        return len(inside) >= self.minimum and counted / len(inside) >= self.rate


@dataclass
class ModelPermit:
    generation: int
    granted: float
    settled: bool = False


@dataclass
class Model:
    rules: list[ModelRule]
    timeout: float
    factor: float
    longest: float
    probes: int
    successes: int
    lease: float
    state: str = "closed"
    forced: str = ""
    generation: int = 1
    deadline: float = 0.0
    wait: float = 0.0
    succeeded: int = 0
    out: list[ModelPermit] = field(default_factory=list)
    log: list[tuple[float, bool, float]] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("admitted", "rejected", "success", "failure", "ignored", "stale"), 0
        )
    )

    def go(self, state: str, forced: str = "") -> None:
        self.state, self.forced = state, forced
        self.generation += 1
        self.log, self.out, self.succeeded = [], [], 0

    def open(self, now: float, again: bool) -> None:
        self.wait = min(self.wait * self.factor, self.longest) if again else self.timeout
        self.deadline = now + self.wait
        self.go("open")

    def notice(self, now: float) -> None:
        """A lease that has run out is a failed probe."""
        if self.state == "half_open" and any(now >= one.granted + self.lease for one in self.out):
            self.open(now, again=True)

    def acquire(self, now: float) -> ModelPermit | None:
        self.notice(now)
        if self.state == "open" and not self.forced and now >= self.deadline:
            self.go("half_open")
        blocked = self.state == "open" or (
            self.state == "half_open" and len(self.out) >= self.probes
        )
        if blocked:
            self.counts["rejected"] += 1
            return None
        self.counts["admitted"] += 1
        permit = ModelPermit(self.generation, now)
        if self.state == "half_open":
            self.out.append(permit)
        return permit

    def settle(self, permit: ModelPermit, outcome: str, now: float) -> None:
        if permit.settled:
            return
        permit.settled = True
        self.notice(now)
        if permit.generation != self.generation:
            self.counts["stale"] += 1
            return
        self.counts[outcome] += 1
        took = now - permit.granted
        if self.state == "half_open":
            self.out.remove(permit)
            slow = any(rule.kind == "slow" and took >= rule.slow for rule in self.rules)
            if outcome == "failure" or (outcome == "success" and slow):
                self.open(now, again=True)
            elif outcome == "success":
                self.succeeded += 1
                if self.succeeded >= self.successes:
                    self.go("closed")
        elif outcome != "ignored" and self.forced != "closed":
            self.log.append((now, outcome == "failure", took))
            failed_now = outcome == "failure"
            if self.forced != "count" and any(
                rule.trips(self.log, now)
                for rule in self.rules
                if failed_now or rule.kind != "consecutive"
            ):
                self.open(now, again=False)
