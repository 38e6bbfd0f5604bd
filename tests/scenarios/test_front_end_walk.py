"""The existing front end against `make demo`: every page of a customer and of an administrator, every call it makes."""

import json
import uuid

import pytest
import requests

from minispod.local.timeline import eventually
from tests.plugins.demo import START_SECONDS, STOP_SECONDS, Demo
from tests.scenarios.front_end.administrator import Administrator
from tests.scenarios.front_end.customer import Customer
from tests.scenarios.front_end.tab import CALLS, Tab

WALK_SECONDS = 1800.0


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
    _look_at_the_residents(staff)


def _look_at_the_residents(staff: Tab) -> None:
    """A demo has customers from its start, in whose pages and about whom there is something to see."""
    wanted = {"ACTIVE": 3 + 1 + 1, "EXPIRED": 1, "CANCELLED": 1}

    def counted(status: str) -> int:
        found = staff.call("all subscriptions", more=f"&status={status}&search=@minispod.com")
        return int(found["pagination"]["totalCount"])

    for status, number in wanted.items():
        eventually(
            lambda status=status, number=number: counted(status) >= number,
            within=120.0,
            otherwise=f"not {number} {status}",
        )
    resident = Tab(staff.api)
    resident.sign_in("login", email="user1@minispod.com", password="password")
    listed, _, shown = resident.load("subscriptions", "transactions", "tickets", page=1)
    assert {each["status"] for each in listed["subscriptions"]} == {"ACTIVE"}
    assert {each["status"] for each in shown["tickets"]} == {"OPEN"}


def _google_token(demo: Demo, email: str) -> str:
    google = json.loads((demo.state / "google.json").read_text())
    person = {"email": email, "sub": uuid.uuid4().hex, "name": "Citra Dewi", "email_verified": True}
    headers = {"Authorization": f"Bearer {google['lever_token']}"}
    answer = requests.post(f"{google['url']}/api/tokens", json=person, headers=headers, timeout=10)
    return str(answer.json()["idToken"])
