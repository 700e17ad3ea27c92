"""The demo over real sockets: what a customer sees while payments goes down and comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from test_integrations.browser import CHROMIUM
from test_integrations.browser import browser as chromium
from test_integrations.redis_servers import redis_server

from simcb.integrations.demo.checkout import Settings, checkout_app, payments_app
from simcb.integrations.demo.serving import Service
from simcb.integrations.ports import PortError, listen
from simcb.integrations.redis import AsyncRedisStore

DEADLINE = 60.0
"""Seconds after which a test that waits for something gives up."""


def browser(address: str) -> httpx.Client:
    """Return a client of the checkout that waits for a bounded time."""
    # Without certificates, which take a tenth of a second to load and are not needed here.
    return httpx.Client(base_url=address, timeout=DEADLINE, verify=False)


@contextmanager
def shop(settings: Settings | None = None, *, flaky: float = 0.0) -> Iterator[httpx.Client]:
    """Run payments and the checkout on free ports, and give a client of the checkout."""
    quick = settings or Settings(recovery_timeout=0.2)
    service = Service(checkout_app(Service(payments_app(flaky=flaky)), quick))
    service.start()
    try:
        with browser(service.url) as client:
            yield client
    finally:
        service.stop()


def eventually(ask: Callable[[], httpx.Response], status: int, **body: object) -> httpx.Response:
    """Ask until the answer is as wanted; fail at the deadline with the last one."""
    until = time.monotonic() + DEADLINE
    pause = threading.Event()
    while True:
        answer = ask()
        if answer.status_code == status and body.items() <= answer.json().items():
            return answer
        if time.monotonic() > until:
            pytest.fail(f"still {answer.status_code} {answer.text}")
        pause.wait(0.01)


@pytest.fixture
def patient_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the checkout wait longer for a Redis that is there, on a machine that is busy."""
    usual = AsyncRedisStore.from_url
    monkeypatch.setattr(AsyncRedisStore, "from_url", partial(usual, timeout=DEADLINE))


def state(client: httpx.Client) -> str:
    name: str = client.get("/breakers").json()["payments"]["state"]
    return name


def test_the_whole_story_of_an_outage():
    """Fresh; remembered or 503 while payments is down; fresh again by itself."""
    with shop() as client:
        fresh = client.get("/checkout/ann")
        assert fresh.json() == {
            "customer": "ann",
            "methods": ["visa", "mastercard", "amex", "jcb"],
            "degraded": False,
        }
        assert "X-Degraded" not in fresh.headers
        assert client.post("/checkout/ann/pay").json() == {"customer": "ann", "charge": 1}

        assert client.post("/payments/stop").json() == {"running": False}
        remembered = [client.get("/checkout/ann") for _ in range(5)]
        for answer in remembered:
            assert answer.status_code == 200
            assert answer.headers["X-Degraded"] == "true"
            assert answer.json() == {**fresh.json(), "degraded": True}
        refused = [client.get("/checkout/bob"), client.post("/checkout/ann/pay")]
        for answer in refused:
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["Content-Type"] == "application/problem+json"
        assert state(client) in ("open", "half_open")

        assert client.post("/payments/start").json() == {"running": True}
        again = eventually(lambda: client.get("/checkout/ann"), 200, degraded=False)
        assert again.json() == fresh.json()
        assert state(client) == "closed"
        assert client.post("/checkout/ann/pay").json()["charge"] == 2


def test_a_customer_nobody_has_asked_for_gets_503_from_the_first_failure_on():
    """Also while the breaker is still closed and counting."""
    with shop(Settings(failure_threshold=2, recovery_timeout=60.0)) as client:
        client.post("/payments/stop")
        answers = [client.get("/checkout/ann") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [503] * 4
        waits = [int(answer.headers["Retry-After"]) for answer in answers]
        assert waits[:2] == [1, 1]
        assert all(30 < wait <= 60 for wait in waits[2:])
        assert answers[-1].json()["breaker"] == "payments"
        seen = client.get("/breakers").json()["payments"]
        assert (seen["state"], seen["failures"], seen["rejected"]) == ("open", 2, 2)


def test_its_page_shows_trouble_and_makes_and_ends_it():
    """Each button does what it says; the breaker, its changes and the outcomes are there."""
    with shop(Settings(failure_threshold=1, recovery_timeout=0.2, timeout=0.2)) as client:
        assert "text/html" in client.get("/").headers["Content-Type"]
        for action in ("hang", "slow", "stop"):
            client.post(f"/services/payments/{action}")
            assert client.get("/state").json()["services"][0]["trouble"] == action
            assert client.get("/checkout/bob").status_code == 503
            client.post("/services/payments/heal")
            assert client.get("/state").json()["services"][0]["trouble"] == ""
            eventually(lambda: client.get("/checkout/ann"), 200)
        seen = client.get("/state").json()
        assert seen["breakers"][0]["name"] == "payments"
        assert ["payments", "closed", "open"] in [event[1:] for event in seen["events"]]
        words = {word for _, counts in seen["steps"]["checkout"] for word in counts}
        assert {"ok", "refused"} <= words
        assert client.post("/services/nobody/stop").status_code == 404


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_its_page_works_in_a_browser(tmp_path: Path):
    """Its buttons make and end trouble, and the breaker that opens is on it."""
    settings = Settings(failure_threshold=1, recovery_timeout=0.2, timeout=0.2)
    with shop(settings) as client, chromium(tmp_path) as page:
        page.open(str(client.base_url))
        badge = "document.querySelector('.card .badge')?.textContent"
        assert page.until(f"{badge} === 'healthy' && {badge}")
        for action in ("hang", "slow", "stop"):
            page.click(f"{action} payments")
            assert page.until(f"{badge} === '{action}' && {badge}")
            assert client.get("/checkout/bob").status_code == 503
            page.click("heal payments")
            assert page.until(f"{badge} === 'healthy' && {badge}")
            eventually(lambda: client.get("/checkout/ann"), 200)
        changes = "[...document.querySelectorAll('#events li')].map(each => each.textContent)"
        assert page.until(f"({changes}).some(each => each.includes('closed → open'))")
        legend = "[...document.querySelectorAll('.legend')].map(each => each.textContent).join()"
        assert page.until(f"({legend}).includes('ok') && ({legend}).includes('refused')")


def test_an_open_breaker_answers_without_asking_payments():
    """One request reached for it and failed; the other twenty did not wait for it."""
    with shop(Settings(failure_threshold=1, recovery_timeout=60.0)) as client:
        client.post("/payments/stop")
        client.get("/checkout/ann")
        for _ in range(20):
            assert client.get("/checkout/ann").status_code == 503
        seen = client.get("/breakers").json()["payments"]
        assert (seen["admitted"], seen["rejected"]) == (1, 20)


def test_a_refused_customer_is_no_failure_of_payments():
    """A 404 goes to the client, and is an answer to the breaker."""
    with shop() as client:
        for _ in range(5):
            assert client.get("/checkout/nobody").status_code == 404
        seen = client.get("/breakers").json()["payments"]
        assert (seen["state"], seen["successes"], seen["failures"]) == ("closed", 5, 0)


def test_a_payment_service_that_stumbles_costs_customers_little():
    """One answer in three is a 500: known customers never notice more than the mark."""
    with shop(Settings(failure_threshold=3, recovery_timeout=0.02), flaky=0.33) as client:
        eventually(lambda: client.get("/checkout/ann"), 200)
        answers = [client.get("/checkout/ann") for _ in range(30)]
        degraded = [answer for answer in answers if answer.json()["degraded"]]
        assert {answer.status_code for answer in answers} == {200}
        assert 0 < len(degraded) < 30
        assert all(answer.headers["X-Degraded"] == "true" for answer in degraded)


def test_customers_names_do_not_choose_paths():
    """Slashes, dots and question marks stay inside the name."""
    with shop() as client:
        for name in ("..%2F..%2Fdocs", "a%3Fb%23c", "%E2%98%83"):
            answer = client.get(f"/checkout/{name}")
            assert answer.status_code in (200, 404)
            if answer.status_code == 200:
                assert answer.json()["methods"]


def test_changes_of_state_are_logged_and_counted(caplog):
    """A line per transition, and the same on /metrics for Prometheus."""
    with caplog.at_level("INFO", "simcb.demo"), shop() as client:
        client.get("/checkout/ann")
        client.post("/payments/stop")
        for _ in range(4):
            client.get("/checkout/ann")
        page = client.get("/metrics")
        client.post("/payments/start")
        eventually(lambda: client.get("/checkout/ann"), 200, degraded=False)
    assert page.headers["Content-Type"].startswith("text/plain")
    assert 'resilience4j_circuitbreaker_state{name="payments",state="closed"} 0.0' in page.text
    lines = [record.getMessage() for record in caplog.records if record.name == "simcb.demo"]
    assert lines[0] == "payments: closed -> open (consecutive_failures)"
    assert lines[-1] == "payments: half_open -> closed (probes_succeeded)"


@pytest.mark.usefixtures("patient_redis")
def test_answers_remembered_in_redis_survive_the_checkout():
    """Another process, started while payments is down, serves what this one has heard."""
    with redis_server() as server:
        settings = Settings(recovery_timeout=0.2, redis=server.url)
        with shop(settings) as client:
            assert client.get("/checkout/ann").json()["degraded"] is False
        with shop(settings) as client:
            client.post("/payments/stop")
            assert client.get("/checkout/ann").json()["degraded"] is True
            assert client.get("/checkout/bob").status_code == 503


@pytest.mark.usefixtures("patient_redis")
def test_with_redis_down_the_checkout_works_and_says_so_once(caplog):
    """The cache is a convenience: without it there are fresh answers, and 503."""
    with (
        redis_server() as server,
        shop(Settings(recovery_timeout=0.2, redis=server.url)) as client,
    ):
        assert client.get("/checkout/ann").status_code == 200
        server.stop()
        answers = [client.get("/checkout/ann") for _ in range(10)]
        assert {answer.json()["degraded"] for answer in answers} == {False}
        client.post("/payments/stop")
        assert client.get("/checkout/ann").status_code == 503
    complaints = [one for one in caplog.records if one.name.startswith("simcb.breaker")]
    assert len(complaints) == 1


def test_a_service_gives_its_port_back_and_takes_it_again():
    """Stopping closes the port; starting opens the same one; both may be said twice."""
    service = Service(payments_app())
    service.start()
    service.start()
    port = service.port
    service.stop()
    service.stop()
    assert not service.running
    with pytest.raises(httpx.ConnectError):
        httpx.get(service.url)
    with listen(port), pytest.raises(PortError, match=f"{port}.*choose another port with --port"):
        service.start()
    service.start()
    assert httpx.get(f"{service.url}/customers/ann/methods").status_code == 200
    service.stop()


# The command line.


@contextmanager
def demo(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the demo as a user would, and give the process and the address it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "simcb.integrations.demo", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().removeprefix("checkout on ").partition(",")[0]
        yield process, address
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE)


def test_one_command_runs_it_and_ctrl_c_ends_it():
    """The printed address answers; the log tells of the outage; the exit code is 0."""
    with demo("--recovery-timeout", "0.2", "--failure-threshold", "2") as (process, address):
        with browser(address) as client:
            assert client.get("/checkout/ann").json()["degraded"] is False
            client.post("/payments/stop")
            for _ in range(3):
                assert client.get("/checkout/ann").json()["degraded"] is True
            client.post("/payments/start")
            eventually(lambda: client.get("/checkout/ann"), 200, degraded=False)
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, log
    assert "payments: closed -> open (consecutive_failures)" in log
    assert "payments: half_open -> closed (probes_succeeded)" in log
    assert "Traceback" not in log


def test_it_can_start_with_payments_stopped():
    """The checkout does not need payments to come up."""
    with (
        demo("--stopped", "--recovery-timeout", "0.2") as (_, address),
        browser(address) as client,
    ):
        assert client.get("/checkout/ann").status_code == 503
        client.post("/payments/start")
        eventually(lambda: client.get("/checkout/ann"), 200, degraded=False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--failure-threshold", "0"], ["threshold", "0"]),
        (["--recovery-timeout", "nan"], ["recovery_timeout", "nan"]),
        (["--flaky", "2"], ["flaky", "2", "0 to 1"]),
        (["--redis", "localhost:6379"], ["url", "localhost:6379", "redis://"]),
        (["--port", "99999"], ["99999", "--port"]),
        (["--payments-port", "-1"], ["-1", "--payments-port"]),
    ],
)
def test_nonsense_on_the_command_line_is_one_sentence_and_exit_code_2(options, words, capsys):
    """The value, what would be allowed, and no traceback."""
    from simcb.integrations.demo.__main__ import main

    assert main(["--port", "0", *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(word in said for word in words)


def test_a_port_that_is_taken_is_said_before_anything_runs(capsys):
    """With the option that chooses another."""
    from simcb.integrations.demo.__main__ import main

    with listen(0) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "--port" in said
