"""The stand-in for Google as a test uses it: tokens at the test's own time, and trouble."""

from dataclasses import dataclass
from typing import Any

import requests

from minispod.integrations.google_keys import GoogleKeysOverHttp
from minispod.kernel.clock import Clock
from minispod.simulator.google.__main__ import CLIENT_ID
from tests.plugins.simulators import Simulator

__all__ = ["CLIENT_ID", "GoogleStandIn"]


@dataclass(frozen=True, slots=True)
class GoogleStandIn:
    """A running stand-in."""

    simulator: Simulator
    clock: Clock

    def keys(self, **options: float) -> GoogleKeysOverHttp:
        """Our adapter, asking it, without pauses unless the test wants them."""
        pauses = {"unknown_pause": 0.0, "silence_pause": 0.0, "timeout": 20.0}
        return GoogleKeysOverHttp(self.simulator["keys_url"], **(pauses | options))

    def token(self, **claims: Any) -> str:
        """An ID token that is fresh at the test's time, with these claims; None leaves one out."""
        now = int(self.clock.now().timestamp())
        answer = self._post("tokens", {"iat": now, "exp": now + 3600, **claims})
        return str(answer["idToken"])

    def rotate(self) -> None:
        """Google signs with a new key from now on."""
        self._post("rotate", {})

    def trouble(self, **levers: float) -> None:
        """Answer with a status, or late."""
        self._post("levers", levers)

    def release(self) -> None:
        """No more trouble."""
        requests.delete(f"{self.simulator['url']}/api/levers", headers=self._headers(), timeout=5)

    def _post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        response = requests.post(
            f"{self.simulator['url']}/api/{what}", json=body, headers=self._headers(), timeout=5
        )
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.simulator['lever_token']}"}
