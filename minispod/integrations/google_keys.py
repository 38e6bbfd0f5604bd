"""GoogleKeys over HTTP: the keys of Google's published set, kept for an hour at most.

PyJWT's client fetches, caches, follows no redirect, and asks again for a key it does not know at most every half
minute. A set that could not be fetched is not asked for again for a few seconds, so that a silent Google holds one
thread and not all of them.
"""

import time
from typing import Any

import jwt

from minispod.accounts.errors import GoogleSilent
from minispod.kernel.unit_of_work import refuse_inside_unit_of_work

_KEPT_SECONDS = 3600.0
_TIMEOUT_SECONDS = 4.0
_UNKNOWN_PAUSE_SECONDS = 30.0
_SILENCE_PAUSE_SECONDS = 5.0


class GoogleKeysOverHttp:
    """The key set at an address."""

    def __init__(
        self,
        address: str,
        *,
        timeout: float = _TIMEOUT_SECONDS,
        kept: float = _KEPT_SECONDS,
        unknown_pause: float = _UNKNOWN_PAUSE_SECONDS,
        silence_pause: float = _SILENCE_PAUSE_SECONDS,
    ) -> None:
        """Prepare; nothing is fetched before the first question. All times in seconds."""
        client = _Client(address, lifespan=kept, timeout=timeout, cooldown_duration=unknown_pause)
        client.silence_pause = silence_pause
        self._client = client

    def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key of this name, None when there is none; raises GoogleSilent."""
        refuse_inside_unit_of_work()
        try:
            self._client.get_signing_keys()  # from the cache, as long as it is young enough
        except (jwt.PyJWTError, ValueError, OSError) as trouble:
            raise GoogleSilent() from trouble
        try:
            return self._client.get_signing_key(key_id)
        except jwt.PyJWKClientConnectionError as silence:
            raise GoogleSilent() from silence
        except (jwt.PyJWTError, ValueError, OSError):
            return None


class _Client(jwt.PyJWKClient):
    silence_pause = 0.0
    _quiet_until = 0.0

    def fetch_data(self) -> Any:
        """Fetch the set, unless it could not be had a moment ago."""
        if time.monotonic() < self._quiet_until:
            raise jwt.PyJWKClientConnectionError("the key set could not be fetched a moment ago")
        try:
            return super().fetch_data()
        except (jwt.PyJWTError, ValueError, OSError):
            self._quiet_until = time.monotonic() + self.silence_pause
            raise
