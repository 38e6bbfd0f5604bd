"""At the end everything adds up: the statement, the papers, and the proof as the administrator sees it."""

import html
import re
from collections import Counter
from typing import Any

from minispod.local.shopper import Unexpected
from minispod.local.timeline import eventually
from minispod.local.visit import SOON_SECONDS, Visit, check

_MOST_ROWS = 100
# Nobody paid for what a coupon gave.
_WITHOUT_PAPER = "COUPON_REDEMPTION"
_NOT_SO = re.compile(r"<h3>(Not so: .*?)</h3>")


def check_statement(visit: Visit) -> None:
    """All movements together are the credit that is left."""
    with visit.told.step("the statement adds up to the credit"):
        rows = _rows(visit)
        total = sum(row["balanceAfter"] - row["balanceBefore"] for row in rows)
        check(total == visit.credit, f"The {len(rows)} rows add up to {total:,} instead of {visit.credit:,}")
        visit.unmoved()
        visit.told.remark(f"{len(rows)} rows, {total:,}")


def read_papers(visit: Visit) -> None:
    """Each act that moved paid money has its receipt, invoice or credit note as PDF."""
    told = visit.told
    with told.step("each payment, charge and refund has its paper"):
        rows = eventually(
            lambda: _with_papers(visit), within=SOON_SECONDS, every=0.25, otherwise="papers are missing"
        )
        numbers = {row["invoiceNumber"] for row in rows}
        check(len(numbers) == len(rows), f"{len(rows)} papers have only {len(numbers)} numbers")
        kinds = Counter(row["invoiceNumber"].partition("-")[0] for row in rows)
        told.remark(", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())))
    with told.step("saves them as PDF"):
        for row in rows:
            path = f"/billing/invoices/{row['invoiceId']}/pdf"
            answer = visit.me.send("GET", path)
            if answer.status_code != 200 or not answer.content.startswith(b"%PDF"):
                raise Unexpected("GET", path, "200 with a PDF", answer)


def prove(visit: Visit) -> None:
    """The administrator has everything proven."""
    told, page = visit.told, "/admin/money/proof"
    with told.step("the administrator has it proven that all money adds up"):
        visit.office.press(page, page)
        shown = eventually(
            lambda: _proven(visit, page),
            within=SOON_SECONDS,
            every=0.25,
            otherwise="the proof takes too long",
        )
        found = "\n".join(_NOT_SO.findall(shown)) or "no difference is shown"
        check("Everything adds up" in shown, f"The proof says it does not:\n{html.unescape(found)}")
        told.remark("everything adds up")


def _rows(visit: Visit) -> list[dict[str, Any]]:
    path = f"/wallet/transactions?limit={_MOST_ROWS}"
    rows: list[dict[str, Any]] = visit.me.call("GET", path)["transactions"]
    return rows


def _with_papers(visit: Visit) -> list[dict[str, Any]] | None:
    """The movements that have a paper; None while one that should have it has none."""
    rows = [row for row in _rows(visit) if row["type"] != _WITHOUT_PAPER]
    return rows if all(row["invoiceId"] for row in rows) else None


def _proven(visit: Visit, page: str) -> str | None:
    shown = visit.office.read(page)
    return None if "A proof is under way." in shown else shown
