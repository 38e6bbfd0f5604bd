"""Refusals of the alert book."""

from typing import ClassVar

from minispod.kernel.errors import Conflict, NotFound, RuleBroken, Unavailable


class NoSuchAlert(NotFound):
    """There is no such alert."""

    code: ClassVar[str] = "alerts.unknown"
    default_message = "There is no such alert."


class AlertOver(Conflict):
    """The alert has been resolved meanwhile."""

    code: ClassVar[str] = "alerts.over"
    default_message = "This alert is over already."


class BadSilence(RuleBroken):
    """Silence must end in the future, and within ninety days."""

    code: ClassVar[str] = "alerts.bad_silence"
    default_message = "Silence must end in the future, within ninety days."


class WebhookUnavailable(Unavailable):
    """The operator's webhook does not answer, or did not take the bulletin."""

    code: ClassVar[str] = "alerts.webhook_unavailable"
    default_message = "The webhook does not answer."
