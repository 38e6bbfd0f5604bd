"""Recorded exchanges of user administration, of the picture, and of signing in with Google."""

from collections.abc import Callable

import pytest

from minispod.kernel.actor import Role
from tests.contracts.wire.conftest import Replay
from tests.plugins.app import Person
from tests.plugins.google import GoogleStandIn


@pytest.fixture
def dewi(replay: Replay, administrator: Person) -> str:
    """The account that the recordings create; its id."""
    user = replay("admin_users__create_ok", administrator)["data"]["user"]
    assert (user["role"], user["creditBalance"]) == ("USER", 0)
    return str(user["id"])


def test_the_list(replay: Replay, administrator: Person, person: Callable[..., Person]) -> None:
    people = [person(name=f"User {number}", email=f"user{number}@minispod.com") for number in range(1, 4)]

    listed = replay("admin_users__list", administrator)["data"]
    assert [each["name"] for each in listed["users"]] == ["User 3", "User 2", "User 1", "Ayu Admin"]
    paged = replay("admin_users__list_paged_search", administrator)["data"]
    assert [each["name"] for each in paged["users"]] == ["User 3", "User 2"]
    assert (paged["pagination"]["totalCount"], paged["pagination"]["totalPages"]) == (3, 2)
    assert "limit" in replay("admin_users__list_bad_limit", administrator)["errors"]
    assert replay("admin_users__list_as_user", people[0])["code"] == "accounts.staff_only"
    assert replay("admin_users__list_no_token")["code"] == "unauthenticated"


def test_creating(replay: Replay, administrator: Person, dewi: str) -> None:
    assert replay("admin_users__create_duplicate_email", administrator)["code"] == "accounts.email_taken"
    assert replay("admin_users__create_duplicate_phone", administrator)["code"] == "accounts.phone_taken"
    assert {"name", "email", "password"} <= set(
        replay("admin_users__create_validation", administrator)["errors"]
    )


def test_one(replay: Replay, administrator: Person, dewi: str) -> None:
    assert replay("admin_users__get", administrator, dewi)["data"]["user"]["id"] == dewi
    assert replay("admin_users__get_404", administrator)["code"] == "accounts.no_such_user"


def test_changing(replay: Replay, administrator: Person, dewi: str, person: Callable[..., Person]) -> None:
    assert replay("admin_users__update_ok", administrator, dewi)["data"]["user"]["name"] == "Dewi Contoh"
    body = replay("admin_users__update_frontend_body_with_email", administrator, dewi, email="d@example.com")
    assert body["data"]["user"]["email"] == "d@example.com"
    assert replay("admin_users__update_404", administrator)["code"] == "accounts.no_such_user"
    second = person(role=Role.ADMINISTRATOR)
    user = replay("admin_users__update_second_admin_role", administrator, second.id)["data"]["user"]
    assert user["role"] == "USER"


def test_switching(replay: Replay, administrator: Person, dewi: str, person: Callable[..., Person]) -> None:
    second = person(role=Role.ADMINISTRATOR)

    assert replay("admin_users__status_off", administrator, dewi)["data"]["user"]["isActive"] is False
    assert replay("admin_users__status_on", administrator, dewi)["data"]["user"]["isActive"] is True
    assert replay("admin_users__status_no_body", administrator, dewi)["data"]["user"]["isActive"] is False
    assert replay("admin_users__status_self_off", second, second.id)["code"] == "accounts.own_account"
    replay("admin_users__status_off", administrator, second.id)
    assert replay("admin_users__list_as_deactivated_admin", second)["code"] == "accounts.deactivated"


def test_deleting(replay: Replay, administrator: Person, dewi: str, person: Callable[..., Person]) -> None:
    second = person(role=Role.ADMINISTRATOR)

    assert replay("admin_users__delete_self", second, second.id)["code"] == "accounts.own_account"
    assert "data" not in replay("admin_users__delete_ok", administrator, dewi)
    assert replay("admin_users__delete_404", administrator, dewi)["code"] == "accounts.no_such_user"
    replay("admin_users__delete_ok", administrator, second.id)
    assert replay("admin_users__list_as_deleted_admin", second)["code"] == "accounts.bad_token"


def test_the_picture(replay: Replay, customer: Person) -> None:
    user = replay("user__avatar_patch", customer)["data"]["user"]

    assert user["avatar"] == "https://example.com/a.png"
    assert "avatar" in replay("user__avatar_patch_validation", customer)["errors"]


def test_google(replay: Replay, google: GoogleStandIn, customer: Person) -> None:
    bad = google.token(aud="somebody else")

    assert "idToken" in replay("auth__google_login_missing")["errors"]
    assert replay("auth__google_login_unverifiable", idToken=bad)["code"] == "accounts.bad_google_token"
    link = replay("auth__google_link_unverifiable", customer, idToken=bad)
    assert link["code"] == "accounts.google_token_refused"
    assert replay("auth__google_unlink_none", customer)["code"] == "accounts.google_not_linked"
