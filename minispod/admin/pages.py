"""How a page answers: as a whole page, or as the fragment htmx asked for; how lists are paged; where a form leads.

Every page works without a script: htmx only saves the reload. What boosted links and forms get is said in `frame`.
"""

import hashlib
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import SplitResult, quote, urlencode, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from minispod.admin.sessions import is_admin
from minispod.insights.windows import WINDOW
from minispod.kernel.paging import PageRequest

_PER_PAGE = 25
_LAST_PAGE = 100_000
_LONGEST_SEARCH = 100

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Sorting:
    """By which column a list is sorted, as the macro of tables takes it; `by` is what the address calls it."""

    by: StrEnum
    downward: bool

    def direction(self, name: str) -> str | None:
        """How the list is sorted by this column: "up", "down", or not."""
        return ("down" if self.downward else "up") if name == self.by else None

    def address(self, name: str) -> str:
        """The address of the list sorted by this column; the other way round if it is that already."""
        return here(sort=f"-{name}" if self.direction(name) == "up" else name, page=None)


def sorting(default: StrEnum, *, downward: bool = False) -> Sorting:
    """What a list is to be sorted by: "sort=name", or "sort=-name" from the end; nonsense is the default."""
    text = request.args.get("sort", "")
    try:
        return Sorting(type(default)(text.removeprefix("-")), text.startswith("-"))
    except ValueError:
        return Sorting(default, downward)


def wants_fragment() -> bool:
    """Tell whether htmx asked for a part of the page rather than for the page (boosted links want the page)."""
    htmx: Any = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def page_or_fragment(page: str, fragment: str, **facts: Any) -> Response:
    """Render the fragment for htmx, else the page that contains it."""
    return make_response(render_template(fragment if wants_fragment() else page, **facts))


def live_fragment(
    page: str, fragment: str, *, every: int = 10, frame: str = "admin/_live.html", **facts: Any
) -> Response:
    """A page whose fragment refreshes itself; answers 204 when the fragment is what the browser already shows."""
    body = Markup(render_template(fragment, **facts))  # noqa: S704 - a rendered template, escaped there
    # The token differs in each rendering and says nothing about the content.
    digest = hashlib.sha256(body.replace(generate_csrf(), "").encode()).hexdigest()[:16]
    live = {"live_body": body, "live_digest": digest, "live_every": every}
    if not wants_fragment():
        return make_response(render_template(page, **live, **facts))
    if request.args.get("seen") == digest:
        return Response(status=204)
    return make_response(render_template(frame, **live))


def here(**changes: str | int | None) -> str:
    """The address of this list with other filters or another page; what is None falls away."""
    known = {**request.args.to_dict(), **changes}
    kept = {name: value for name, value in known.items() if value not in (None, "") and name != "seen"}
    return quote(request.path) + (f"?{urlencode(kept)}" if kept else "")


def page_request() -> PageRequest:
    """Which page of a list is asked for; nonsense is the first one."""
    text = request.args.get("page", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 1
    return PageRequest(min(max(number, 1), _LAST_PAGE), _PER_PAGE)


def window_request() -> PageRequest:
    """The same for a list that is counted within a window; whatever lies beyond is its last page."""
    asked = page_request()
    return PageRequest(min(asked.page, WINDOW // asked.limit), asked.limit)


def first_page() -> PageRequest:
    """The beginning of a list that is shown beside another."""
    return PageRequest(1, _PER_PAGE)


def search_text(name: str = "q") -> str:
    """What was typed into a search field."""
    return request.args.get(name, "").replace("\x00", "").strip()[:_LONGEST_SEARCH]


def chosen(kind: type[Choice], name: str) -> Choice | None:
    """The chosen filter value; an unknown one is no filter."""
    try:
        return kind(request.args.get(name, ""))
    except ValueError:
        return None


def chosen_day(name: str, zone: ZoneInfo, *, is_end: bool = False) -> datetime | None:
    """The first (or last) instant of a chosen day of `zone`; nonsense is no filter."""
    try:
        day = date.fromisoformat(request.args.get(name, ""))
        begins = datetime.combine(day, time(), zone).astimezone(UTC)
        return begins + timedelta(days=1, microseconds=-1) if is_end else begins
    except (ValueError, OverflowError):
        return None


def one_of(choices: Container[str], name: str, default: str) -> str:
    """The chosen word; an unknown one is the default."""
    given = request.args.get(name, "")
    return given if given in choices else default


def back(default_endpoint: str = "panel.today") -> BaseResponse:
    """Go where the form that was sent stood."""
    return redirect(way_back(default_endpoint), 303)


def way_back(default_endpoint: str = "panel.today") -> str:
    """The address of where the form that was sent stood: a page of ours, never another site."""
    parts = split_address(request.referrer)
    ours = parts is not None and parts.netloc == request.host and is_admin(parts.path)
    return urlunsplit(("", "", parts.path, parts.query, "")) if parts and ours else url_for(default_endpoint)


def split_address(text: str | None) -> SplitResult | None:
    """The parts of an address from outside; None when it is none."""
    try:
        return urlsplit(text or "")
    except ValueError:
        return None


def told(message: str, target: str, tone: str = "good") -> BaseResponse:
    """Go to `target` and say there what happened."""
    flash(message, tone)
    return redirect(target, 303)
