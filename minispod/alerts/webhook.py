"""The port through which bulletins reach the operator's own system; `integrations/webhook.py` answers for real."""

from datetime import datetime
from typing import Protocol


class Webhook(Protocol):
    """One address of the operator's."""

    @property
    def is_wanted(self) -> bool:
        """Tell whether there is an address at all."""
        ...

    def post(self, body: bytes, *, delivery_id: str, at: datetime) -> None:
        """Hand over one signed body; raise WebhookUnavailable unless it was taken (2xx)."""
        ...
