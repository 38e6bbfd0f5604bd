"""Mails as they are read: the parts of a received message in readable form. Pure; works on bytes.

Invariant: the strangest bytes still make a letter; what cannot be decoded is replaced, never raised.
"""

import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

_LINK = re.compile(r"https?://[^\s<>\"']+")
_TRAILING = ".,;:!?)]}"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the letter itself."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What a person sees of a mail."""

    subject: str
    sender: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str | None
    attachments: tuple[Attachment, ...]

    @property
    def links(self) -> list[str]:
        """Addresses in the text and in the HTML, in order, without doubles."""
        found = _LINK.findall(self.text) + _LINK.findall(self.html or "")
        return list(dict.fromkeys(link.rstrip(_TRAILING).replace("&amp;", "&") for link in found))

    def as_json(self) -> dict[str, Any]:
        """For the JSON API; attachments without their content."""
        return {
            "subject": self.subject,
            "from": self.sender,
            "headers": [{"name": name, "value": value} for name, value in self.headers],
            "text": self.text,
            "html": self.html,
            "links": self.links,
            "attachments": [
                {"name": one.name, "content_type": one.content_type, "size": len(one.content)}
                for one in self.attachments
            ],
        }


def read_letter(raw: bytes) -> Letter:
    """Take a message apart."""
    message = email.message_from_bytes(raw, _class=EmailMessage, policy=email.policy.default)
    headers = tuple((name, _header(message, name, i)) for i, name in enumerate(message.keys()))
    bodies: dict[str, str] = {}
    attachments: list[Attachment] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        is_body = kind in {"text/plain", "text/html"} and part.get_content_disposition() != "attachment"
        if is_body and kind not in bodies:
            bodies[kind] = _text(part)
        else:
            attachments.append(_attachment(part, len(attachments) + 1))
    named = {name.lower(): value for name, value in reversed(headers)}
    return Letter(
        subject=named.get("subject", ""),
        sender=named.get("from", ""),
        headers=headers,
        text=bodies.get("text/plain", ""),
        html=bodies.get("text/html"),
        attachments=tuple(attachments),
    )


def _header(message: EmailMessage, name: str, index: int) -> str:
    try:
        return str(message.values()[index])
    except (ValueError, IndexError, AttributeError, TypeError):
        return str(message.get(name, failobj=""))


def _bytes(part: Any) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Any) -> str:
    charset = part.get_content_charset() or "utf-8"
    try:
        return _bytes(part).decode(charset, "replace")
    except LookupError:
        return _bytes(part).decode("utf-8", "replace")


def _attachment(part: Any, number: int) -> Attachment:
    return Attachment(part.get_filename() or f"part-{number}", part.get_content_type(), _bytes(part))
