"""Values encrypted at rest: instance credentials and whatever else must not lie in a dump in clear.

Fernet keys come from settings, newest first, so that keys can be rotated (MultiFernet).
"""

import json
from collections.abc import Sequence
from typing import ClassVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from minispod.kernel.errors import Unavailable


class SealBroken(Unavailable):
    """A sealed value cannot be opened with any of the configured keys: it waits for the key, and nothing overwrites it.

    The message is for customers; staff are told which key is missing (`FOR_STAFF`).
    """

    code: ClassVar[str] = "sealed.cannot_be_opened"
    default_message = (
        "The stored credentials cannot be opened just now. Your application goes on running; try later."
    )


FOR_STAFF = (
    "None of the keys in SEALING_KEYS opens what is stored for this instance. It goes on running as it is and nothing "
    "is overwritten. Put the lost key back behind the present ones and start the processes again."
)
"""What staff are told of a broken seal."""


class Sealer:
    """Seals and opens small dictionaries of text."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, values: dict[str, str]) -> str:
        """Return `values` encrypted, as text."""
        return self._fernet.encrypt(json.dumps(values, sort_keys=True).encode()).decode()

    def open(self, sealed: str) -> dict[str, str]:
        """Return what was sealed; raise SealBroken when no key fits."""
        try:
            opened: dict[str, str] = json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            raise SealBroken() from None
        return opened
