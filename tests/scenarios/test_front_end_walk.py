"""The existing front end against `make demo`: every page of a customer and of an administrator, every call it makes."""

import json
import uuid

import pytest
import requests

from tests.plugins.demo import START_SECONDS, STOP_SECONDS, Demo
from tests.scenarios.front_end.administrator import Administrator
from tests.scenarios.front_end.customer import Customer
from tests.scenarios.front_end.tab import CALLS, Tab

WALK_SECONDS = 900.0


@pytest.mark.parametrize("demo", ["simulator"], indirect=True)
@pytest.mark.timeout(START_SECONDS + WALK_SECONDS + STOP_SECONDS)
def test_every_page_of_the_front_end_works(demo: Demo) -> None:
    places = json.loads((demo.state / "endpoints.json").read_text())
    email = f"citra-{uuid.uuid4().hex[:10]}@example.com"

    tab = Tab(places["web"])
    tab.sign_in("google", idToken=_google_token(demo, email))
    customer = Customer(tab, places["ingress"].removeprefix("http://"))
    customer.walk()
    # Wherever the front end is started on this machine, it may call.
    staff = Tab(places["web"], origin="http://127.0.0.1:3000")
    staff.refused("login", {"email": "admin@minispod.com", "password": "a guess"})
    staff.sign_in("login", email="admin@minispod.com", password="password")
    Administrator(staff, customer, email).walk()

    assert tab.called | staff.called == set(CALLS)


def _google_token(demo: Demo, email: str) -> str:
    google = json.loads((demo.state / "google.json").read_text())
    person = {"email": email, "sub": uuid.uuid4().hex, "name": "Citra Dewi", "email_verified": True}
    headers = {"Authorization": f"Bearer {google['lever_token']}"}
    answer = requests.post(f"{google['url']}/api/tokens", json=person, headers=headers, timeout=10)
    return str(answer.json()["idToken"])
