"""Canned answers: kept in both languages, filled from the ticket they are used in.

A placeholder is a word in braces, as in "Dear {customer}". A text with one that nothing fills is refused when it is
kept, so that no customer ever reads a brace. What a ticket cannot say (it is about no instance) is filled with a dash.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.constraints import refusing
from minispod.kernel.database import lock, session
from minispod.kernel.ids import new_id
from minispod.tickets.errors import BadCannedAnswer, CannedAnswerTaken, NoSuchCannedAnswer
from minispod.tickets.models import CannedAnswer, Ticket
from minispod.tickets.writing import LONGEST_MESSAGE

PLACEHOLDERS: Mapping[str, str] = {
    "customer": "the customer's name",
    "number": "the number of the ticket",
    "subject": "the subject of the ticket",
    "instance": "the name of the instance it is about",
    "address": "the address of that instance",
    "staff": "your name",
}
"""What can stand in braces, and what comes in its place."""

LANGUAGES = ("en", "id")
LONGEST_NAME, LONGEST_TEXT = 80, LONGEST_MESSAGE
_BRACED = re.compile(r"\{([^{}]*)\}")
_UNKNOWN = "\u2014"


def list_canned() -> Sequence[CannedAnswer]:
    """All of them, by name."""
    return session().scalars(select(CannedAnswer).order_by(CannedAnswer.name, CannedAnswer.id)).all()


def get_canned(canned_id: uuid.UUID) -> CannedAnswer:
    """One of them, as it is now; raise NoSuchCannedAnswer."""
    found = session().get(CannedAnswer, canned_id, populate_existing=True)
    if found is None:
        raise NoSuchCannedAnswer()
    return found


def add_canned(name: str, text_en: str, text_id: str, *, actor: Actor, at: datetime) -> uuid.UUID:
    """Keep a new one; refuses BadCannedAnswer, CannedAnswerTaken."""
    name, text_en, text_id = _checked(name, text_en, text_id)
    made: uuid.UUID | None = session().scalar(
        insert(CannedAnswer)
        .values(id=new_id(), name=name, text_en=text_en, text_id=text_id, created_at=at, updated_at=at)
        .on_conflict_do_nothing(index_elements=["name"])
        .returning(CannedAnswer.id)
    )
    if made is None:
        raise CannedAnswerTaken()
    _book(actor, trail.Action.CANNED_ANSWER_ADDED, made, at, name=name)
    return made


def change_canned(
    canned_id: uuid.UUID, name: str, text_en: str, text_id: str, *, actor: Actor, at: datetime
) -> None:
    """Write it anew; refuses NoSuchCannedAnswer, BadCannedAnswer, CannedAnswerTaken. Locks it."""
    row = _locked(canned_id)
    wanted = dict(zip(("name", "text_en", "text_id"), _checked(name, text_en, text_id), strict=True))
    changed = {key: [getattr(row, key), value] for key, value in wanted.items() if getattr(row, key) != value}
    with refusing({"uq_canned_answers_name": CannedAnswerTaken()}):
        for key, value in wanted.items():
            setattr(row, key, value)
        row.updated_at = at
        session().flush()  # the unique index on the name answers here
    _book(actor, trail.Action.CANNED_ANSWER_CHANGED, canned_id, at, name=row.name, changed=changed)


def remove_canned(canned_id: uuid.UUID, *, actor: Actor, at: datetime) -> None:
    """Remove it; what was sent with it stays. Refuses NoSuchCannedAnswer. Locks it."""
    row = _locked(canned_id)
    session().delete(row)
    _book(actor, trail.Action.CANNED_ANSWER_REMOVED, canned_id, at, name=row.name)


def facts_of(
    ticket: Ticket, *, customer: str, instance: str | None, address: str | None, staff: str
) -> dict[str, str]:
    """What the placeholders mean in one ticket."""
    return {
        "customer": customer,
        "number": ticket.code,
        "subject": ticket.subject,
        "instance": instance or _UNKNOWN,
        "address": address or _UNKNOWN,
        "staff": staff,
    }


def fill(text: str, facts: Mapping[str, str]) -> str:
    """The text with its placeholders filled, once: braces in what a customer wrote stay what they are."""
    return _BRACED.sub(lambda found: facts.get(found[1], found[0]), text)


def _checked(name: str, text_en: str, text_id: str) -> tuple[str, str, str]:
    name, text_en, text_id = name.strip(), text_en.strip(), text_id.strip()
    if not name or len(name) > LONGEST_NAME:
        raise BadCannedAnswer(f"Give it a name of at most {LONGEST_NAME} characters.")
    for text, language in ((text_en, "English"), (text_id, "Indonesian")):
        if not text or len(text) > LONGEST_TEXT:
            raise BadCannedAnswer(f"Write the {language} text, of at most {LONGEST_TEXT} characters.")
        unknown = sorted({word for word in _BRACED.findall(text) if word not in PLACEHOLDERS})
        if unknown:
            known = ", ".join(f"{{{word}}}" for word in PLACEHOLDERS)
            raise BadCannedAnswer(
                f"The {language} text has {{{unknown[0]}}}, which nothing fills. Known are {known}."
            )
    return name, text_en, text_id


def _locked(canned_id: uuid.UUID) -> CannedAnswer:
    row: CannedAnswer | None = lock(CannedAnswer, canned_id)
    if row is None:
        raise NoSuchCannedAnswer()
    return row


def _book(actor: Actor, action: trail.Action, canned_id: uuid.UUID, at: datetime, **details: object) -> None:
    trail.record(actor, action, at=at, subject_kind="canned_answer", subject_id=canned_id, **details)
