"""Answers kept under the key their request came with, so that the same request again gets the same answer.

The key is claimed in the transaction of the act, before its first lock: of two requests with one key the later waits
until the earlier has committed, or goes ahead if it rolled back. Only what was done is kept; a refusal changed nothing
and leaves nothing here. See docs/adr/0034.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, LargeBinary, SmallInteger, String, delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, session
from minispod.kernel.errors import Conflict


class RequestKeyReused(Conflict):
    """The key came with another request before."""

    code = "kept_answers.key_reused"
    default_message = "This Idempotency-Key was used for a different request."


class KeptAnswer(Base):
    """What one request of one person was answered; without a status while what it began is not finished."""

    __tablename__ = "kept_answers"
    __table_args__ = (Index("ix_kept_answers_created_at", "created_at"),)

    user_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    request_key: Mapped[str] = mapped_column(String(80), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None] = mapped_column(SmallInteger)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Key:
    """Who asked, under which key of theirs, for what: `fingerprint` is the digest of the whole request."""

    user_id: uuid.UUID
    request_key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body, as they were sent."""

    status: int
    body: bytes


def claim(key: Key, *, at: datetime) -> Answer | None:
    """Take the key for this transaction; the answer if it was given already.

    Waits for another transaction that holds the key, and locks it before all else (ADR 0005). None: nothing was
    answered yet, the act may be carried out, or carried on. Refuses RequestKeyReused.
    """
    wish = insert(KeptAnswer).values(
        user_id=key.user_id, request_key=key.request_key, fingerprint=key.fingerprint, created_at=at
    )
    fresh = session().scalar(wish.on_conflict_do_nothing().returning(KeptAnswer.user_id))
    if fresh is not None:
        return None
    kept = session().get_one(
        KeptAnswer, (key.user_id, key.request_key), populate_existing=True, with_for_update=True
    )
    if kept.fingerprint != key.fingerprint:
        raise RequestKeyReused()
    if kept.status is None or kept.body is None:
        return None
    return Answer(kept.status, kept.body)


def keep(key: Key, answer: Answer) -> None:
    """Keep the answer of a claimed key, in the transaction that finishes the act."""
    session().execute(
        update(KeptAnswer)
        .where(KeptAnswer.user_id == key.user_id, KeptAnswer.request_key == key.request_key)
        .values(status=answer.status, body=answer.body)
    )


def forget(*, before: datetime) -> None:
    """Remove what is too old to be asked for again; the rows of the acts have keys of their own for longer."""
    session().execute(delete(KeptAnswer).where(KeptAnswer.created_at < before))
