"""Accounts, their refresh tokens and the tokens they get by mail.

The e-mail address is stored as typed (trimmed) and compared in lower case. A refresh token is stored
as a digest only. `token_version` ends all access tokens at once when it is raised.
"""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.actor import Role
from minispod.kernel.database import Base, Identified, enum_column


class Purpose(StrEnum):
    """What a token that was mailed is good for."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a purpose


class User(Identified, Base):
    """A person's account."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("language IN ('en', 'id')", name="language"),
        Index("uq_users_email_lower", text("lower(email)"), unique=True),
        # With what staff filter their list by, so that it is counted and paged in the index alone.
        Index(
            "ix_users_created_at_id",
            "created_at",
            "id",
            postgresql_include=["deleted_at", "role", "is_active"],
        ),
    )

    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(20), unique=True)
    avatar: Mapped[str | None] = mapped_column(String(500))
    role: Mapped[Role] = mapped_column(enum_column(Role), default=Role.USER)
    password_hash: Mapped[str | None] = mapped_column(String(100))
    is_active: Mapped[bool] = mapped_column(default=True)
    email_verified: Mapped[bool] = mapped_column(default=False)
    google_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    token_version: Mapped[int] = mapped_column(default=1)
    # What this person chose for pages and mails; None while nobody has.
    language: Mapped[str | None] = mapped_column(String(2))
    signed_in_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    # Set once, when a customer with a history was deleted: nothing of the person is left in this row (decision 15).
    deleted_at: Mapped[datetime | None]


class RefreshToken(Identified, Base):
    """One refresh token of a family; a family begins with a sign-in and is revoked as a whole."""

    __tablename__ = "refresh_tokens"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    family_id: Mapped[uuid.UUID] = mapped_column(index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    spent_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class MailedToken(Identified, Base):
    """A token that went out by mail: used once, good for the address it was sent to, stored in no form at all."""

    __tablename__ = "mailed_tokens"
    __table_args__ = (Index("ix_mailed_tokens_user_id_purpose", "user_id", "purpose"),)

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[Purpose] = mapped_column(enum_column(Purpose))
    address: Mapped[str] = mapped_column(String(254))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Viewing(Identified, Base):
    """A time in which an administrator looks at the shop as a customer; over at `ends_at`, or ended before."""

    __tablename__ = "viewings"
    __table_args__ = (
        CheckConstraint("(code_digest IS NULL) = (code_until IS NULL)", name="code_until"),
        Index("ix_viewings_ends_at", "ends_at"),
    )

    administrator_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    # Whoever is blocked or signed out everywhere has another version. A role leaves the version alone: `find` asks for
    # it, and `stewardship.change` ends the viewings, so that one given back revives none.
    administrator_version: Mapped[int]
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str] = mapped_column(String(500))
    began_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # Of the password that opens the customer's own pages once; gone when it was used.
    code_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    code_until: Mapped[datetime | None]
