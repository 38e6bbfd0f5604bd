"""Accounts on the wire."""

from marshmallow import fields, validate

from minispod.api.schemas.base import SOMETIMES, AnswerSchema, Blank, Timestamp, WireSchema

PHONE = validate.Regexp(
    r"^(\+62|62|0)8[1-9][0-9]{6,9}$", error="must be an Indonesian mobile number such as 081234567890"
)
# Mail has to arrive there: no quoted local parts, and nothing that needs a server with SMTPUTF8.
ADDRESS = (
    validate.Length(max=254),
    validate.Regexp(
        r"^[!#-'*+\--9=?A-Z^-~@]+$", error="must be an address of plain letters, digits and signs"
    ),
)
AVATAR = (
    validate.Length(max=500),
    validate.URL(schemes={"http", "https"}, require_tld=False, error="must be a web address"),
)
# A name stands in mail headers and in lists: one line that reads from left to right.
NAME = (
    validate.Length(2, 50),
    validate.Regexp(
        r"^(?=.*\S.*\S)[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$",
        error="must be one line of at least two visible characters",
    ),
)


class RegisterIn(WireSchema):
    """What a new customer sends; a role is ignored."""

    name = fields.String(required=True, validate=NAME)
    email = fields.Email(required=True, validate=ADDRESS)
    password = fields.String(required=True, validate=validate.Length(6, 72), load_only=True)
    phone = Blank(load_default=None, validate=PHONE)
    avatar = Blank(load_default=None, validate=AVATAR)


class LoginIn(WireSchema):
    """Address and password."""

    email = fields.Email(required=True)
    password = fields.String(required=True, validate=validate.Length(1, 1000), load_only=True)


class RefreshIn(WireSchema):
    """A refresh token to be spent."""

    refresh_token = fields.String(required=True, validate=validate.Length(1, 200))


class LogoutIn(WireSchema):
    """The refresh token to be ended, if the client has it."""

    refresh_token = Blank(load_default=None, validate=validate.Length(max=200))


class ProfileIn(WireSchema):
    """One's own profile; blanks clear phone and avatar."""

    name = Blank(validate=NAME)
    phone = Blank(validate=PHONE)
    avatar = Blank(validate=AVATAR)


class AvatarIn(WireSchema):
    """One's own picture; a blank takes it away."""

    avatar = Blank(required=True, validate=AVATAR)


class GoogleTokenIn(WireSchema):
    """What Google gave the front end."""

    id_token = fields.String(required=True, validate=validate.Length(1, 10_000), load_only=True)


class MailedTokenIn(WireSchema):
    """The token of a mail."""

    token = fields.String(required=True, validate=validate.Length(1, 200), load_only=True)


class ForgottenIn(WireSchema):
    """Whose password is forgotten."""

    email = fields.Email(required=True, validate=validate.Length(max=254))


class PasswordResetIn(MailedTokenIn):
    """The token of the mail and the new password."""

    password = fields.String(required=True, validate=validate.Length(6, 72), load_only=True)


class PasswordChangeIn(WireSchema):
    """The present password and the new one."""

    current_password = fields.String(required=True, validate=validate.Length(1, 1000), load_only=True)
    new_password = fields.String(required=True, validate=validate.Length(6, 72), load_only=True)


class UserOut(AnswerSchema):
    """An account as its owner sees it."""

    id = fields.String()
    name = fields.String()
    email = fields.String()
    phone = fields.String(allow_none=True)
    role = fields.String(attribute="role.value")
    avatar = fields.String(allow_none=True)
    is_active = fields.Boolean()
    created_at = Timestamp()
    updated_at = Timestamp()


class UserWithCreditOut(UserOut):
    """An account with its wallet, as sign-in answers it."""

    google_id = fields.String(allow_none=True)
    is_google_user = fields.Boolean()
    email_verified = fields.Boolean()
    credit_balance = fields.Integer()
    total_top_up = fields.Integer()
    total_spent = fields.Integer()


class UserBriefOut(AnswerSchema):
    """The least one needs to know of an account."""

    id = fields.String()
    name = fields.String()
    email = fields.String()
    role = fields.String(attribute="role.value")


class ViewingOut(AnswerSchema):
    """An administrator looks as the customer: who, and until when; there is no such key for the customer."""

    administrator = fields.String(attribute="administrator.name")
    ends_at = Timestamp(attribute="viewing.ends_at")


class SignedInOut(AnswerSchema):
    """What a client gets when it signs in; with `viewing` the refresh token is worth nothing."""

    user = fields.Nested(UserWithCreditOut)
    access_token = fields.String()
    refresh_token = fields.String()
    viewing = fields.Nested(ViewingOut, metadata=SOMETIMES)


class RefreshedOut(AnswerSchema):
    """What a client gets for a refresh token; `refreshToken` replaces the spent one."""

    access_token = fields.String()
    refresh_token = fields.String()
    user = fields.Nested(UserBriefOut)


class ProfileOut(AnswerSchema):
    """One's own account."""

    user = fields.Nested(UserOut)
    viewing = fields.Nested(ViewingOut, metadata=SOMETIMES)


class ProfileWithCreditOut(AnswerSchema):
    """One's own account with its wallet and with what it is tied to."""

    user = fields.Nested(UserWithCreditOut)
