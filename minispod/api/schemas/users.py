"""User administration on the wire."""

from enum import StrEnum

from marshmallow import fields, validate

from minispod.api.schemas.accounts import ADDRESS, AVATAR, NAME, PHONE, UserOut, UserWithCreditOut
from minispod.api.schemas.base import (
    SOMETIMES,
    AnswerSchema,
    Blank,
    BlankEnum,
    PageQuery,
    PaginationOut,
    WireSchema,
)
from minispod.insights.users import SortBy
from minispod.kernel.actor import Role
from minispod.subscriptions.departures import Applications


class Activity(StrEnum):
    """Whether an account may sign in."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class UserFilters(WireSchema):
    """Which accounts are wanted; `search` looks into name, address and phone."""

    search = Blank(load_default=None, validate=validate.Length(max=100))
    role = BlankEnum(Role, load_default=None)
    status = BlankEnum(Activity, load_default=None)


class UsersQuery(UserFilters, PageQuery):
    """The same, page by page and sorted."""

    sort_by = fields.Enum(SortBy, by_value=True, load_default=SortBy.CREATED_AT)
    sort_order = fields.String(load_default="desc", validate=validate.OneOf(("asc", "desc")))


class UserCountOut(AnswerSchema):
    """How many of what an account has."""

    subscriptions = fields.Integer()


class ListedUserOut(UserOut):
    """One line of the list."""

    credit_balance = fields.Integer()
    total_top_up = fields.Integer()
    total_spent = fields.Integer()
    count = fields.Nested(UserCountOut, data_key="_count")


class UsersOut(AnswerSchema):
    """One page of accounts."""

    users = fields.List(fields.Nested(ListedUserOut))
    pagination = fields.Nested(PaginationOut)


class OneUserOut(AnswerSchema):
    """One account with its wallet."""

    user = fields.Nested(UserWithCreditOut)


class UserCreateIn(WireSchema):
    """A new account; without a role, a customer's."""

    name = fields.String(required=True, validate=NAME)
    email = fields.Email(required=True, validate=ADDRESS)
    password = fields.String(required=True, validate=validate.Length(6, 72), load_only=True)
    phone = Blank(load_default=None, validate=PHONE)
    avatar = Blank(load_default=None, validate=AVATAR)
    role = BlankEnum(Role, load_default=None)


class UserUpdateIn(WireSchema):
    """What is to be changed; blanks clear phone and avatar and leave the rest."""

    name = Blank(validate=NAME)
    email = Blank(validate=(validate.Email(), *ADDRESS))
    phone = Blank(validate=PHONE)
    avatar = Blank(validate=AVATAR)
    role = BlankEnum(Role)


class UserDeleteQuery(WireSchema):
    """What deleting may cost the customer: how much credit, in rupiah, is lost with the account."""

    forfeit_credit = fields.Integer(load_default=0, validate=validate.Range(0, 10**15))


class UserStatusIn(WireSchema):
    """Without `isActive` the account is switched over. `instances`: what becomes of a deactivated customer's."""

    is_active = fields.Boolean(load_default=None, allow_none=True)
    instances = BlankEnum(Applications, load_default=None)


class ManyStatusIn(WireSchema):
    """The same for several accounts; here it must be said which way."""

    user_ids = fields.List(fields.String(), required=True, validate=validate.Length(1, 100))
    is_active = fields.Boolean(required=True)
    instances = BlankEnum(Applications, load_default=None)


class OneOfManyOut(AnswerSchema):
    """What became of one account; `code` and `error` when it was refused."""

    user_id = fields.String()
    success = fields.Boolean()
    code = fields.String(metadata=SOMETIMES)
    error = fields.String(metadata=SOMETIMES)


class ManySummaryOut(AnswerSchema):
    """How many there were."""

    total = fields.Integer()
    successful = fields.Integer()
    failed = fields.Integer()


class ManyStatusOut(AnswerSchema):
    """What became of each, in the order they were sent."""

    results = fields.List(fields.Nested(OneOfManyOut))
    summary = fields.Nested(ManySummaryOut)
