"""Recorded exchanges of sign-up, sign-in, refresh, sign-out and profile."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from minispod.accounts.models import User
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from tests.contracts.wire.conftest import Replay
from tests.plugins.app import PASSWORD, Person


def bearing(token: str, person: Person) -> Person:
    return replace(person, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def sign_in(replay: Replay) -> Callable[[Person], Person]:
    """Sign in as recorded; the person with the new tokens, the refresh token in the headers too."""

    def log_in(person: Person) -> Person:
        data = replay("auth__login_ok", email=person.email, password=PASSWORD)["data"]
        found = bearing(data["accessToken"], person)
        found.headers["X-Refresh"] = data["refreshToken"]
        return found

    return log_in


def test_sign_up(replay: Replay) -> None:
    data = replay("auth__register_ok_with_welcome_bonus")["data"]

    assert data["user"]["role"] == "USER"
    assert replay("auth__register_duplicate_email")["code"] == "accounts.email_taken"
    assert replay("auth__register_duplicate_phone")["code"] == "accounts.phone_taken"
    assert replay("auth__register_email_case_variant")["code"] == "accounts.email_taken"
    assert replay("auth__register_asks_for_admin_role")["data"]["user"]["role"] == "USER"


def test_sign_up_ignores_what_it_does_not_know(replay: Replay) -> None:
    assert "foo" not in replay("auth__register_unknown_field")["data"]["user"]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("auth__register_validation_bad_email", "email"),
        ("auth__register_validation_bad_phone", "phone"),
        ("auth__register_validation_missing_all", "email"),
        ("auth__register_validation_short_password", "password"),
        ("auth__login_validation", "email"),
        ("auth__refresh_missing", "refreshToken"),
    ],
)
def test_a_bad_field_is_named(replay: Replay, name: str, field: str) -> None:
    assert field in replay(name)["errors"]


def test_sign_in(replay: Replay, customer: Person) -> None:
    user = replay("auth__login_ok", email=customer.email, password=PASSWORD)["data"]["user"]

    assert (user["id"], user["role"], user["creditBalance"]) == (str(customer.id), "USER", 500_000)
    assert replay("auth__login_unknown_email")["code"] == "accounts.bad_credentials"
    assert replay("auth__login_wrong_password", email=customer.email)["code"] == "accounts.bad_credentials"


def test_a_deactivated_account_is_told_so(app: Flask, replay: Replay, customer: Person) -> None:
    with app.app_context():
        session().get_one(User, customer.id).is_active = False
        session().commit()

    body = replay("auth__login_deactivated", email=customer.email, password=PASSWORD)
    assert body["code"] == "accounts.deactivated"
    assert replay("wallet__info_as_deactivated_user", customer)["code"] == "accounts.deactivated"


def test_a_token_of_a_deleted_account_is_worth_nothing(
    app: Flask, replay: Replay, person: Callable[..., Person]
) -> None:
    gone = person()
    with app.app_context():
        session().connection().exec_driver_sql(
            "SET LOCAL session_replication_role = replica; TRUNCATE users CASCADE"
        )
        session().commit()

    assert replay("wallet__info_as_deleted_user", gone)["code"] == "accounts.bad_token"


def test_profile_needs_a_token(replay: Replay, customer: Person) -> None:
    replay("auth__profile_ok", customer)
    replay("user__profile_get", customer)
    for name in ("auth__profile_no_token", "user__profile_no_token", "wallet__info_no_token"):
        assert replay(name)["code"] == "unauthenticated"
    assert replay("auth__profile_bad_token", bearing("not.a.token", customer))["code"] == "accounts.bad_token"


def test_profile_is_changed(replay: Replay, customer: Person, person: Callable[..., Person]) -> None:
    user = replay("user__profile_put", customer)["data"]["user"]

    assert (user["name"], user["phone"]) == ("John Doe Jr", "+6289876543211")
    assert "name" in replay("user__profile_put_validation", customer)["errors"]
    unchanged = replay("user__profile_put_with_email", customer)["data"]["user"]
    assert (unchanged["email"], unchanged["name"]) == (customer.email, "John")
    body = replay("user__profile_put_duplicate_phone", person(), phone="+6289876543211")
    assert body["code"] == "accounts.phone_taken"


def test_a_refresh_token_is_exchanged(
    replay: Replay, sign_in: Callable[[Person], Person], customer: Person, clock: FrozenClock
) -> None:
    first = sign_in(customer).headers["X-Refresh"]

    second = replay("auth__refresh_ok", refreshToken=first)["data"]["refreshToken"]
    assert replay("auth__refresh_reuse", refreshToken=first)["data"]["refreshToken"] == second
    third = replay("auth__refresh_frontend_path", refreshToken=second)["data"]["refreshToken"]
    assert len({first, second, third}) == 3
    assert replay("auth__refresh_invalid", refreshToken="no such token")["code"] == "accounts.bad_token"


def test_signing_out_ends_the_refresh_token(
    replay: Replay, sign_in: Callable[[Person], Person], customer: Person
) -> None:
    me = sign_in(customer)
    token = me.headers["X-Refresh"]

    replay("auth__logout_ok", me, refreshToken=token)
    replay("auth__logout_again", me, refreshToken=token)
    replay("auth__logout_missing_token", me)
    replay("auth__profile_after_logout", me)
    assert replay("auth__refresh_after_logout", refreshToken=token)["code"] == "accounts.bad_token"


def test_signing_out_everywhere_has_no_data(replay: Replay, customer: Person) -> None:
    assert "data" not in replay("auth__logout_all", customer)


def test_what_is_no_json_and_what_is_nowhere(replay: Replay) -> None:
    assert replay("generic__malformed_json")["code"] == "request.malformed_json"
    assert replay("generic__unknown_route")["code"] == "route.not_found"
    replay("generic__health")
