"""The command line of the demo: `python -m simcb.integrations.demo`.

Only the standard library is imported before the options are read, so `--help` works and a
missing library is named in one sentence.
"""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import suppress
from typing import Final

from simcb.errors import MissingExtraError, SimcbError

USAGE: Final = 2
MISSING_EXTRA: Final = 3

EXAMPLE: Final = """\
example:
  python -m simcb.integrations.demo --port 8000
  curl -i localhost:8000/checkout/ann                # fresh
  curl -X POST localhost:8000/payments/stop
  curl -i localhost:8000/checkout/ann                # remembered: X-Degraded: true
  curl -i -X POST localhost:8000/checkout/ann/pay    # 503, Retry-After
  curl localhost:8000/breakers
  curl -X POST localhost:8000/payments/start         # and it recovers by itself
"""


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m simcb.integrations.demo",
        description="A checkout that keeps working while its payment service does not.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=8000, help="port of the checkout on 127.0.0.1 (%(default)s)")
    add("--payments-port", type=int, default=0, help="port of payments (a free one)")
    add("--stopped", action="store_true", help="do not start payments")
    add("--flaky", type=float, default=0.0, help="share of payments' answers that are a 500")
    add("--redis", metavar="URL", help="remember answers in this Redis, not in the process")
    add("--failure-threshold", type=int, default=3, help="failures that open (%(default)s)")
    add("--recovery-timeout", type=float, default=5.0, help="seconds open (%(default)s)")
    return parser.parse_args(arguments)


def _serve(options: argparse.Namespace) -> None:
    try:
        import uvicorn

        from simcb.integrations.demo.checkout import Settings, checkout_app, payments_app
        from simcb.integrations.demo.serving import Service
        from simcb.integrations.ports import HOST, listen
    except ImportError as error:
        raise MissingExtraError(error.name or "a library", "demo") from error
    payments = Service(
        payments_app(flaky=options.flaky), options.payments_port, option="--payments-port"
    )
    settings = Settings(
        failure_threshold=options.failure_threshold,
        recovery_timeout=options.recovery_timeout,
        redis=options.redis,
    )
    app = checkout_app(payments, settings, start=False)
    with listen(options.port) as sock:
        if not options.stopped:
            payments.start()
        address = f"{HOST}:{sock.getsockname()[1]}"
        commands = EXAMPLE.split("\n", 2)[2].replace("localhost:8000", address)
        sys.stdout.write(f"checkout on http://{address}, Ctrl-C stops it; look at it, or try:\n")
        sys.stdout.write(commands)
        sys.stdout.flush()
        config = uvicorn.Config(app, log_level="warning", ws="none")
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run([sock])


def main(arguments: list[str] | None = None) -> int:
    """Runs the demo until it is interrupted, and returns the exit code."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        _serve(options)
    except SimcbError as error:
        sys.stderr.write(f"{error}\n")
        return MISSING_EXTRA if isinstance(error, MissingExtraError) else USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main())
