"""Deliver one message: claim, write and send, settle."""

import uuid
from datetime import timedelta
from typing import Any

from minispod.accounts import mailed_tokens
from minispod.accounts.models import Purpose
from minispod.instances import queries
from minispod.jobs import letters
from minispod.jobs.papers import papers_of
from minispod.jobs.work import Work
from minispod.kernel.actor import system
from minispod.kernel.sealed import SealBroken
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.notifications import post
from minispod.notifications.mailer import MailRefused, MailUnavailable
from minispod.notifications.messages import MessageKind
from minispod.notifications.post import Letter

_LONGEST_PAUSE = 3600
_LINKS = {
    MessageKind.VERIFY_EMAIL: (Purpose.VERIFY_EMAIL, "/account/verify"),
    MessageKind.RESET_PASSWORD: (Purpose.RESET_PASSWORD, "/account/password"),
}


def deliver_message(work: Work) -> timedelta | None:
    """Send one message once; a silent mail server means later, a refusal is final."""
    message_id = uuid.UUID(work.lease.args["message_id"])
    with unit_of_work():
        letter = post.claim(message_id)
    if letter is None:
        return None
    try:
        papers = papers_of(letter.entry_ids, work)
        mail = letters.write(letter, {**letter.facts, **_secret_facts(letter, work)}, papers)
        release_connection()
        work.ports.mailer.send(mail)
    except (MailUnavailable, MailRefused, SealBroken) as problem:
        with unit_of_work():
            again = post.settle_failed(message_id, problem.message, final=isinstance(problem, MailRefused))
        return timedelta(seconds=min(_LONGEST_PAUSE, 5 * 2**letter.attempts)) if again else None
    with unit_of_work():
        post.settle_sent(message_id, at=work.now())
    return None


def _secret_facts(letter: Letter, work: Work) -> dict[str, Any]:
    """How to get into an instance or an account is made when the letter is written and stored nowhere in clear."""
    if letter.kind in _LINKS:
        purpose, path = _LINKS[letter.kind]
        token = mailed_tokens.token_of(uuid.UUID(letter.facts["token_id"]), purpose, work.ports.token_keys)
        return {"url": f"{work.settings.own_url}{path}?token={token}"}
    if letter.kind is not MessageKind.INSTANCE_READY or not letter.facts.get("instance_id"):
        return {}
    instance = queries.get_instance(uuid.UUID(letter.facts["instance_id"]), actor=system("mail"))
    access = queries.open_access(instance, sealer=work.ports.sealer, language=letter.recipient.language)
    return {"access": access.text}
