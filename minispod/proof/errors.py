"""Refusals of the proof."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken, Unavailable


class NoSuchRun(NotFound):
    """There is no run of the proof under this id; it may have been forgotten."""

    code = "proof.no_such_run"
    default_message = "There is no such proof, or it was forgotten."


class NoSuchDifference(NotFound):
    """There is no difference under this id."""

    code = "proof.no_such_difference"
    default_message = "There is no such difference, or it was forgotten."


class NotRepairable(RuleBroken):
    """No repair of this kind of difference is safe."""

    code = "proof.not_repairable"
    default_message = "This cannot be repaired by a button; the page says what to do."


class RepairedAlready(Conflict):
    """Somebody was first."""

    code = "proof.repaired_already"
    default_message = "This was repaired already."


class CouldNotProve(Unavailable):
    """The database does not answer, or went away in the middle: nothing was found out."""

    code = "proof.could_not_prove"
    default_message = "The proof could not be made: the database does not answer."
