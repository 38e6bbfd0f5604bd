"""Refusals of reports and lists for staff."""

from minispod.kernel.errors import RuleBroken


class BeyondWindow(RuleBroken):
    """Pages by number reach so far; further on goes by the cursor."""

    code = "insights.beyond_window"
    default_message = "Pages do not reach so far. Narrow the filter, or go on with the cursor."


class BackwardsSpan(RuleBroken):
    """A span ends before it begins."""

    code = "insights.backwards_span"
    default_message = "The end date must not be before the start date"
