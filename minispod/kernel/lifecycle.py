"""A table of allowed state changes; whatever is not in the table is refused."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from minispod.kernel.errors import Conflict

State = TypeVar("State", bound=StrEnum)


class ImpossibleChange(Conflict):
    """The thing is in a state from which the asked state cannot be reached."""

    code = "lifecycle.impossible_change"


class Lifecycle(Generic[State]):
    """Knows which state may follow which."""

    def __init__(self, name: str, table: Mapping[State, frozenset[State]]) -> None:
        self.name = name
        self.table = table

    def check(self, now: State, wanted: State) -> None:
        """Raise ImpossibleChange unless `wanted` may follow `now`."""
        if wanted not in self.table[now]:
            raise ImpossibleChange(
                f"The {self.name} is {now.value.lower()}; it cannot become {wanted.value.lower()}.",
                state=now.value,
                wanted=wanted.value,
            )

    def allows(self, now: State, wanted: State) -> bool:
        """Tell whether `wanted` may follow `now`."""
        return wanted in self.table[now]
