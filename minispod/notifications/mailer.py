"""The port through which mail leaves; `integrations/smtp.py` answers for real."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from minispod.kernel.errors import RuleBroken, Unavailable


class MailUnavailable(Unavailable):
    """The mail server does not answer or says "later"."""

    code: ClassVar[str] = "notifications.mail_unavailable"
    default_message = "The mail server does not answer."


class MailRefused(RuleBroken):
    """The mail server refuses this message or recipient for good."""

    code: ClassVar[str] = "notifications.mail_refused"
    default_message = "The mail server refused the message."


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail; `content_type` is "type/subtype", `draw` gives the content when it can leave."""

    name: str
    content_type: str
    draw: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Mail:
    """One message, ready to leave; `message_id` is stable, so that a repeat can be recognised."""

    message_id: str
    to_name: str
    to_address: str
    subject: str
    text: str
    html: str
    headers: dict[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


class Mailer(Protocol):
    """Sends mail."""

    def send(self, mail: Mail) -> None:
        """Hand over one mail; raise MailUnavailable (try again) or MailRefused (give up)."""
        ...
