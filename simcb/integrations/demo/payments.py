"""The service that fails: says how a customer may pay, and takes payments.

It is only there to be asked and to be stopped; nothing in it knows of breakers.
"""

from __future__ import annotations

import random
from typing import Final

from fastapi import FastAPI, HTTPException

from simcb.breaker.settings import number

CARDS: Final = ("visa", "mastercard", "amex", "jcb")


def payments_app(*, flaky: float = 0.0, seed: int = 7) -> FastAPI:
    """Returns the payment service.

    Args:
        flaky: share of the requests, from 0 to 1, that end in a 500.
        seed: decides which ones.

    Raises:
        ParameterError: if `flaky` is no share.
    """
    number("flaky", flaky, 0.0, 1.0, "a share from 0 to 1")
    app = FastAPI(title="Payments")
    luck = random.Random(seed)
    charges = 0

    def stumble() -> None:
        if luck.random() < flaky:
            raise HTTPException(500, "the payment service stumbled")

    @app.get("/customers/{customer}/methods")
    async def methods(customer: str) -> dict[str, object]:
        stumble()
        if customer == "nobody":
            raise HTTPException(404, "no such customer")
        kept = len(customer) % len(CARDS) + 1
        return {"customer": customer, "methods": list(CARDS[:kept])}

    @app.post("/customers/{customer}/charges")
    async def charge(customer: str) -> dict[str, object]:
        nonlocal charges
        stumble()
        charges += 1
        return {"customer": customer, "charge": charges}

    return app
