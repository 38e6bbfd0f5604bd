"""Refusals of the wallet."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken


class InsufficientCredit(RuleBroken):
    """The balance does not cover the debit."""

    code = "wallet.insufficient_credit"
    default_message = "Insufficient credit balance"


class WalletInDebt(RuleBroken):
    """The gateway took money back that was spent already; nothing can be bought until it is settled."""

    code = "wallet.in_debt"
    default_message = "Your wallet owes money after a payment was taken back. Please top up first."


class NoSuchWallet(NotFound):
    """The account has no wallet."""

    code = "wallet.no_such_wallet"
    default_message = "Wallet not found"


class RefundTooLarge(RuleBroken):
    """Refunds of a charge may never exceed the charge (decision 13)."""

    code = "wallet.refund_too_large"
    default_message = "The refund exceeds what was paid."


class LedgerBroken(RuleBroken):
    """The chain of this wallet's entries has a break; nothing may be computed from it."""

    code = "wallet.ledger_broken"
    default_message = (
        "The entries of this wallet do not follow one another. Nothing was changed; a person has to look."
    )


class NothingToRebuild(Conflict):
    """The wallet says what its ledger says."""

    code = "wallet.nothing_to_rebuild"
    default_message = "This wallet agrees with its ledger already."
