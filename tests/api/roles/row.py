"""One line of the role matrix: a route, whom it is for, what is sent, and what its rightful caller is answered."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class For(StrEnum):
    """Whom a route is for."""

    ALL = "everybody, signed in or not"
    SIGNED_IN = "whoever is signed in, about themselves"
    OWNER = "the customer whose thing it is, and administrators"
    STAFF = "administrators"


@dataclass(frozen=True, slots=True)
class Row:
    """A route is "METHOD /path/{hole}"; holes are filled from the furnished shop by their names.

    A text "$plan_id" in body or query stands for the first plan there, "$plan_id.1" for the second; `pick` says which
    thing a hole takes when it is not the first. `answers` is what the rightful caller gets: the status of a success, or
    the stable code of the refusal that is documented for this situation.
    """

    route: str
    whom: For
    answers: int | str = 200
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)
    pick: dict[str, int] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.route.split(" ")[0]

    @property
    def path(self) -> str:
        """The path with its holes."""
        return self.route.split(" ")[1]


def everybody(route: str, answers: int | str = 200, **more: Any) -> Row:
    """A route that needs no token."""
    return Row(route, For.ALL, answers, **more)


def signed_in(route: str, answers: int | str = 200, **more: Any) -> Row:
    """A route about the caller."""
    return Row(route, For.SIGNED_IN, answers, **more)


def owner(route: str, answers: int | str = 200, **more: Any) -> Row:
    """A route about a customer's thing, open to its owner and to staff."""
    return Row(route, For.OWNER, answers, **more)


def staff(route: str, answers: int | str = 200, **more: Any) -> Row:
    """A route of the administration."""
    return Row(route, For.STAFF, answers, **more)
