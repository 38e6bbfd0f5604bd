"""The operator's webhook over HTTP: one POST, signed, short of time, without following redirects.

The signature is HMAC-SHA256 over "<timestamp>.<body>" with the shared secret, in hex, so that an old delivery cannot be
sent again as a new one. The delivery's id stays the same when it is repeated.
"""

import hashlib
import hmac
from datetime import datetime

import requests

from minispod.alerts.errors import WebhookUnavailable
from minispod.kernel.unit_of_work import refuse_inside_unit_of_work

_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 5.0


class SignedWebhook:
    """One address; none at all when it is empty."""

    def __init__(self, url: str, secret: str, *, answer_seconds: float = _ANSWER_SECONDS) -> None:
        """Prepare; nothing is sent. `answer_seconds`: how long the other side may take to answer."""
        self._url, self._secret = url, secret.encode()
        self._patience = (_CONNECT_SECONDS, answer_seconds)

    @property
    def is_wanted(self) -> bool:
        """Tell whether there is an address at all."""
        return bool(self._url)

    def post(self, body: bytes, *, delivery_id: str, at: datetime) -> None:
        """Hand over one signed body; raise WebhookUnavailable unless it was taken (2xx)."""
        refuse_inside_unit_of_work()
        stamp = str(int(at.timestamp()))
        signature = hmac.new(self._secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "MinisPod",
            "X-MinisPod-Delivery": delivery_id,
            "X-MinisPod-Timestamp": stamp,
            "X-MinisPod-Signature": f"sha256={signature}",
        }
        try:
            # Streamed: whether it was taken is said in the first line, and nobody reads the rest.
            with requests.post(
                self._url,
                data=body,
                headers=headers,
                timeout=self._patience,
                allow_redirects=False,
                stream=True,
            ) as answer:
                status = answer.status_code
        except requests.RequestException as silence:
            raise WebhookUnavailable() from silence
        if not 200 <= status < 300:
            raise WebhookUnavailable(f"The webhook answered {status}.")
