"""Papers on the pages: found, shown, saved, and nothing to change."""

import io
from collections.abc import Callable

import pytest
from pypdf import PdfReader

from tests.admin.conftest import Browser
from tests.admin.shop import Shop


@pytest.fixture
def number(shop: Shop, run_jobs: Callable[..., int], tick: Callable[[str], None]) -> str:
    """The number of the invoice; the top-up of the shop gets its receipt as one from before."""
    run_jobs()
    tick("complete-papers")
    return "INV-202611-000001"


def test_papers_are_listed_searched_and_filtered(browser: Browser, shop: Shop, number: str) -> None:
    text = browser.shown("/admin/money/papers")
    assert number in text
    assert "RCP-202611-000001" in text
    assert 'aria-current="true">Papers' in text

    for query, shown in (
        (f"q={shop.customer.email}", True),
        (f"q={shop.topup.custom_id}", False),
        (f"q={shop.subscription.id}", True),
        (f"q={shop.customer.id}", True),
        (f"q={shop.topup.id}", False),
        (f"q={number.lower()}", True),
        ("kind=RECEIPT", False),
        ("kind=INVOICE", True),
        ("kind=nonsense", True),
        ("q=nobody", False),
    ):
        assert (number in browser.shown(f"/admin/money/papers?{query}")) is shown, query
    assert "<html" not in browser.fragment("/admin/money/papers").text


def test_the_ledger_shows_the_paper_of_each_entry_and_finds_it_by_the_number(
    browser: Browser, shop: Shop, number: str
) -> None:
    receipt = "RCP-202611-000001"

    for page in ("/admin/money", f"/admin/customers/{shop.customer.id}/wallet"):
        shown = browser.shown(page)
        for paper in (number, receipt):
            assert f'href="/admin/money/papers?q={paper}"' in shown, page
    for paper, entry in ((number, "Subscription to"), (receipt.lower(), shop.topup.custom_id)):
        found = browser.shown(f"/admin/money?q={paper}")
        assert "1–1 of 1" in found, paper
        assert entry in found, paper


def test_a_paper_is_shown_and_saved_in_both_languages(browser: Browser, shop: Shop, number: str) -> None:
    customer = browser.shown(f"/admin/customers/{shop.customer.id}")
    assert number in customer
    path = next(
        part.split('"')[0] for part in customer.split('href="') if part.split(">")[1].startswith(number)
    )

    page = browser.shown(path)

    assert shop.customer.email in page
    for language, word in (("en", "INVOICE"), ("id", "FAKTUR")):
        saved = browser.client.get(f"{path}/pdf?language={language}")
        assert saved.content_type == "application/pdf"
        assert f"invoice-{number}.pdf" in saved.headers["Content-Disposition"]
        assert word in PdfReader(io.BytesIO(saved.data)).pages[0].extract_text()
    assert f"{path}/pdf?language=id" in page


def test_unknown_papers_are_not_found_and_strangers_sign_in(
    browser: Browser, stranger: Callable[[], Browser], number: str
) -> None:
    for path in ("nonsense", "019a0000-0000-7000-8000-000000000001"):
        assert browser.get(f"/admin/money/papers/{path}").status_code == 404
        assert browser.get(f"/admin/money/papers/{path}/pdf").status_code == 404
    assert stranger().get("/admin/money/papers").status_code == 303
