"""What a service answers whoever asks it over HTTP, without sockets and without waiting."""

from __future__ import annotations

import asyncio

import pytest
from test_live.stages import RESET, Theatre, played

from simcb.scenario import Scenario, parse_scenario

SCENARIO = """
name: payments
duration: 10m
clients: {shop: {arrivals: {kind: poisson, rate: 1/s}, calls: {payments: {timeout: 5s}}}}
services:
  payments: {workers: 2, queue: {limit: 1}, work: 100ms}
"""


def scenario(service: str = "", faults: str = "") -> Scenario:
    text = SCENARIO.replace("work: 100ms", f"work: 100ms{service}")
    return parse_scenario(text + (f"faults: [{faults}]" if faults else ""), "payments.yaml")


def test_it_works_as_long_as_the_file_says_and_counts_what_it_did() -> None:
    async def play(theatre: Theatre) -> None:
        assert await theatre.ask("payments") == (200, pytest.approx(0.1))
        both = [theatre.ask("payments") for _ in range(3)]
        waits = sorted(seconds for _, seconds in await asyncio.gather(*both))
        assert waits == pytest.approx([0.1, 0.1, 0.2])
        assert theatre.counts == {("payments", "ok"): 4}

    played(play, scenario())


def test_a_full_queue_refuses() -> None:
    async def play(theatre: Theatre) -> None:
        asked = [theatre.ask("payments") for _ in range(5)]
        statuses = sorted(str(status) for status, _ in await asyncio.gather(*asked))
        assert statuses == ["-1", "-1", "200", "200", "200"]
        assert theatre.counts["payments", "refused"] == 2

    played(play, scenario())


def test_a_fault_strikes_at_its_time_and_is_over_at_its_end() -> None:
    async def play(theatre: Theatre) -> None:
        assert (await theatre.ask("payments"))[0] == 200
        await asyncio.sleep(10)
        assert (await theatre.ask("payments", wait=5))[0] is None
        assert theatre.counts["payments", "gone"] == 1
        await asyncio.sleep(20)
        assert (await theatre.ask("payments"))[0] == 200

    played(play, scenario(faults="{kind: hang, on: payments, at: 10s, for: 20s}"))


def test_a_loss_takes_the_request_and_never_answers() -> None:
    async def play(theatre: Theatre) -> None:
        assert (await theatre.ask("payments", wait=60))[0] is None
        assert theatre.stage.world.replicas("payments")[0].busy == 0

    played(play, scenario(faults="{kind: loss, on: payments, at: 0s, for: 5m}"))


def test_admission_answers_429_and_says_when_to_come_again() -> None:
    async def play(theatre: Theatre) -> None:
        url = theatre.urls["payments"]
        assert (await theatre.client.get(url)).status_code == 200
        told = await theatre.client.get(url)
        assert told.status_code == 429
        assert told.headers["retry-after"] == "3"
        assert told.headers["retry-after-ms"] == "2500"

    rate = ", admit: {kind: rate, rate: 1/m, burst: 1, retry_after: 2.5s}"
    played(play, scenario(rate))


def test_a_fault_on_a_link_strikes_only_that_caller() -> None:
    """Whoever does not say who they are is the only client group that calls the service."""

    async def play(theatre: Theatre) -> None:
        assert (await theatre.ask("payments"))[0] == 500
        assert (await theatre.ask("payments", Caller="shop"))[0] == 500
        assert (await theatre.ask("payments", Caller="nobody"))[0] == 500
        assert (await theatre.ask("payments", Caller="admin"))[0] == 200

    text = SCENARIO.replace(
        "services:", "services:\n  admin: {workers: 1, work: 1ms, calls: {payments: {}}}"
    )
    link = "faults: [{kind: errors, on: shop->payments, rate: 100%, at: 0s, for: 5m}]"
    played(play, parse_scenario(text + link, "payments.yaml"))


def test_a_sticky_fault_strikes_the_same_users_each_time() -> None:
    async def play(theatre: Theatre) -> None:
        seen: dict[str, set[int | None]] = {}
        for user in map(str, range(12)):
            asked = [await theatre.ask("payments", User=user) for _ in range(4)]
            seen[user] = {status for status, _ in asked}
        assert all(len(statuses) == 1 for statuses in seen.values())
        assert set.union(*seen.values()) == {200, 500}

    fault = "{kind: errors, on: payments, rate: 100%, share: 50%, sticky: true, at: 0s, for: 9m}"
    played(play, scenario(faults=fault))


def test_a_replica_can_be_chosen() -> None:
    async def play(theatre: Theatre) -> None:
        for number in ("1", "1", "0", "7"):
            await theatre.ask("payments", Replica=number)
        assert (await theatre.ask("payments", wait=1, Replica="2"))[0] is None

    fault = "{kind: hang, on: payments, replicas: [2], at: 0s, for: 9m}"
    played(play, scenario(", replicas: 3", fault))


@pytest.mark.parametrize(
    ("action", "status", "seconds"),
    [("hang", None, 30.0), ("slow", 200, 1.0), ("stop", RESET, 0.0)],
)
def test_trouble_made_by_hand_lasts_until_it_is_healed(
    action: str, status: int | None, seconds: float
) -> None:
    async def play(theatre: Theatre) -> None:
        await asyncio.sleep(1)
        theatre.stage.sync()
        theatre.troubles.act("payments", action)
        theatre.troubles.act("payments", action)
        assert len(theatre.troubles.of("payments")) == 1
        asked = await theatre.ask("payments", wait=30)
        assert asked == (status, pytest.approx(seconds))
        theatre.stage.sync()
        theatre.troubles.act("payments", "heal")
        theatre.stage.arm()
        assert theatre.troubles.of("payments") == []
        assert await theatre.ask("payments") == (200, pytest.approx(0.1))
        assert theatre.stage.world.replicas("payments")[0].busy == 0

    played(play, scenario())


def test_healing_ends_what_the_scenario_has_in_force_and_not_what_is_to_come() -> None:
    async def play(theatre: Theatre) -> None:
        assert (await theatre.ask("payments"))[0] == 500
        theatre.troubles.act("payments", "heal")
        assert (await theatre.ask("payments"))[0] == 200
        await asyncio.sleep(60)
        assert (await theatre.ask("payments"))[0] == 500

    repeat = "repeat: {every: 1m, times: 3}"
    fault = f"{{kind: errors, on: payments, rate: 100%, at: 0s, for: 30s, {repeat}}}"
    played(play, scenario(faults=fault))
