"""One of each trouble that a morning may bring, for the tasks of an administrator."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask
from sqlalchemy import text

from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.proof import history
from minispod.proof.proving import prove
from tests.browser import furniture
from tests.factories.payments import Levers
from tests.plugins.app import data_of
from tests.plugins.scene import Scene
from tests.plugins.shop import Shop

WHY = "The image could not be pulled: no such tag."


@dataclass(frozen=True, slots=True)
class Troubles:
    """Whom and what they are about."""

    never_ran: uuid.UUID
    order_of: uuid.UUID
    held_id: uuid.UUID
    held_number: str
    copied_name: str


def make_troubles(
    app: Flask,
    scene: Scene,
    shop: Shop,
    levers: Levers,
    clock: FrozenClock,
) -> Troubles:
    """An order that never ran, a payment of another sum than asked for, a wallet that does not add up."""
    with app.app_context():
        plan = furniture.plan_of("wordpress")
    order = shop.order(scene.another, plan)
    instance = shop.look(order)[1].id
    fail(app, instance, clock)
    topup, number = _held_payment(app, scene, levers)
    with app.app_context():
        with unit_of_work():
            session().execute(text("SET LOCAL session_replication_role = replica"))
            spoil = text("UPDATE wallets SET balance = balance + 7 WHERE user_id = :who")
            session().execute(spoil, {"who": scene.deactivated.id})
        clock.advance(minutes=1)
        found = prove(clock.now())
        with unit_of_work():
            history.record(found, cause="night", asked_by="the clock", actor=system("proof"))
    return Troubles(instance, order, topup, number, scene.ids["instance_name"][1])


def fail(app: Flask, instance_id: uuid.UUID, clock: FrozenClock) -> None:
    """All attempts were used up, and someone may try again until tomorrow."""
    with app.app_context(), unit_of_work():
        instance = session().get_one(Instance, instance_id)
        instance.status, instance.last_error = InstanceStatus.ERROR, WHY
        instance.repair_until = clock.now() + timedelta(hours=20)


def _held_payment(app: Flask, scene: Scene, levers: Levers) -> tuple[uuid.UUID, str]:
    client, headers = app.test_client(), scene.customer.headers
    body = {"amount": 100_000, "paymentMethod": "QRIS"}
    opened = data_of(client.post("/api/wallet/topup", json=body, headers=headers), 201)["transaction"]
    levers.event(levers.choose(opened["snapToken"]), "pay")
    levers.fault("wrong_amount", amount=90_000)
    path = f"/api/wallet/transactions/{opened['transactionId']}/status"
    assert client.get(path, headers=headers).status_code == 200
    with app.app_context():
        held = session().get_one(TopUp, uuid.UUID(opened["transactionId"]))
        assert held.state is TopUpState.REVIEW
        return held.id, held.custom_id
