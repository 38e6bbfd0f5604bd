"""Refusals of the upkeep package."""

from minispod.kernel.errors import NotFound


class NoSuchJob(NotFound):
    """No periodic job has this name."""

    code = "upkeep.no_such_job"
    default_message = "There is no such job."


class NoSuchWork(NotFound):
    """The work was done meanwhile, or never was."""

    code = "upkeep.no_such_work"
    default_message = "This work is done meanwhile."
