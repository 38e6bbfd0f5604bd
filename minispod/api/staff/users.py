"""User administration: /api/v1/admin/users. List, create, change, (de)activate, delete, export."""

from typing import Any

from flask import Response, g

from minispod.accounts import stewardship
from minispod.accounts.models import User
from minispod.api.accounts import with_credit
from minispod.api.downloads import CSV, csv_answer
from minispod.api.envelope import Answer, Door
from minispod.api.guard import limiter, requires_staff
from minispod.api.schemas.base import pagination, wanted_page
from minispod.api.schemas.users import (
    Activity,
    ManyStatusIn,
    ManyStatusOut,
    OneUserOut,
    UserCreateIn,
    UserDeleteQuery,
    UserFilters,
    UsersOut,
    UsersQuery,
    UserStatusIn,
    UserUpdateIn,
)
from minispod.audit import trail
from minispod.insights import users
from minispod.insights.users import ListedUser, UsersWanted
from minispod.kernel.actor import Role
from minispod.kernel.errors import Refusal, Unavailable
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.onboarding.signup import register
from minispod.ports import current_ports, current_settings
from minispod.subscriptions import departures
from minispod.subscriptions.departures import Applications
from minispod.wallet import statements

door = Door("staff_users", __name__, url_prefix="/api/v1/admin/users", description="User administration")


@door.get("")
@requires_staff
@door.arguments(UsersQuery, location="query")
@door.answers(200, UsersOut, message="Users retrieved successfully")
def list_users(query: dict[str, Any]) -> dict[str, Any]:
    """List accounts with their wallets; accounts that were deleted are not in it."""
    wanted = _wanted(query, sort_by=query["sort_by"], ascending=query["sort_order"] == "asc")
    page = users.list_users(wanted_page(query), wanted)
    return {"users": [_listed(each) for each in page.items], "pagination": pagination(page)}


@door.get("/export.csv")
@requires_staff
@limiter.limit("10 per minute")
@door.arguments(UserFilters, location="query")
@door.alt_response(200, **CSV, description="The accounts")
def export_users(query: dict[str, Any]) -> Response:
    """Download accounts and what their wallets hold as CSV, oldest first, with the filters of the list."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        trail.record(
            g.actor,
            trail.Action.ACCOUNT_EXPORTED,
            at=ports.clock.now(),
            subject_kind="user",
            subject_id="all",
            search=query["search"],
            role=query["role"].value if query["role"] else None,
        )
    return csv_answer("users", users.accounts_sheet(_wanted(query)))


@door.post("")
@requires_staff
@door.arguments(UserCreateIn)
@door.answers(201, OneUserOut, message="User created successfully")
def create_user(body: dict[str, Any]) -> dict[str, Any]:
    """Open an account with its wallet; welcome bonuses are for people who register themselves."""
    ports, settings = current_ports(), current_settings()
    with unit_of_work(ports.courier):
        user, wallet = register(
            **{**body, "role": body["role"] or Role.USER},
            bcrypt_rounds=settings.tokens.bcrypt_rounds,
            frontend_url=settings.web.frontend_url,
            actor=g.actor,
            at=ports.clock.now(),
        )
    return {"user": with_credit(user, wallet)}


@door.get("/<user_id>")
@requires_staff
@door.answers(200, OneUserOut, message="User retrieved successfully")
def show_user(user_id: str) -> dict[str, Any]:
    """Show one account with its wallet."""
    found = users.get_user(parse_id(user_id))
    return {"user": with_credit(found.user, found.wallet)}


@door.put("/<user_id>")
@requires_staff
@door.arguments(UserUpdateIn)
@door.answers(200, OneUserOut, message="User updated successfully")
def update_user(body: dict[str, Any], user_id: str) -> dict[str, Any]:
    """Change an account; one's own role stays, and so does the last administrator's."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        user = stewardship.change(parse_id(user_id), body, actor=g.actor, at=ports.clock.now())
    return _shown(user)


@door.patch("/<user_id>/status")
@requires_staff
@door.arguments(UserStatusIn)
@door.answers(200, OneUserOut, message="User activated successfully")
def set_status(body: dict[str, Any], user_id: str) -> Answer:
    """Activate or deactivate an account, which is signed out everywhere at once; without a body, switch it over.

    The applications of a deactivated customer go on running and renewing unless `instances` says `stop` or `cancel`.
    """
    wanted = body["is_active"]
    if wanted is None:
        wanted = not users.get_user(parse_id(user_id)).user.is_active
    user = _switched(user_id, wanted, body["instances"])
    done = "activated" if wanted else "deactivated"
    return Answer(_shown(user), message=f"User {done} successfully")


@door.patch("/status")
@requires_staff
@door.arguments(ManyStatusIn)
@door.answers(200, ManyStatusOut, message="Users updated")
def set_status_of_many(body: dict[str, Any]) -> dict[str, Any]:
    """Activate or deactivate several accounts, each in a unit of work of its own with an outcome of its own."""
    results = [_one_of_many(each, body["is_active"], body["instances"]) for each in body["user_ids"]]
    successful = sum(each["success"] for each in results)
    summary = {"total": len(results), "successful": successful, "failed": len(results) - successful}
    return {"results": results, "summary": summary}


@door.delete("/<user_id>")
@requires_staff
@door.arguments(UserDeleteQuery, location="query")
@door.answers(200, message="User deleted successfully")
def delete_user(query: dict[str, Any], user_id: str) -> None:
    """Delete an account; one with a history of money is anonymised, so that the books stay.

    Refused while it has active subscriptions, and while it has credit: 409 `subscriptions.credit_left` says in
    `data.creditBalance` how much; the same with `forfeitCredit` of that amount lets it be lost, and so does
    deactivating the account first.
    """
    ports, forfeits = current_ports(), query["forfeit_credit"]
    with unit_of_work(ports.courier):
        departures.delete(parse_id(user_id), forfeits=forfeits, actor=g.actor, at=ports.clock.now())


def _switched(user_id: str, is_active: bool, applications: Applications | None) -> User:
    ports, id_ = current_ports(), parse_id(user_id)
    with unit_of_work(ports.courier):
        if is_active:
            return stewardship.unblock(id_, actor=g.actor, at=ports.clock.now())
        wanted = applications or Applications.LEAVE
        return departures.deactivate(id_, wanted, actor=g.actor, at=ports.clock.now())


def _one_of_many(user_id: str, is_active: bool, applications: Applications | None) -> dict[str, Any]:
    try:
        _switched(user_id, is_active, applications)
    except Unavailable:
        # The database is away: what was done is done, and the same request goes on from here.
        raise
    except Refusal as refusal:
        return {"user_id": user_id, "success": False, "code": refusal.code, "error": refusal.message}
    return {"user_id": user_id, "success": True}


def _wanted(query: dict[str, Any], **order: Any) -> UsersWanted:
    return UsersWanted(
        search=query["search"] or "",
        role=query["role"],
        is_active=query["status"] is Activity.ACTIVE if query["status"] else None,
        **order,
    )


def _listed(found: ListedUser) -> dict[str, Any]:
    return {**with_credit(found.user, found.wallet), "count": {"subscriptions": found.subscriptions}}


def _shown(user: User) -> dict[str, Any]:
    return {"user": with_credit(user, statements.get_wallet(user.id, actor=g.actor))}
