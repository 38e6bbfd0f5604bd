"""The one way in which anything here gives up: a sentence for the person at the terminal.

Commands print the sentence on stderr and exit with status 2; there is never a traceback for a known cause.
"""


class CannotStart(Exception):
    """Something outside the program stands in the way; the message says what, and what to do about it."""
