"""Sign up, sign in, rotation, sign out, profile: over the wire."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from minispod.kernel.clock import FrozenClock
from tests.plugins.app import PASSWORD, Person, data_of, refused

NEW = {
    "name": "Siti Rahma",
    "email": "Siti@Example.com",
    "phone": "081298765432",
    "password": "rahasia123",
    "role": "ADMINISTRATOR",
}


def _register(client: FlaskClient, **changes: object) -> dict[str, object]:
    return data_of(client.post("/api/auth/register", json={**NEW, **changes}), 201)


def test_a_new_customer_gets_tokens_and_an_empty_wallet(client: FlaskClient) -> None:
    data = _register(client)

    assert data["user"]["role"] == "USER"
    assert data["user"]["creditBalance"] == 0
    headers = {"Authorization": f"Bearer {data['accessToken']}"}
    wallet = data_of(client.get("/api/wallet/info", headers=headers))["wallet"]
    assert wallet["creditBalance"] == 0
    assert "password" not in str(data["user"]).lower()


def test_an_address_in_another_case_is_the_same_address(client: FlaskClient) -> None:
    _register(client)

    refused(
        client.post("/api/auth/register", json={**NEW, "email": "siti@EXAMPLE.com", "phone": ""}),
        409,
        "accounts.email_taken",
    )
    data_of(client.post("/api/v1/auth/login", json={"email": "SITI@example.com", "password": "rahasia123"}))


def test_a_phone_number_belongs_to_one_account(client: FlaskClient) -> None:
    _register(client)

    refused(
        client.post("/api/auth/register", json={**NEW, "email": "other@example.com"}),
        409,
        "accounts.phone_taken",
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"password": "short"}, "password"),
        ({"phone": "12345"}, "phone"),
        ({"name": "x"}, "name"),
        ({"name": 7}, "name"),
    ],
)
def test_bad_fields_are_named(client: FlaskClient, changes: dict[str, object], field: str) -> None:
    body = refused(client.post("/api/auth/register", json={**NEW, **changes}), 400, "request.invalid")

    assert field in body["errors"]
    assert field in body["message"]


def test_several_bad_fields_are_one_readable_sentence(client: FlaskClient) -> None:
    body = refused(client.post("/api/auth/login", json={"email": "nobody"}), 400, "request.invalid")

    assert set(body["errors"]) == {"email", "password"}
    assert body["message"] == ("email: Not a valid email address, password: Missing data for required field.")


@pytest.mark.parametrize("body", [[], "x", 7])
def test_a_body_that_is_no_object_is_told_so(client: FlaskClient, body: object) -> None:
    assert (
        "JSON object" in refused(client.post("/api/auth/login", json=body), 400, "request.invalid")["message"]
    )


def test_malformed_json_is_a_clear_400(client: FlaskClient) -> None:
    response = client.post("/api/auth/login", data=b"{nope", content_type="application/json")

    refused(response, 400, "request.malformed_json")


def test_a_wrong_type_of_body_is_a_clear_400(client: FlaskClient) -> None:
    refused(client.post("/api/auth/login", json=["email"]), 400, "request.invalid")


def test_unknown_address_and_wrong_password_sound_the_same(client: FlaskClient, customer: Person) -> None:
    unknown = client.post("/api/auth/login", json={"email": "nobody@example.com", "password": "whatever"})
    wrong = client.post("/api/auth/login", json={"email": customer.email, "password": "whatever"})

    assert refused(unknown, 401, "accounts.bad_credentials")["message"] == wrong.get_json()["message"]


def test_a_refresh_token_works_once_and_its_reuse_ends_the_family(
    client: FlaskClient, clock: FrozenClock
) -> None:
    first = _register(client)["refreshToken"]
    second = data_of(client.post("/api/auth/refresh-token", json={"refreshToken": first}))["refreshToken"]
    assert second != first

    clock.advance(minutes=5)
    refused(client.post("/api/auth/refresh", json={"refreshToken": first}), 401, "accounts.token_reused")

    refused(client.post("/api/auth/refresh", json={"refreshToken": second}), 401, "accounts.bad_token")


def test_two_refreshes_at_once_get_the_same_successor(client: FlaskClient) -> None:
    first = _register(client)["refreshToken"]

    answers = [data_of(client.post("/api/auth/refresh", json={"refreshToken": first})) for _ in range(2)]

    assert answers[0]["refreshToken"] == answers[1]["refreshToken"]


def test_logging_out_ends_the_refresh_token(client: FlaskClient) -> None:
    data = _register(client)
    headers = {"Authorization": f"Bearer {data['accessToken']}"}

    data_of(client.post("/api/auth/logout", json={"refreshToken": data["refreshToken"]}, headers=headers))

    refused(
        client.post("/api/auth/refresh", json={"refreshToken": data["refreshToken"]}),
        401,
        "accounts.bad_token",
    )


def test_logging_out_everywhere_ends_access_tokens_at_once(client: FlaskClient) -> None:
    headers = {"Authorization": f"Bearer {_register(client)['accessToken']}"}

    data_of(client.post("/api/auth/logout-all", headers=headers, content_type="application/json"))

    refused(client.get("/api/auth/profile", headers=headers), 401, "accounts.bad_token")


def test_an_access_token_ends_after_its_life(
    client: FlaskClient, customer: Person, clock: FrozenClock
) -> None:
    data_of(client.get("/api/user/profile", headers=customer.headers))

    clock.advance(hours=24, seconds=1)

    refused(client.get("/api/user/profile", headers=customer.headers), 401, "accounts.bad_token")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x.y.z", "Bearer " + "a" * 3000])
def test_without_a_proper_token_nothing_is_shown(client: FlaskClient, header: str) -> None:
    response = client.get("/api/wallet/info", headers={"Authorization": header} if header else {})

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_blanks_clear_phone_and_avatar(client: FlaskClient, customer: Person) -> None:
    def change(**body: str) -> dict[str, object]:
        return data_of(client.put("/api/user/profile", json=body, headers=customer.headers))["user"]

    change(name="Siti", phone="081298765432", avatar="https://example.com/a.png")
    user = change(name="Siti Baru", phone="", avatar="")

    assert (user["name"], user["phone"], user["avatar"]) == ("Siti Baru", None, None)


def test_a_taken_phone_is_refused_in_the_profile(client: FlaskClient, person: Callable[..., Person]) -> None:
    one, other = person(), person()
    body = {"name": "Siti", "phone": "081298765432", "avatar": ""}
    data_of(client.put("/api/user/profile", json=body, headers=one.headers))

    refused(client.put("/api/user/profile", json=body, headers=other.headers), 409, "accounts.phone_taken")


def test_the_password_is_checked(client: FlaskClient, customer: Person) -> None:
    data = data_of(client.post("/api/auth/login", json={"email": customer.email, "password": PASSWORD}))

    assert data["user"]["creditBalance"] == 500_000
    assert data["accessToken"]
    assert data["refreshToken"]


def test_a_request_id_goes_in_and_out(client: FlaskClient) -> None:
    response = client.get("/api/auth/profile", headers={"X-Request-ID": "from-the-proxy-1"})

    assert response.headers["X-Request-ID"] == "from-the-proxy-1"
    assert response.get_json()["requestId"] == "from-the-proxy-1"


def test_an_unknown_route_is_a_json_404(client: FlaskClient) -> None:
    refused(client.get("/api/nothing/here"), 404, "route.not_found")


def test_a_wrong_method_says_which_are_allowed(client: FlaskClient) -> None:
    response = client.delete("/api/auth/login")

    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
