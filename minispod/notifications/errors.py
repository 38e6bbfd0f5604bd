"""Refusals of the post office."""

from minispod.kernel.errors import Conflict, NotFound


class NoSuchMessage(NotFound):
    """There is no such message."""

    code = "notifications.no_such_message"
    default_message = "There is no such message."


class NotSentAgain(Conflict):
    """This mail cannot be sent a second time; the sentence says why."""

    code = "notifications.not_sent_again"
    default_message = "This mail cannot be sent again."
