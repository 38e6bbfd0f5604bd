"""Refusals of the accounts package."""

from minispod.kernel.errors import (
    Conflict,
    Forbidden,
    NotFound,
    RuleBroken,
    TooMany,
    Unauthenticated,
    Unavailable,
)


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


class OwnAccount(RuleBroken):
    """Administrators do not block, demote or delete themselves."""

    code = "accounts.own_account"
    default_message = "Another administrator has to do this to your own account."


class BadGoogleToken(Unauthenticated):
    """The ID token is not Google's, not for us, expired, or about an address nobody has verified."""

    code = "accounts.bad_google_token"
    default_message = "Invalid Google token"


class GoogleTokenRefused(RuleBroken):
    """The same while somebody is signed in: their own token is good."""

    code = "accounts.google_token_refused"
    default_message = "Invalid Google token"


class GoogleNotOffered(RuleBroken):
    """No client id is configured."""

    code = "accounts.google_not_offered"
    default_message = "Signing in with Google is not offered here"


class GoogleSilent(Unavailable):
    """Google's keys cannot be read, and the cached ones are too old."""

    code = "accounts.google_silent"
    default_message = "Google does not answer at the moment. Please try again shortly, or use your password."


class GoogleEmailDiffers(RuleBroken):
    """Only the Google account of the same address is linked."""

    code = "accounts.google_email_differs"
    default_message = "The Google account has another email address than this account"


class GoogleAccountTaken(Conflict):
    """One Google account belongs to one account, and the other way round."""

    code = "accounts.google_account_taken"
    default_message = "This Google account is linked with another user"


class GoogleNotLinked(RuleBroken):
    """There is nothing to unlink."""

    code = "accounts.google_not_linked"
    default_message = "No Google account linked to this user"


class NoPassword(RuleBroken):
    """Without a password, Google is the only way in."""

    code = "accounts.no_password"
    default_message = "Set a password first; without it you could not sign in any more."


class BadMailedToken(RuleBroken):
    """The token is none of ours, was used, has ended, or belongs to an address that is no longer the account's."""

    code = "accounts.bad_mailed_token"
    default_message = "This link is not valid any more. Please ask for a new one."


class WrongPassword(RuleBroken):
    """The present password is another one."""

    code = "accounts.wrong_password"
    default_message = "The current password is not correct"


class ViewingOnly(Forbidden):
    """An administrator who looks as a customer may change nothing, and sees no secrets."""

    code = "accounts.viewing_only"
    default_message = "You are looking as this customer. Nothing can be changed, bought or revealed this way."


class NotViewable(RuleBroken):
    """This account cannot be looked at as its owner sees it."""

    code = "accounts.not_viewable"
    default_message = "Only active customers can be looked at. An administrator or a blocked account cannot."


class NoSuchViewing(NotFound):
    """There is no such viewing (any more), or it is another administrator's."""

    code = "accounts.no_such_viewing"
    default_message = "This viewing has ended. Begin another one on the page of the customer."
