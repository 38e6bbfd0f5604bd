"""The operator board."""

from tests.simulator.midtrans.conftest import ORDER, Midsim, Shop


def _enter(midsim: Midsim) -> None:
    assert midsim.client.post("/sim/login", data={"token": "test-token"}).status_code == 303


def test_without_the_token_nothing_is_shown(midsim: Midsim) -> None:
    midsim.pending()

    assert midsim.client.get("/sim/").status_code == 401
    assert midsim.client.post("/sim/login", data={"token": "x"}).status_code == 401
    assert midsim.client.post("/sim/advance", data={"seconds": "60"}).status_code == 401
    assert ORDER not in midsim.client.get("/sim/").text


def test_it_shows_everything_and_its_buttons_work(midsim: Midsim, shop: Shop) -> None:
    transaction = midsim.pending("ovo")
    _enter(midsim)

    page = midsim.client.get("/sim/").text
    midsim.client.post(f"/sim/transactions/{transaction}/pay")
    midsim.client.post("/sim/run-due")
    midsim.client.post("/sim/deliveries/d-1/resend")
    midsim.client.post("/sim/preset", data={"name": "flaky_api"})

    assert ORDER in page
    assert shop.statuses == ["pending", "settlement", "pending"]
    assert "probability" in midsim.client.get("/sim/").text
    assert midsim.client.post(f"/sim/transactions/{transaction}/pay").status_code == 409


def test_time_can_be_moved(midsim: Midsim) -> None:
    midsim.pending("ovo")
    _enter(midsim)

    midsim.client.post("/sim/advance", data={"seconds": "900"})

    assert midsim.status(ORDER)["transaction_status"] == "expire"


def test_other_pages_cannot_press_its_buttons(midsim: Midsim) -> None:
    _enter(midsim)

    strange = midsim.client.post("/sim/run-due", headers={"Origin": "http://localhost:5000"})
    own = midsim.client.post("/sim/run-due", headers={"Origin": "http://localhost"})
    policy = midsim.client.get("/sim/").headers["Referrer-Policy"]

    assert (strange.status_code, own.status_code) == (403, 303)
    # With no-referrer browsers call the origin of our own forms "null".
    assert policy == "same-origin"


def test_leaving_ends_it(midsim: Midsim) -> None:
    _enter(midsim)

    midsim.client.post("/sim/logout")

    assert midsim.client.get("/sim/").status_code == 401
