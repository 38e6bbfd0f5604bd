"""What the acts hand to the post office, kind by kind, as staff look at mails and as tests read them.

Some kinds have more than one shape. Nobody in here exists.
"""

from typing import Any

from minispod.notifications.messages import MessageKind

SUBSCRIPTION: dict[str, Any] = {
    "service": "n8n Automation",
    "plan": "Basic",
    "price": 50_000,
    "ends_on": "2026-02-28",
    "instance_id": "019a0000-0000-7000-8000-000000000001",
    "url": "https://n8n-k3f9.n8n-automation.minispod.localhost",
    "subscription_id": "019a0000-0000-7000-8000-000000000002",
}
DOMAIN: dict[str, Any] = {
    "host": "toko-büku.example",
    "url": "https://xn--toko-bku-q4a.example",
    "own_address": "https://n8n-k3f9.n8n-automation.minispod.localhost",
    "service": "n8n",
    "reason": "There is no TXT record at _minispod.xn--toko-bku-q4a.example yet; add one with the value minispod-0123.",
    "reason_id": "Belum ada catatan TXT di _minispod.xn--toko-bku-q4a.example; tambahkan dengan nilai minispod-0123.",
}
ACCESS = "Open https://n8n-k3f9.n8n-automation.minispod.localhost and create the owner account."
REASON = "The image docker.io/n8nio/n8n:1 cannot be pulled."

ALERT: dict[str, Any] = {
    "subject": "Instance n8n-k3f9 failed",
    "sentence": f"{REASON} Customer: Siti <siti@example.com>.",
    "judul": "Instans n8n-k3f9 gagal",
    "kalimat": f"{REASON} Pelanggan: Siti <siti@example.com>.",
    "path": "/admin/alerts/01a1",
}
SAMPLES: tuple[tuple[MessageKind, dict[str, Any]], ...] = (
    (MessageKind.WELCOME, {"url": "http://localhost:3100"}),
    (
        MessageKind.TOPUP_RECEIPT,
        {
            "number": "TXMP-104",
            "amount": 1_250_000,
            "fee": 4_440,
            "balance": 1_300_000,
            "payment_type": "bank_transfer",
            "paid_at": "2026-01-31T03:15:00.123456+00:00",
        },
    ),
    (
        MessageKind.TOPUP_RECEIPT,
        {
            "number": "TXMP-105",
            "amount": 10_000,
            "fee": 0,
            "balance": -5_000,
            "payment_type": None,
            "paid_at": "2026-01-31T03:15:00+00:00",
        },
    ),
    *(
        (
            MessageKind.TOPUP_TAKEN_BACK,
            {
                "number": "TXMP-104",
                "amount": 50_000,
                "balance": balance,
                "owed": owed,
                "taken_at": "2026-01-31T03:15:00+00:00",
            },
        )
        for balance, owed in ((1_300_000, None), (-5_000, 5_000))
    ),
    (MessageKind.INSTANCE_READY, {**SUBSCRIPTION, "access": ACCESS}),
    (
        MessageKind.INSTANCE_READY,
        {**SUBSCRIPTION, "price": 0, "url": None, "access": "Host db.internal\nPassword s3cret&more"},
    ),
    (
        MessageKind.INSTANCE_FAILED,
        {**SUBSCRIPTION, "reason": REASON, "repair_until": "2026-02-01T03:15:00+00:00"},
    ),
    (MessageKind.INSTANCE_FAILED, {**SUBSCRIPTION, "url": None, "reason": REASON, "repair_until": None}),
    *(
        (
            kind,
            {
                "token_id": "019a0000-0000-7000-8000-000000000003",
                "url": "http://localhost:5000/account/x?token=019a",
                "ends_at": "2026-01-31T03:15:00+00:00",
            },
        )
        for kind in (MessageKind.VERIFY_EMAIL, MessageKind.RESET_PASSWORD)
    ),
    (MessageKind.PASSWORD_CHANGED, {"changed_at": "2026-01-31T03:15:00+00:00"}),
    *(
        (
            MessageKind.NODE_LOST,
            {
                "service": "n8n Automation",
                "url": url,
                "since": "2026-02-03T04:05:06+00:00",
                "is_bound": is_bound,
                "backup_at": backup_at,
            },
        )
        for url in (SUBSCRIPTION["url"], None)
        for is_bound, backup_at in ((True, "2026-02-03T01:00:00+00:00"), (True, None), (False, None))
    ),
    (MessageKind.NODE_BACK, {"service": "n8n Automation", "url": SUBSCRIPTION["url"]}),
    (MessageKind.NODE_BACK, {"service": "n8n Automation", "url": None}),
    (
        MessageKind.CREDENTIAL_ROTATED,
        {
            "service": "PostgreSQL Database",
            "instance": "postgresql-k7m2qa",
            "credential": "POSTGRES_PASSWORD",
            "asked_at": "2026-01-31T03:15:00+00:00",
        },
    ),
    (
        MessageKind.ENVIRONMENT_UNDONE,
        {
            "service": "n8n Automation",
            "instance": "n8n-automation-k7m2qa",
            "changed_at": "2026-01-31T03:15:00+00:00",
            "reason": "The application ends by itself (exit status 1).",
        },
    ),
    *(
        (
            MessageKind.OPERATION_DONE,
            {
                "service": "n8n Automation",
                "url": SUBSCRIPTION["url"],
                "kind": kind,
                "reason": None,
                "version": version,
                "data_from": data_from,
                "is_running": True,
                "kept_until": "2026-02-01T03:15:00+00:00",
            },
        )
        for kind, version, data_from in (
            ("RESTORE", None, "2026-01-31T03:15:00+00:00"),
            ("RESET", None, None),
            ("MOVE", None, None),
            ("UPGRADE", "1.123.85", None),
            ("EVACUATE", None, "2026-01-31T03:15:00+00:00"),
            ("RETURN", None, None),
            ("RESCHEDULE", None, None),
        )
    ),
    *(
        (
            MessageKind.OPERATION_FAILED,
            {
                "service": "n8n Automation",
                "url": None,
                "kind": kind,
                "reason": REASON,
                "version": None,
                "data_from": None,
                "is_running": kind != "BACKUP",
                "kept_until": None,
            },
        )
        for kind in (
            "BACKUP",
            "RESTORE",
            "RESET",
            "MOVE",
            "UPGRADE",
            "EVACUATE",
            "RETURN",
            "RESCHEDULE",
        )
    ),
    (MessageKind.PROVISIONING_REFUNDED, {**SUBSCRIPTION, "refunded": "Rp 50.000", "reason": REASON}),
    (
        MessageKind.PROVISIONING_REFUNDED,
        {**SUBSCRIPTION, "price": 0, "refunded": "Rp 0", "reason": REASON},
    ),
    (MessageKind.RENEWED, {**SUBSCRIPTION, "charged": "Rp 50.000"}),
    (MessageKind.EXPIRY_NOTICE, {**SUBSCRIPTION, "days_left": 7, "reason": "auto_renew_off"}),
    (MessageKind.EXPIRY_NOTICE, {**SUBSCRIPTION, "price": 0, "days_left": 1, "reason": "auto_renew_off"}),
    (MessageKind.EXPIRY_NOTICE, {**SUBSCRIPTION, "price": 0, "days_left": 1, "reason": "idle"}),
    *(
        (
            MessageKind.LOW_CREDIT,
            {**SUBSCRIPTION, "days_left": 3, "balance": balance, "price_text": price, "owed": owed},
        )
        for balance, price, owed in (
            ("Rp 12.000", "Rp 50.000", None),
            ("-Rp 20.000", "Rp 0", "Rp 20.000"),
        )
    ),
    *(
        (
            MessageKind.PRICE_ANNOUNCED,
            {
                **SUBSCRIPTION,
                "old_price": "Rp 50.000",
                "new_price": "Rp 60.000",
                "withdrawn": withdrawn,
                "applies_on": "2026-03-31",
                "renews": renews,
            },
        )
        for withdrawn, renews in ((None, True), (None, False), ("Rp 70.000", True))
    ),
    (
        MessageKind.GRACE_STARTED,
        {**SUBSCRIPTION, "grace_until": "2026-03-07", "price_text": "Rp 50.000", "owed": None},
    ),
    (
        MessageKind.GRACE_STARTED,
        {**SUBSCRIPTION, "grace_until": "2026-03-07", "price_text": "Rp 0", "owed": "Rp 20.000"},
    ),
    *(
        (
            MessageKind.GRACE_REMINDER,
            {**SUBSCRIPTION, "grace_until": "2026-03-07", "price_text": "Rp 50.000", "owed": owed},
        )
        for owed in (None, "Rp 20.000")
    ),
    *(
        (MessageKind.EXPIRED, {**SUBSCRIPTION, "kept_until": "2026-03-30", "reason": reason})
        for reason in ("no_credit", "auto_renew_off", "idle")
    ),
    (MessageKind.REVIVED, SUBSCRIPTION),
    (MessageKind.REVIVED, {**SUBSCRIPTION, "url": None}),
    (MessageKind.DATA_DELETED, SUBSCRIPTION),
    *(
        (
            MessageKind.PLAN_CHANGED,
            {
                **SUBSCRIPTION,
                "old_plan": "Basic",
                "plan": "Pro",
                "is_upgrade": is_upgrade,
                "charged": charged,
                "credited": credited,
                "price_text": "Rp 150.000",
            },
        )
        for is_upgrade, charged, credited in (
            (True, "Rp 66.667", None),
            (True, None, None),
            (False, None, "Rp 12.500"),
        )
    ),
    *(
        (
            MessageKind.PLAN_CHANGE_RETURNED,
            {**SUBSCRIPTION, "wanted_plan": "Pro", "refunded": refunded, "reason": REASON},
        )
        for refunded in ("Rp 66.667", None)
    ),
    (MessageKind.REFUNDED, {**SUBSCRIPTION, "refunded": "Rp 10.000", "reason": "An outage of three hours"}),
    (MessageKind.EXTENDED, {**SUBSCRIPTION, "days": 7, "reason": "An outage of three hours"}),
    (MessageKind.CANCELLED, {**SUBSCRIPTION, "refunded": None}),
    (MessageKind.CANCELLED, {**SUBSCRIPTION, "refunded": "Rp 50.000"}),
    (MessageKind.DOMAIN_ACTIVE, DOMAIN),
    (MessageKind.DOMAIN_FAILING, {**DOMAIN, "until": "2026-02-01T03:15:00+00:00"}),
    (MessageKind.DOMAIN_FAILING, {**DOMAIN, "until": None}),
    (MessageKind.DOMAIN_ENDED, {**DOMAIN, "how": "given_up", "days": 30}),
    (MessageKind.DOMAIN_ENDED, {**DOMAIN, "how": "taken_off", "days": 7}),
    (MessageKind.DOMAIN_ENDED, {**DOMAIN, "how": "by_staff"}),
    (
        MessageKind.STAFF_ALERT,
        {
            "groups": [
                {"heading": "Nodes that do not answer", "judul": "Node", "total": 1, "names": ["worker-1"]},
                {"heading": "Instances that are down", "judul": "Instans", "total": 999, "names": ["a", "b"]},
            ],
            "ended_groups": [],
            "total": 1000,
            "ended": 0,
        },
    ),
    (
        MessageKind.STAFF_ALERT,
        {
            "groups": [],
            "ended_groups": [
                {"heading": "Nodes that do not answer", "judul": "Node", "total": 30, "names": ["worker-1"]}
            ],
            "total": 0,
            "ended": 30,
        },
    ),
    (MessageKind.STAFF_ALERT, ALERT),
    (
        MessageKind.STAFF_ALERT,
        {
            "adjustment_id": "01a1",
            "customer": "Siti Rahma",
            "asked_by": "Ayu Admin",
            "amount": -5_000_000,
            "reason": "A payment that was credited twice by mistake, as the bank says in its letter",
            "expires_at": "2026-01-31T03:15:00+00:00",
        },
    ),
    (
        MessageKind.PROOF_DIFFERS,
        {
            **ALERT,
            "differences": 1,
            "unfinished": 0,
            "checks": [
                {
                    "promise": "Every wallet's balance is the sum of its ledger",
                    "differences": 1,
                    "is_finished": True,
                }
            ],
            "at": "2026-01-31T20:00:00+00:00",
        },
    ),
    (
        MessageKind.PROOF_DIFFERS,
        {
            **ALERT,
            "differences": 0,
            "unfinished": 1,
            "checks": [
                {
                    "promise": "Each entry begins where the one before it ended, and adds up",
                    "differences": 0,
                    "is_finished": False,
                }
            ],
            "at": "2026-01-31T20:00:00+00:00",
        },
    ),
    (
        MessageKind.TICKET_ANSWERED,
        {
            "number": "#001",
            "subject": "Setelah membeli paket, aplikasi saya belum jalan juga dan saya tidak tahu harus bagaimana lagi",
            "answer": "We restarted it.\nPlease try https://n8n-k3f9.n8n-automation.minispod.localhost again.",
            "attachments": 2,
            "is_closed": True,
        },
    ),
    (
        MessageKind.TICKET_ANSWERED,
        {
            "number": "#1042",
            "subject": "Invoice",
            "answer": "It is on its way.",
            "attachments": 0,
            "is_closed": False,
        },
    ),
)
