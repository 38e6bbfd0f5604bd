"""Refusals of acts on many instances."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken


class NoSuchBatch(NotFound):
    """There is no such batch."""

    code = "bulk.no_such_batch"
    default_message = "There is no such act on many instances."


class NothingChosen(RuleBroken):
    """No instance was chosen."""

    code = "bulk.nothing_chosen"
    default_message = "No instance was chosen."


class TooManyChosen(RuleBroken):
    """More instances were chosen than one batch takes."""

    code = "bulk.too_many_chosen"
    default_message = "So many instances are not acted on at once. Please narrow the filter."


class KeyOfAnother(Conflict):
    """The same key was sent for something else."""

    code = "bulk.key_of_another"
    default_message = "This form was sent before, for something else. Please open the preview again."


class NothingToCallOff(Conflict):
    """Every instance has had its turn."""

    code = "bulk.nothing_to_call_off"
    default_message = "Every instance has had its turn; there is nothing to call off."
