"""The mailbox as a client sees it."""

import smtplib
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest
import requests

from tests.plugins.simulators import Simulator

Send = Callable[..., None]


def letter(to: str = "budi@example.com", subject: str = "Hello", text: str = "Good day") -> EmailMessage:
    """An ordinary mail."""
    message = EmailMessage()
    message["From"] = "MinisPod <no-reply@minispod.localhost>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text)
    return message


class Mailbox:
    """One simulator with what tests do to it."""

    def __init__(self, simulator: Simulator) -> None:
        self.http: str = simulator["http"]
        self.smtp: str = simulator["smtp"]
        self._auth = {"Authorization": f"Bearer {simulator['lever_token']}"}

    def send(self, message: EmailMessage) -> None:
        host, port = self.smtp.split(":")
        with smtplib.SMTP(host, int(port), timeout=5) as connection:
            connection.send_message(message)

    def messages(self, **query: str) -> list[dict[str, Any]]:
        return requests.get(f"{self.http}/api/messages", params=query, timeout=5).json()["messages"]

    def get(self, path: str) -> requests.Response:
        return requests.get(self.http + path, timeout=5)

    def delete(self, path: str) -> requests.Response:
        return requests.delete(self.http + path, timeout=5)

    def pull(self, **levers: Any) -> requests.Response:
        return requests.post(f"{self.http}/api/levers", json=levers, headers=self._auth, timeout=5)

    def release(self) -> None:
        requests.delete(f"{self.http}/api/levers", headers=self._auth, timeout=5).raise_for_status()


@pytest.fixture
def mailbox(mailbox_simulator: Simulator) -> Iterator[Mailbox]:
    box = Mailbox(mailbox_simulator)
    box.release()
    box.delete("/api/messages")
    yield box
    box.release()
