"""Long lists of money, page by page, without degrading with their length: counted and paged within a window.

The first ten thousand rows of what a filter finds are counted and have page numbers; whatever lies beyond is
reached by narrowing the filter, or by a cursor. So no page costs more than that many rows of an index, however
large the tables grow.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Row, Select, func, select, union_all

from minispod.insights.errors import BeyondWindow
from minispod.kernel.database import session
from minispod.kernel.paging import Page, PageRequest

WINDOW = 10_000
Item = TypeVar("Item")
Other = TypeVar("Other")
Branch = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Order:
    """By which columns a list is sorted; the last of them is unique."""

    names: tuple[str, ...] = ("number",)
    ascending: bool = False


BY_NUMBER = Order()


@dataclass(frozen=True, slots=True)
class Window(Generic[Item]):
    """A page; `is_exact` tells whether its total is all there are, or as far as was counted.

    `next_cursor` is the number of its last row where rows follow it in the order of numbers.
    """

    page: Page[Item]
    is_exact: bool
    next_cursor: int | None

    def load(self, read: Callable[[Sequence[Item]], Sequence[Other]]) -> "Window[Other]":
        """The same page with its items read."""
        page = self.page
        return Window(
            Page(read(page.items), page.total, page.page, page.limit), self.is_exact, self.next_cursor
        )


def window(
    branches: Sequence[Branch], wanted: PageRequest, order: Order = BY_NUMBER, *, cursor: int | None = None
) -> Window[uuid.UUID]:
    """The ids of one page of what the branches find together; with a cursor, of what comes after that number.

    Each branch selects `id`, `number` and the columns of the order. Raises BeyondWindow.
    """
    if wanted.offset + wanted.limit > WINDOW:
        raise BeyondWindow(window=WINDOW)
    total = _counted(branches)
    rows = merged(branches, order, limit=wanted.limit + 1, offset=wanted.offset, cursor=cursor)
    shown, has_more = rows[: wanted.limit], len(rows) > wanted.limit
    goes_on = has_more and order.names == BY_NUMBER.names
    page = Page([row.id for row in shown], min(total, WINDOW), wanted.page, wanted.limit)
    return Window(page, total <= WINDOW, shown[-1].number if goes_on else None)


def merged(
    branches: Sequence[Branch], order: Order, *, limit: int, offset: int = 0, cursor: int | None = None
) -> Sequence[Row[Any]]:
    """Rows of all branches in one order; each branch reads no more of its index than the page needs."""
    parts = [
        _sorted(_after(branch, order, cursor), order).limit(offset + limit).subquery().select()
        for branch in branches
    ]
    every = union_all(*parts).subquery("line")
    return session().execute(_sorted(select(every), order).offset(offset).limit(limit)).all()


def _counted(branches: Sequence[Branch]) -> int:
    """How many there are, counted up to one more than the window holds."""
    counts = [
        select(func.count()).select_from(_numbers_of(branch).limit(WINDOW + 1).subquery()).scalar_subquery()
        for branch in branches
    ]
    return sum(int(each or 0) for each in session().execute(select(*counts)).one())


def _numbers_of(branch: Branch) -> Branch:
    return branch.with_only_columns(branch.selected_columns["number"], maintain_column_froms=True)


def _sorted(query: Branch, order: Order) -> Branch:
    columns = [query.selected_columns[name] for name in order.names]
    return query.order_by(*(column.asc() if order.ascending else column.desc() for column in columns))


def _after(branch: Branch, order: Order, cursor: int | None) -> Branch:
    if cursor is None:
        return branch
    number = branch.selected_columns["number"]
    return branch.where(number > cursor if order.ascending else number < cursor)
