"""`simcb serve` as a user has it: ports, answers, the end, and what is refused."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from test_cli.commands import simcb
from test_integrations.browser import CHROMIUM, browser

from simcb.integrations.ports import listen

PAYMENTS = """
name: payments
duration: 10m
clients: {shop: {arrivals: {kind: poisson, rate: 1/s}, calls: {payments: {timeout: 5s}}}}
services:
  api: {workers: 2, work: 1ms, calls: {payments: {timeout: 1s, breaker: {failure_threshold: 1}}}}
  payments: {workers: 2, work: 1ms}
"""

DEADLINE = 60.0


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Serve as a user would, and give the process and the addresses it prints."""
    (folder / "payments.yaml").write_text(PAYMENTS)
    process = subprocess.Popen(
        [sys.executable, "-m", "simcb", "serve", "payments.yaml", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    try:
        assert process.stdout is not None
        assert "Ctrl-C stops it" in process.stdout.readline()
        lines = [process.stdout.readline().split() for _ in range(3)]
        yield process, dict(lines)
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE)


@pytest.mark.slow
def test_services_answer_at_their_ports_until_interrupted(tmp_path: Path) -> None:
    """Work, calls over HTTP, numbers, trouble by hand, and a quiet end."""
    with served(tmp_path) as (process, urls), httpx.Client(timeout=DEADLINE) as client:
        answer = client.post(f"{urls['api']}/any/path", content=b"x" * 100_000)
        assert answer.json() == {"service": "api", "outcome": "ok"}
        metrics = client.get(f"{urls['payments']}/metrics").text
        assert 'simcb_requests_total{outcome="ok",service="payments"} 1.0' in metrics
        assert 'simcb_workers{replica="0",service="payments"} 2.0' in metrics

        stop = f"{urls['page']}/services/payments/stop"
        assert client.post(stop).json() == {"service": "payments", "action": "stop"}
        with pytest.raises(httpx.TransportError):
            client.get(urls["payments"])
        assert [client.get(urls["api"]).status_code for _ in range(2)] == [503, 503]
        state = client.get(f"{urls['page']}/state").json()
        assert [each["trouble"] for each in state["services"]] == ["", "refuse"]
        (breaker,) = state["breakers"]
        assert (breaker["name"], breaker["state"]) == ("api.0->payments", "open")
        assert (breaker["failures"], breaker["rejected"]) == (1, 1)
        assert [event[1:] for event in state["events"]] == [["api.0->payments", "closed", "open"]]
        client.post(f"{urls['page']}/services/payments/heal")
        assert client.get(urls["payments"]).status_code == 200

        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, err
    assert err == ""
    assert out == "stopped\n  api: 1 ok, 2 error\n  payments: 2 ok, 2 refused\n"


@pytest.mark.slow
def test_only_the_page_itself_may_ask_the_page(tmp_path: Path) -> None:
    """Another site's page in the same browser can neither read nor press buttons."""
    with served(tmp_path) as (_, urls), httpx.Client(timeout=DEADLINE) as client:
        page = urls["page"]
        assert client.get(page, headers={"Host": "evil.test"}).status_code == 403
        foreign = {"Origin": "http://evil.test"}
        assert client.post(f"{page}/services/api/stop", headers=foreign).status_code == 403
        own = {"Origin": page}
        assert client.post(f"{page}/services/api/heal", headers=own).status_code == 200
        assert client.post(f"{page}/services/api/explode").status_code == 404
        assert client.post(f"{page}/services/nobody/stop").status_code == 404
        policy = client.get(page).headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_page_works_in_a_browser(tmp_path: Path) -> None:
    """Its policy lets its script and style act; services, trouble, breakers are on it."""
    with served(tmp_path) as (_, urls), httpx.Client(timeout=DEADLINE) as client:
        client.post(f"{urls['page']}/services/payments/stop")
        client.get(urls["api"])
        command = [CHROMIUM or "", "--headless=new", "--no-sandbox", "--disable-gpu"]
        command += ["--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}"]
        command += ["--virtual-time-budget=3000", "--dump-dom", urls["page"]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert "CONSOLE" not in done.stderr
    shown = done.stdout
    assert '<span class="badge good">healthy</span>' in shown
    assert '<span class="badge bad">refuse</span>' in shown
    assert '<span class="badge open">open</span>' in shown
    assert shown.count('<button type="button"') == 8
    assert 'aria-label="heal payments"' in shown
    assert "api.0-&gt;payments, closed → open" in shown
    assert 'class="error"' in shown


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_its_buttons_hang_slow_stop_and_heal_a_service(tmp_path: Path) -> None:
    """Each click changes the badge of that service alone, and what it answers."""
    with served(tmp_path) as (_, urls), browser(tmp_path) as page:
        page.open(urls["page"])
        badges = "[...document.querySelectorAll('.card .badge')].map(each => each.textContent)"

        def wait_for(*wanted: str) -> None:
            assert page.until(f"({badges}).join() === '{','.join(wanted)}' && {badges}")

        wait_for("healthy", "healthy")
        for button, trouble in (("hang", "hang"), ("slow", "latency"), ("stop", "refuse")):
            page.click(f"{button} payments")
            wait_for("healthy", trouble)
            page.click("heal payments")
            wait_for("healthy", "healthy")
        page.click("stop payments")
        wait_for("healthy", "refuse")
        with httpx.Client(timeout=DEADLINE) as client:
            assert client.get(urls["api"]).status_code == 503
        assert page.until("document.querySelector('.badge.open')?.textContent") == "open"
        assert "closed → open" in page.until("document.querySelector('#events li')?.textContent")
        page.click("heal payments")
        wait_for("healthy", "healthy")


def test_a_time_that_is_over_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "payments.yaml").write_text(PAYMENTS)
    done = simcb("serve", "payments.yaml", "--for", "10s", "--scale", "1000")
    assert done.exit_code == 0
    head, *lines = done.stdout.splitlines()
    assert head == "payments for 10s, 1000 times as fast; Ctrl-C stops it"
    for line, name in zip(lines[:3], ("page", "api", "payments"), strict=True):
        assert re.fullmatch(rf"  {name} +http://127\.0\.0\.1:\d+", line)
    assert lines[3:] == ["its time is over", "  api: nobody asked", "  payments: nobody asked"]


def test_a_port_that_is_taken_is_said_before_anything_runs() -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        done = simcb("serve", "flaky-payments", "--port", str(port))
    assert done.exit_code == 2
    assert done.stdout == ""
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--port", "65535"], ["65536", "each service needs one"]),
        (["--port", "-1"], ["-1", "0 to 65535"]),
        (["--host", "203.0.113.1"], ["203.0.113.1", "--host"]),
        (["--host", "nobody at home"], ["nobody at home", "--host"]),
        (["--for", "0s"], ["0s", "30s"]),
        (["--for", "soon"], ["soon", "30s"]),
        (["--scale", "0"], ["0", "0.01 to 1000"]),
        (["--scale", "nan"], ["nan", "0.01 to 1000"]),
    ],
)
def test_nonsense_is_one_sentence_and_exit_code_2(options: list[str], words: list[str]) -> None:
    done = simcb("serve", "flaky-payments", *options)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert all(word in done.stderr for word in words)
    assert "Traceback" not in done.stderr
