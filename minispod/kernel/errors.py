"""Families of refusal. The domain raises; a door turns the family into an answer.

Each concrete refusal lives in its package's `errors.py` and has a stable `code`. `details` is public:
nothing secret goes in. A refusal never carries an outside library's exception text.
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """Something was asked that will not be done; the message is a sentence for a person.

    `about` names the field of the request that the sentence is about, if it is one field.
    """

    code: ClassVar[str] = "refused"
    default_message: ClassVar[str] = "The request was refused."

    def __init__(self, message: str | None = None, *, about: str | None = None, **details: Any) -> None:
        self.message = message or self.default_message
        self.about = about
        self.details = details
        super().__init__(self.message)


class Unauthenticated(Refusal):
    """Who is asking could not be established (401)."""

    code = "unauthenticated"
    default_message = "Please sign in."


class Forbidden(Refusal):
    """The actor is known and may not do this (403)."""

    code = "forbidden"
    default_message = "You may not do this."


class NotFound(Refusal):
    """There is no such thing, or it belongs to somebody else (404)."""

    code = "not_found"
    default_message = "Not found."


class Conflict(Refusal):
    """The state has changed, something is sold out or was already done (409)."""

    code = "conflict"
    default_message = "This is no longer possible."


class RuleBroken(Refusal):
    """A business rule says no (400)."""

    code = "rule_broken"
    default_message = "This is against a rule."


class TooMany(Refusal):
    """Too many requests (429); `retry_after` is in seconds."""

    code = "too_many"
    default_message = "Too many requests. Please wait a moment."

    def __init__(self, message: str | None = None, *, retry_after: int = 60, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class Unavailable(Refusal):
    """An outside party (cluster, gateway, mail) does not answer (503); trying again may help.

    `retry_after`: seconds after which they asked to be asked again, if they said so.
    """

    code = "unavailable"
    default_message = "This is unavailable at the moment. Please try again."

    def __init__(self, message: str | None = None, *, retry_after: int | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


FAMILIES: tuple[type[Refusal], ...] = (
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    RuleBroken,
    TooMany,
    Unavailable,
)


class TimeIsUp(Exception):
    """A piece of work took longer than it may. It says nothing of what was worked on: nobody may settle by it."""
