"""The page of the proof: the last runs, each difference with its way on, one more run, and the safe repairs."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text

from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.proof import history
from minispod.proof.checks import CHECKS
from minispod.proof.models import ProofDifference
from minispod.proof.proving import prove
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.factories.coupons import put_coupon

PAGE = "/admin/money/proof"
SPOILT = (
    "UPDATE topups SET gateway_state = 'pending' WHERE id = :topup",
    "UPDATE wallets SET balance = balance + 7 WHERE user_id = :customer",
    "UPDATE ledger_entries SET reference = 'elsewhere' WHERE kind = 'period'",
    "UPDATE coupons SET used_count = 3",
    "UPDATE plans SET used_quota = used_quota + 1 WHERE id = :plan",
    "UPDATE gateway_notices SET order_id = 'TOPUP-GONE'",
    "INSERT INTO live_sizes (cpu_milli, memory_mb, instances) VALUES (7000, 7168, 1)",
)


@pytest.fixture
def proven(app: Flask, clock: FrozenClock) -> Callable[[], str]:
    """Run the proof as the night does; the id of the run."""

    def run() -> str:
        with app.app_context():
            proof = prove(clock.now())
            with unit_of_work():
                return str(
                    history.record(proof, cause="night", asked_by="the clock", actor=system("proof")).id
                )

    return run


@pytest.fixture
def spoilt(app: Flask, shop: Shop, clock: FrozenClock) -> None:
    """A shop in which several things do not agree."""
    known = {
        "customer": shop.customer.id,
        "topup": shop.topup.id,
        "plan": shop.subscription.plan_id,
    }
    with app.app_context():
        put_coupon("GIFT", at=clock.now())
    with app.app_context(), unit_of_work():
        session().execute(text("SET LOCAL session_replication_role = replica"))
        for statement in SPOILT:
            session().execute(text(statement), {k: v for k, v in known.items() if f":{k}" in statement})


def test_before_the_first_night_the_page_says_so(browser: Browser) -> None:
    assert "Nothing was proven yet" in browser.shown(PAGE)


def test_a_clean_run_is_shown_with_its_table(browser: Browser, shop: Shop, proven: Callable[[], str]) -> None:
    run = proven()

    page, one = browser.shown(PAGE), browser.shown(f"{PAGE}/{run}")

    for shown in (page, one):
        assert "Everything adds up" in shown
        assert "balance is the sum of its ledger" in shown
        assert "Not so:" not in shown
    assert "the clock" in page


def test_each_difference_leads_on_and_is_explained(
    browser: Browser, shop: Shop, spoilt: None, proven: Callable[[], str]
) -> None:
    run = proven()

    for shown in (browser.shown(PAGE), browser.shown(f"{PAGE}/{run}")):
        for link in (
            f'href="/admin/customers/{shop.customer.id}"',
            f'href="/admin/money/topups/{shop.topup.id}"',
            'href="/admin/money/topups?q=TOPUP-GONE"',
            f'href="/admin/tables/plans/details/?id={shop.subscription.plan_id}"',
            f'href="/admin/tables/subscriptions/details/?id={shop.subscription.id}"',
        ):
            assert link in shown, link
        assert "too much Rp\u00a07" in shown
        assert "What it may mean." in shown
        assert re.search(r"\d+ differences in \d+ of \d+ checks", shown)
        told = shown[shown.index('<section id="list"') :]
        promises = [check.promise.replace("'", "&#39;") for check in CHECKS]
        places = [told.index(promise) for promise in promises if f"Not so: {promise}" in told]
        assert len(places) >= 4
        assert places == sorted(places)
        assert shown.count("Compute from the ledger?") == 1
        assert shown.count("Count again?") == 1
        assert shown.count("Count uses again?") == 1
        assert shown.count("Count instances again?") == 1
        assert '7000m CPU, 7168 MB: <span class="muted">noted 1, live instances 0' in shown
        assert "Coupon GIFT" in shown
    for link in re.findall(r'href="(/admin/tables/[^"]+)"', browser.shown(PAGE)):
        browser.shown(link.replace("&amp;", "&"))
    assert "not proven" in browser.shown("/admin/")


def test_a_repair_is_done_once_and_the_proof_runs_again(
    browser: Browser,
    shop: Shop,
    spoilt: None,
    proven: Callable[[], str],
    app: Flask,
    run_jobs: Callable[[], int],
) -> None:
    proven()
    page = browser.shown(PAGE)
    repairs = re.findall(r'action="(/admin/money/proof/differences/[^"]+/repair)"', page)
    assert len(repairs) == 4

    for path in repairs:
        assert browser.post(path, PAGE).location == PAGE
    again = browser.post(repairs[0], PAGE)

    assert again.status_code == 303
    shown = browser.shown(PAGE)
    assert "This was repaired already." in shown
    assert "repaired" in shown
    assert "A proof is under way" in shown
    run_jobs()
    after = browser.shown(PAGE)
    assert "Compute from the ledger" not in after
    assert "A proof is under way" not in after
    assert "Proof: repaired" in browser.shown("/admin/audit?kind=proof")


def test_what_is_not_safe_is_refused_in_a_sentence(
    browser: Browser, shop: Shop, spoilt: None, proven: Callable[[], str], app: Flask
) -> None:
    proven()
    with app.app_context():
        found = session().query(ProofDifference).filter_by(check="topup-settlement").one()

    browser.post(f"{PAGE}/differences/{found.id}/repair", PAGE)

    assert "cannot be repaired by a button" in browser.shown(PAGE)


def test_a_proof_can_be_asked_for_and_comes_by_itself(
    browser: Browser, shop: Shop, run_jobs: Callable[[], int]
) -> None:
    browser.get(PAGE)

    answer = browser.post(PAGE, PAGE)

    assert (answer.status_code, answer.location) == (303, PAGE)
    assert "A proof is under way" in browser.shown(PAGE)
    run_jobs()
    shown = browser.shown(PAGE)
    assert "Everything adds up" in shown
    assert "Ayu Admin" in shown
    assert "Proof: requested" in browser.shown("/admin/audit")


def test_many_differences_are_paged(browser: Browser, app: Flask, clock: FrozenClock) -> None:
    with app.app_context():
        with unit_of_work():
            run = history.record(
                prove(clock.now()), cause="night", asked_by="the clock", actor=system("proof")
            )
            session().flush()
            session().add_all(
                ProofDifference(
                    run_id=run.id,
                    check="wallet-balance",
                    subject="wallet",
                    subject_id=str(n),
                    facts={"balance": n},
                )
                for n in range(30)
            )
        id_ = run.id

    first, second = browser.shown(f"{PAGE}/{id_}"), browser.fragment(f"{PAGE}/{id_}?page=2").text

    assert "1–25 of 30" in first
    assert "26–30 of 30" in second
    assert "<html" not in second
    assert f'href="{PAGE}/{id_}">All 30 of them' in browser.shown(PAGE)


def test_a_check_of_another_version_is_still_shown(
    browser: Browser, app: Flask, proven: Callable[[], str]
) -> None:
    run = proven()
    with app.app_context(), unit_of_work():
        session().add(
            ProofDifference(
                run_id=history.latest().id,  # type: ignore[union-attr]
                check="of-yesterday",
                subject="moon",
                subject_id="<b>",
                facts={"phase": "<i>full"},
            )
        )

    shown = browser.shown(f"{PAGE}/{run}")

    assert "Not so: of-yesterday" in shown
    assert "phase &lt;i&gt;full" in shown
