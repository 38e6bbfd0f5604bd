"""Values encrypted at rest: instance credentials and whatever else must not lie in a dump in clear.

Fernet keys come from settings, newest first, so that keys can be rotated (MultiFernet).
"""

import json
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SealBroken(RuntimeError):
    """A sealed value cannot be opened with any of the configured keys."""


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
            raise SealBroken("no configured key opens this value") from None
        return opened
