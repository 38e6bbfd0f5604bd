"""Refusals of joins."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken


class NoSuchJoin(NotFound):
    """There is no such join."""

    code = "joining.no_such_join"
    default_message = "There is no such join of a worker."


class NoServerAddress(RuleBroken):
    """Nobody has said where workers find the K3s server."""

    code = "joining.no_server_address"
    default_message = "Set K3S_SERVER_URL first: the address at which new workers reach the K3s server."


class BadChoice(RuleBroken):
    """A name, label or taint that Kubernetes would not take."""

    code = "joining.bad_choice"
    default_message = "Kubernetes does not take this."


class NoFreeToken(Conflict):
    """All tokens are in use."""

    code = "joining.no_free_token"
    default_message = "Three workers may join at a time. Revoke one of the tokens below, or wait for its end."


class NotOpen(Conflict):
    """There is no token to show: not yet, or not any more."""

    code = "joining.not_open"
    default_message = "There is no token to show now: it is being made, or it has ended."


class ShownBefore(Conflict):
    """It is shown once."""

    code = "joining.shown_before"
    default_message = "The command was shown before, and is shown once. Revoke it and make another."


class NothingToRevoke(Conflict):
    """It has ended already."""

    code = "joining.nothing_to_revoke"
    default_message = "This token has ended already; there is nothing to revoke."
