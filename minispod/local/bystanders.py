"""The simulators around a demo, as far as a story needs them: what mail came, and what a bank may do to a payment."""

from typing import Any

from minispod.local.shopper import SECONDS, Unexpected, web_session

KIND_HEADER = "X-MinisPod-Kind"


class Mailbox:
    """The mail server that keeps everything."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = web_session()

    def kinds_for(self, address: str) -> set[str]:
        """Which kinds of mail came for an address."""
        answer = self._session.get(f"{self._url}/api/messages", params={"to": address}, timeout=SECONDS)
        heads = [head for mail in answer.json()["messages"] for head in mail["headers"]]
        return {head["value"] for head in heads if head["name"] == KIND_HEADER}

    def links_for(self, address: str, kind: str) -> list[str]:
        """The links in mails of a kind to an address, newest mail first."""
        answer = self._session.get(f"{self._url}/api/messages", params={"to": address}, timeout=SECONDS)
        wanted = {"name": KIND_HEADER, "value": kind}
        return [
            link for mail in answer.json()["messages"] if wanted in mail["headers"] for link in mail["links"]
        ]


class Gateway:
    """The simulated payment gateway, with the word for its levers."""

    def __init__(self, url: str, token: str) -> None:
        self._levers = f"{url}/sim/api"
        self._session = web_session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def notices(self, order_id: str) -> int:
        """How many notices about an order have been answered."""
        return sum(1 for each in self._deliveries(order_id) if each["attempts"])

    def repeat_notice(self, order_id: str) -> int | None:
        """Send the newest notice about an order once more, byte for byte; the status it was answered with."""
        newest = self._deliveries(order_id)[-1]["id"]
        status: int | None = self._ask("POST", f"/deliveries/{newest}/resend")["attempts"][-1]["status"]
        return status

    def let_be_paid_twice(self, order_id: str) -> None:
        """Once this order is paid, let a second transaction pay it too."""
        rule = {"where": "webhook", "action": "double_payment", "times": 1, "s": 0}
        self._ask("POST", "/faults", {**rule, "match": {"order_id": order_id, "status": "settlement"}}, 201)

    def happen(self, order_id: str, event: str, **given: Any) -> None:
        """Let something happen to the payment of an order: the gateway's own people, the bank, the calendar."""
        self._ask("POST", f"/transactions/{order_id}/events", {"event": event, **given})

    def _deliveries(self, order_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("GET", f"/deliveries?order_id={order_id}")
        return found

    def _ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self._session.request(method, self._levers + path, json=body, timeout=SECONDS)
        if answer.status_code != status:
            raise Unexpected(method, self._levers + path, status, answer)
        return answer.json()
