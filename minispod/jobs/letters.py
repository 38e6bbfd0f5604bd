"""Write a mail from a message kind and its facts: templates/email/<kind>/{subject.txt,body.txt,body.html}.

Indonesian texts lie beside the English ones as <name>.id.<ext>.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import render_template
from jinja2 import Template

from minispod.notifications.mailer import Attachment, Mail
from minispod.notifications.post import Letter
from minispod.papers.drawing import draw
from minispod.papers.models import Paper
from minispod.ports import current_settings


def write(letter: Letter, facts: dict[str, Any], papers: Sequence[Paper] = ()) -> Mail:
    """Render subject, text and HTML, attach the papers; the Message-ID is stable, so that a repeat is recognised."""
    settings = current_settings()
    zone = ZoneInfo(settings.business.billing_timezone)
    context = {
        **{name: _as_people_read(value, zone) for name, value in facts.items()},
        "name": letter.recipient.name,
        "frontend_url": settings.web.frontend_url,
        "own_url": settings.own_url,
        "paper_numbers": ", ".join(str(paper.number) for paper in papers),
    }
    return Mail(
        message_id=f"<{letter.id}@{settings.cluster.base_domain}>",
        to_name=letter.recipient.name,
        to_address=letter.recipient.address,
        subject=" ".join(_render(letter, "subject.txt", context).split()),
        text=_render(letter, "body.txt", context),
        html=_render(letter, "body.html", context),
        headers={"X-MinisPod-Kind": letter.kind.value},
        attachments=tuple(
            Attachment(each.file_name, "application/pdf", partial(draw, each)) for each in papers
        ),
    )


def _as_people_read(value: Any, zone: ZoneInfo) -> Any:
    """Instants become the shop's local time, "2026-11-20T10:00 WIB"; everything else stays."""
    if not isinstance(value, str) or "T" not in value:
        return value
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M %Z") if at.tzinfo else value


def _render(letter: Letter, name: str, context: dict[str, Any]) -> str:
    stem, _, extension = name.rpartition(".")
    folder = f"email/{letter.kind.value}"
    choices: list[str | Template] = [f"{folder}/{name}"]
    if letter.recipient.language == "id":
        choices.insert(0, f"{folder}/{stem}.id.{extension}")
    return render_template(choices, **context)
