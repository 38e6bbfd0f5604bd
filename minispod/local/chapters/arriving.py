"""A new customer comes in, looks around and cannot buy yet; and leaves at the end."""

from contextlib import suppress
from pathlib import Path

from minispod.local.shopper import Shopper
from minispod.local.surroundings import Surroundings
from minispod.local.timeline import StoryStopped, Timeline, eventually
from minispod.local.visit import PLAN, SERVICE, Visit, check

PASSWORD = "a story needs a password"  # noqa: S105 - of an account that lives as long as the story
READY_SECONDS = 60.0
SAID_SECONDS = 3.0


def find_shop(directory: Path, told: Timeline) -> Surroundings:
    """Wait until the shop is ready and say where its parts are; a demo that is starting says so last of all."""
    with told.step("the shop is ready"):
        eventually(
            lambda: _is_ready(Surroundings.look_around(directory=directory)),
            within=READY_SECONDS,
            otherwise="/readyz does not answer 200; is there a demo? Start one with 'make demo'",
        )
        if directory.exists():
            with suppress(StoryStopped):
                eventually(
                    (directory / "endpoints.json").exists,
                    within=SAID_SECONDS,
                    every=0.1,
                    otherwise="another demo's shop",
                )
        around = Surroundings.look_around(directory=directory)
        told.remark(around.web)
    return around


def arrive(visit: Visit) -> None:
    """Register, confirm the address, sign in, and change the profile."""
    told, me = visit.told, visit.me
    with told.step(f"registers as {visit.email}"):
        form = {"name": "Budi Santoso", "email": visit.email, "password": PASSWORD}
        user = me.call("POST", "/auth/register", form, status=201)["user"]
        told.remark(f"account {user['id']}")
    with told.step("confirms the address"):
        visit.confirm_address()
    with told.step("signs in"):
        me.keep(me.call("POST", "/auth/login", {"email": visit.email, "password": PASSWORD}))
    with told.step("gets fresh tokens for the old ones"):
        spent = me.refresh_token
        me.keep(me.call("POST", "/auth/refresh-token", {"refreshToken": spent}))
        check(me.refresh_token != spent, "The refresh token was not replaced.")
    with told.step("changes the profile"):
        me.call("PUT", "/user/profile", {"name": "Budi S.", "phone": "", "avatar": ""})
        user = me.call("GET", "/user/profile")["user"]
        check((user["name"], user["email"]) == ("Budi S.", visit.email), f"The profile shows {user}")


def browse(visit: Visit) -> None:
    """Look through the catalogue; try to order without credit."""
    told, me = visit.told, visit.me
    with told.step("looks through the catalogue"):
        services = me.call("GET", "/catalog/services")["services"]
        for each in services:
            for plan in each["plans"]:
                visit.plans[each["slug"], plan["planType"]] = {**plan, "serviceId": each["id"]}
        check((SERVICE, PLAN) in visit.plans, f"{SERVICE} {PLAN} is not for sale, only {sorted(visit.plans)}")
        told.remark(f"{len(services)} services; {SERVICE} {PLAN} at {visit.plan['monthlyPrice']:,}")
    with told.step("looks into the wallet"):
        visit.credit = visit.wallet()["creditBalance"]  # a welcome bonus, if the shop gives one
        told.remark(f"{visit.credit:,}")
    with told.step("cannot order without credit"):
        wish = {"planId": visit.plan["id"]}
        code = "wallet.insufficient_credit"
        told.remark(me.refused("POST", "/subscriptions", wish, status=400, code=code))


def leave(visit: Visit) -> None:
    """Sign out; the tokens are worth nothing afterwards."""
    with visit.told.step("signs out"):
        token = {"refreshToken": visit.me.refresh_token}
        visit.me.call("POST", "/auth/logout", token)
        visit.me.refused("POST", "/auth/refresh-token", token, status=401)


def _is_ready(around: Surroundings) -> bool:
    try:
        return Shopper(around).send("GET", "/readyz").status_code == 200
    except StoryStopped:
        return False
