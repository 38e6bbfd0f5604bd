"""What a payment that comes in sends to the database."""

import pytest

from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments import notices, settling
from minispod.payments.gateway import GatewayStatus, Notice
from tests.factories.payments import PAYER, TESTER, put_topup
from tests.factories.statements import asked, touched
from tests.plugins.app import MERCHANT, Person


@pytest.mark.usefixtures("context")
def test_a_settled_payment_is_thirteen_messages_and_its_books_are_one_of_them(
    customer: Person, clock: FrozenClock
) -> None:
    order_id = put_topup(customer.id, at=clock.now()).order_id
    notice = Notice(
        order_id, PAYER, "settlement", None, "200", 100_000, "IDR", MERCHANT, None, None, "d" * 64, {}
    )
    said = GatewayStatus(True, transaction_id=PAYER, transaction_status="settlement", gross_amount=100_000)
    db.session.remove()

    with asked("") as messages:
        with unit_of_work():
            kept = notices.keep(notice, at=clock.now())
        assert kept is not None
        with unit_of_work():
            settling.settle_notice(kept, said, merchant_id=MERCHANT, actor=TESTER, at=clock.now())

    assert [touched(statement) for statement, _ in messages] == [
        [],  # how long the transaction may wait
        ["gateway_notices"],
        [],
        ["topups"],
        ["topups"],
        ["wallets", "ledger_entries"],
        ["outbox"],
        ["papers"],
        ["topups"],
        ["users"],
        ["notifications"],
        ["audit_entries", "audit_entries", "outbox", "outbox"],
        ["gateway_notices"],
    ]
