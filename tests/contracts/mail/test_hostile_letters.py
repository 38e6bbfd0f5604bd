"""Whatever a name or a subject contains, a mail has one recipient, and what cannot be sent is given up at once."""

import uuid

import pytest
import requests

from minispod.integrations.smtp import SmtpMailer
from minispod.notifications.mailer import Mail, MailRefused
from minispod.settings import Settings
from tests.plugins.simulators import Simulator


@pytest.fixture
def mailer(settings: Settings, mailbox_simulator: Simulator) -> SmtpMailer:
    """The real mailer on the simulated mail server."""
    host, _, port = str(mailbox_simulator["smtp"]).rpartition(":")
    return SmtpMailer(settings.mail.model_copy(update={"smtp_host": host, "smtp_port": int(port)}))


def _mail(*, name: str = "Siti", address: str | None = None, subject: str = "Hello") -> Mail:
    return Mail(
        message_id=f"<{uuid.uuid4()}@minispod.test>",
        to_name=name,
        to_address=address or f"{uuid.uuid4().hex}@example.com",
        subject=subject,
        text="Hello",
        html="<p>Hello</p>",
    )


@pytest.mark.parametrize(
    "name",
    [
        "Siti\r\nBcc: everybody@example.com",
        "Siti\nSubject: other",
        "Siti\x00\x0b\u2028Rahma",
        'Siti" <other@example.com>, "x',
        "Siti, Rahma <x>",
        "\U0001f600" * 50,
        "",
    ],
    ids=["bcc", "subject", "controls", "quotes", "commas", "wide", "none"],
)
def test_a_name_stays_a_name(mailer: SmtpMailer, mailbox_simulator: Simulator, name: str) -> None:
    mail = _mail(name=name, subject=f"For {name}")

    mailer.send(mail)

    url = f"{mailbox_simulator['http']}/api/messages"
    (letter,) = requests.get(url, params={"to": mail.to_address}, timeout=5).json()["messages"]
    assert [each.lower() for each in letter["to"]] == [mail.to_address]
    names = [head["name"].lower() for head in letter["headers"]]
    assert (names.count("to"), names.count("subject"), names.count("bcc")) == (1, 1, 0)


@pytest.mark.parametrize(
    "address",
    ["siti@ex\u00e4mple.com", "s\u00edti@example.com", "siti@example.com\r\nRCPT TO:<x>"],
    ids=["domain", "local part", "command"],
)
def test_an_address_that_cannot_be_sent_to_is_given_up_at_once(mailer: SmtpMailer, address: str) -> None:
    with pytest.raises(MailRefused):
        mailer.send(_mail(address=address))
