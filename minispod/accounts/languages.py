"""In which language a person is spoken to: kept with the account, for the pages and the mails."""

from datetime import datetime

from minispod.accounts.models import User
from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock


def choose_language(user: User, language: str, *, actor: Actor, at: datetime) -> None:
    """Remember the choice of `user`: one of kernel/languages. Nothing is written when it is the present one."""
    row: User | None = lock(User, user.id)
    if row is None or row.language == language:
        return
    before, row.language, row.updated_at = row.language, language, at
    trail.record(
        actor,
        trail.Action.ACCOUNT_PROFILE_CHANGED,
        at=at,
        subject_kind="user",
        subject_id=row.id,
        changed={"language": [before or "none", language]},
    )
