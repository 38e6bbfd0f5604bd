"""Refusals about custom domains."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken, TooMany


class BadHost(RuleBroken):
    """This name cannot become a custom domain; the message says why."""

    code = "domains.bad_host"
    default_message = "This name cannot be used as a domain."


class NoSuchDomain(NotFound):
    """There is no such domain, or it is somebody else's."""

    code = "domains.no_such_domain"
    default_message = "Domain not found"


class DomainTaken(Conflict):
    """Somebody has proven this host already; who is not told."""

    code = "domains.taken"
    default_message = (
        "This domain is in use already. If it is yours, remove it where it is used, then add it here."
    )


class DomainAddedAlready(Conflict):
    """The host is in this instance's list already."""

    code = "domains.added_already"
    default_message = "This domain is in the list already."


class TooManyDomains(RuleBroken):
    """The plan's number of domains is used up."""

    code = "domains.too_many"
    default_message = "The plan allows no further domain."


class HasNoPages(RuleBroken):
    """The application is no web application."""

    code = "domains.no_pages"
    default_message = (
        "Only web applications can have a domain of their own; databases are reached by host and port."
    )


class NotYetActive(RuleBroken):
    """Only a domain that opens can be the primary address."""

    code = "domains.not_active"
    default_message = "A domain can become the primary address once it is active."


class RestartNotConfirmed(RuleBroken):
    """Another primary address restarts the application, which must be confirmed."""

    code = "domains.restart_not_confirmed"
    default_message = (
        "The application is told its new address and restarts for that. Confirm the restart to go on."
    )


class CheckedJustNow(TooMany):
    """The domain was looked at a moment ago."""

    code = "domains.checked_just_now"
    default_message = "The domain was checked a moment ago. DNS needs some time; please try again shortly."
