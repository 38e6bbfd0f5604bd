"""Refusals of papers."""

from minispod.kernel.errors import NotFound


class NoSuchPaper(NotFound):
    """There is no such paper, it has no number yet, or it belongs to somebody else."""

    code = "papers.no_such_paper"
    default_message = "Invoice not found"
