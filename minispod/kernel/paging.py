"""Pages of a list: what is asked for and what comes back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page (from 1) of how many items is wanted."""

    page: int = 1
    limit: int = 100

    @property
    def offset(self) -> int:
        """Number of items to pass over."""
        return (self.page - 1) * self.limit


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, with the size of the whole."""

    items: Sequence[T]
    total: int
    page: int
    limit: int

    @property
    def pages(self) -> int:
        """Number of pages of the whole list (at least 1)."""
        return max(1, -(-self.total // self.limit))

    @property
    def has_next(self) -> bool:
        """Tell whether a later page exists."""
        return self.page < self.pages

    @property
    def has_previous(self) -> bool:
        """Tell whether an earlier page exists."""
        return self.page > 1

    def map(self, change: Callable[[T], U]) -> "Page[U]":
        """Return the same page with each item changed."""
        return Page([change(item) for item in self.items], self.total, self.page, self.limit)
