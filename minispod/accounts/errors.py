"""Refusals of the accounts package."""

from minispod.kernel.errors import Conflict, Forbidden, NotFound, RuleBroken, TooMany, Unauthenticated


class BadCredentials(Unauthenticated):
    """Unknown address or wrong password: one answer for both, so that nobody learns which."""

    code = "accounts.bad_credentials"
    default_message = "Invalid email or password"


class AccountDeactivated(Unauthenticated):
    """The account exists and may not sign in."""

    code = "accounts.deactivated"
    default_message = "This account is deactivated. Please contact support."


class BadToken(Unauthenticated):
    """The token is malformed, expired, revoked or of an unknown account."""

    code = "accounts.bad_token"
    default_message = "The token is invalid or has expired. Please sign in again."


class TokenReused(Unauthenticated):
    """A spent refresh token came again; its whole family is revoked."""

    code = "accounts.token_reused"
    default_message = "This refresh token was used before. Please sign in again."


class EmailTaken(Conflict):
    """Another account has this address."""

    code = "accounts.email_taken"
    default_message = "This email is already registered"


class PhoneTaken(Conflict):
    """Another account has this phone number."""

    code = "accounts.phone_taken"
    default_message = "This phone number is already registered"


class PasswordUnfit(RuleBroken):
    """The password is too short, or too long for bcrypt."""

    code = "accounts.password_unfit"
    default_message = "The password needs 6 to 72 characters"


class NoSuchUser(NotFound):
    """There is no such account."""

    code = "accounts.no_such_user"
    default_message = "User not found"


class StaffOnly(Forbidden):
    """Only administrators may do this."""

    code = "accounts.staff_only"
    default_message = "Administrator access required"


class LastAdministrator(RuleBroken):
    """The last active administrator cannot be blocked or demoted."""

    code = "accounts.last_administrator"
    default_message = "The last active administrator must stay."


class TooManySignIns(TooMany):
    """Too many attempts to sign in to the administration from one address."""

    code = "accounts.too_many_sign_ins"
    default_message = "Too many attempts to sign in. Please wait a quarter of an hour."
