"""A checkout that keeps working while its payment service does not.

    python -m simcb.integrations.demo

Two small services on this machine: payments, which fails now and then and can be stopped and
started, and a checkout that asks it through a guarded httpx client. Stop payments, and the
checkout answers in milliseconds: from the cache where it can, marked as degraded, and with
503 and `Retry-After` where it cannot. Start it, and the checkout recovers by itself.

The files are meant to be read: `checkout` is what an application would write, and the service
that fails; `serving` runs both, `__main__` is the command line.
"""
