"""How long a payment notification takes in our part: signature, store, commit, settle, credit, receipt, commit."""

import hashlib
import json
import math
import statistics
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from flask import Flask
from sqlalchemy import select

from bench.grounds import SERVER_KEY, application
from minispod.integrations.midtrans import MidtransGateway
from minispod.kernel.database import db, session
from minispod.kernel.ids import new_id, new_ulid
from minispod.kernel.money import Rupiah
from minispod.kernel.tasks import Queue
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments.gateway import GatewayStatus, PaymentGroup
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.wallet import ledger
from minispod.wallet.models import Wallet

PATH = "/api/wallet/webhook/midtrans"
AMOUNT = 100_000


class _AtOnce(MidtransGateway):
    """The real adapter, but for the network: the gateway confirms without taking time."""

    def status(self, id: str) -> GatewayStatus:
        """Say that it is paid."""
        return GatewayStatus(
            found=True,
            transaction_id=id,
            transaction_status="settlement",
            gross_amount=AMOUNT,
            currency="IDR",
        )


class _Idle:
    """Carries nothing: what a worker does later is not measured."""

    def deliver(self, rows: Mapping[uuid.UUID, Queue]) -> None:
        """Leave the rows."""


def measure(url: str, count: int, at_once: int) -> None:
    """Print the spread of `count` notifications, one after the other and `at_once` at the same time."""
    app = application(url)
    ports = app.extensions["minispod.ports"]
    gateway = _AtOnce(
        server_key=SERVER_KEY, snap_base_url="http://127.0.0.1:1", core_base_url="http://127.0.0.1:1"
    )
    app.extensions["minispod.ports"] = replace(ports, gateway=gateway, courier=_Idle())
    print(f"Payment notifications ({count} each; the gateway's own time left out)")
    for threads in (1, at_once):
        taken = _send(app, _notices(app, count + threads * 5), threads)[threads * 5 :]
        middle, late = statistics.median(taken), sorted(taken)[math.ceil(len(taken) * 0.99) - 1]
        print(f"  {threads:>2} at a time   median {middle * 1000:7.1f} ms   p99 {late * 1000:7.1f} ms")
    with app.app_context():
        db.engine.dispose()
    print()


def _notices(app: Flask, count: int) -> list[bytes]:
    """Open that many top-ups of different customers, and write what the gateway will say about each."""
    made = []
    at = datetime.now(UTC)
    with app.app_context(), unit_of_work():
        for owner in session().scalars(select(Wallet.user_id).order_by(Wallet.user_id.desc()).limit(count)):
            order = f"TOPUP-{new_ulid()}"
            session().add(
                TopUp(
                    id=new_id(),
                    number=ledger.next_number(),
                    order_id=order,
                    user_id=owner,
                    amount=Rupiah(AMOUNT),
                    payment_group=PaymentGroup.QRIS,
                    state=TopUpState.PENDING,
                    expires_at=at + timedelta(hours=1),
                    reversed_amount=Rupiah(0),
                    created_at=at,
                    updated_at=at,
                )
            )
            made.append(_notice(order))
    return made


def _notice(order: str) -> bytes:
    signed = f"{order}200{AMOUNT}.00{SERVER_KEY}"
    return json.dumps(
        {
            "order_id": order,
            "status_code": "200",
            "gross_amount": f"{AMOUNT}.00",
            "signature_key": hashlib.sha512(signed.encode()).hexdigest(),
            "transaction_status": "settlement",
            "transaction_id": str(uuid.uuid4()),
            "payment_type": "qris",
            "currency": "IDR",
        }
    ).encode()


def _send(app: Flask, notices: Sequence[bytes], threads: int) -> list[float]:
    """Seconds per notification, in the order they were answered."""
    waiting, taken, lock = list(notices), [], threading.Lock()

    def work() -> None:
        client = app.test_client()
        while True:
            with lock:
                if not waiting:
                    return
                raw = waiting.pop()
            began = time.monotonic()
            answer = client.post(PATH, data=raw, content_type="application/json")
            seconds = time.monotonic() - began
            if answer.status_code != 200:
                raise RuntimeError(answer.get_data(as_text=True)[:300])
            with lock:
                taken.append(seconds)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return taken
