"""Answers of the Status API that were given by hand, for orders the simulator never saw.

Tests replay recorded notifications and say what the gateway shall answer when asked about them: the same
facts ("mirror"), others (an object), or that there is no such transaction ("404").
"""

from typing import Any

from minispod.simulator.midtrans.config import Config
from minispod.simulator.midtrans.messages import Message, signed
from minispod.simulator.midtrans.store import Store

KIND = "status_answer"
UNKNOWN = "404"
_NOT_IN_STATUS = frozenset({"signature_key", "customer_details"})


class StatusBook:
    """Prepared answers by order id and transaction id."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store, self._config = store, config

    def prepare(self, body: dict[str, Any], answer: Any) -> list[str]:
        """Answer like `answer` when asked about `body`'s ids; says which ids."""
        ids = [body[name] for name in ("transaction_id", "order_id") if isinstance(body.get(name), str)]
        with self._store.writing():
            for asked in ids:
                self._store.put(KIND, asked, {"answer": self._facts(body, answer, asked_by=asked)})
        return ids

    def find(self, id: str) -> tuple[bool, Message | None]:
        """Whether an answer was prepared for this id, and which; None means unknown transaction."""
        kept = self._store.get(KIND, id)
        return (False, None) if kept is None else (True, kept["answer"])

    def _facts(self, body: dict[str, Any], answer: Any, asked_by: str) -> Message | None:
        if answer == UNKNOWN:
            return None
        given = dict(answer) if isinstance(answer, dict) else {}
        if given.pop("lookup_by", None) == "transaction_id" and asked_by != body.get("transaction_id"):
            return None
        facts = {name: value for name, value in body.items() if name not in _NOT_IN_STATUS}
        facts |= {"status_message": "Success, transaction is found", **given}
        try:
            return signed(facts, self._config.server_key)
        except (KeyError, TypeError):
            return facts
