"""The simulators around a demo, as far as a story looks at them: what mail came, and a notice sent once more."""

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


class Gateway:
    """The simulated payment gateway, with the word for its levers."""

    def __init__(self, url: str, token: str) -> None:
        self._deliveries = f"{url}/sim/api/deliveries"
        self._session = web_session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def repeat_notice(self, order_id: str) -> int | None:
        """Send the newest notice about an order once more, byte for byte; the status it was answered with."""
        answer = self._session.get(self._deliveries, params={"order_id": order_id}, timeout=SECONDS)
        if answer.status_code != 200:
            raise Unexpected("GET", self._deliveries, 200, answer)
        newest = answer.json()[-1]["id"]
        answer = self._session.post(f"{self._deliveries}/{newest}/resend", timeout=SECONDS)
        status: int | None = answer.json()["attempts"][-1]["status"]
        return status
