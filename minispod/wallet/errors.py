"""Refusals of the wallet."""

from minispod.kernel.errors import Conflict, Forbidden, NotFound, RuleBroken


class InsufficientCredit(RuleBroken):
    """The balance does not cover the debit."""

    code = "wallet.insufficient_credit"
    default_message = "Insufficient credit balance"


class WalletInDebt(RuleBroken):
    """Credit was taken back that was spent already; nothing can be bought until it is settled."""

    code = "wallet.in_debt"
    default_message = "Your wallet owes money after credit was taken back. Please top up what it owes first."


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


class NoSuchAdjustment(NotFound):
    """There is no such adjustment."""

    code = "wallet.no_such_adjustment"
    default_message = "Adjustment not found"


class AdjustmentTooSmall(RuleBroken):
    """The amount is below what is worth an entry."""

    code = "wallet.adjustment_too_small"
    default_message = "The amount is too small"


class AdjustmentTooLarge(RuleBroken):
    """The amount is beyond anything that is not a slip of the hand."""

    code = "wallet.adjustment_too_large"
    default_message = "The amount is too large"


class ReasonMissing(RuleBroken):
    """Nobody moves other people's money without saying why."""

    code = "wallet.reason_missing"
    default_message = "A reason of 5 to 200 characters is needed"


class AdjustmentKeyReused(Conflict):
    """The same Idempotency-Key came with another wish."""

    code = "wallet.adjustment_key_reused"
    default_message = "This Idempotency-Key was used for a different adjustment."


class AdjustmentExpired(Conflict):
    """It waited too long for its second confirmation; it can be asked for again."""

    code = "wallet.adjustment_expired"
    default_message = "This adjustment has expired. It can be asked for again."


class SecondPersonNeeded(Forbidden):
    """Whoever asked for an adjustment cannot approve it while another administrator could."""

    code = "wallet.second_person_needed"
    default_message = "Another administrator has to approve this adjustment."


class PasswordNeeded(Forbidden):
    """The only administrator approves an own request with the password, typed again."""

    code = "wallet.password_needed"
    default_message = "You are the only administrator: type your password again to approve."
