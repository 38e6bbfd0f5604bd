"""Where the parts of a running demo are found: PORT, .demo/endpoints.json, INGRESS_ADDRESS, KUBECONFIG.

Everything but the web address may be missing; the story then leaves out what cannot be seen from outside.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DIRECTORY = Path(__file__).resolve().parents[2] / ".demo"
LOOPBACK = "127.0.0.1"
QUICK, PATIENT = 180.0, 1200.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Addresses of a demo, and how long one should wait for its cluster."""

    web: str
    midtrans: str | None
    mailbox: str | None
    ingress: str | None  # host[:port]
    patience: float
    is_simulated: bool
    lever_token: str | None = field(repr=False, default=None)

    @classmethod
    def look_around(
        cls, environment: Mapping[str, str] = os.environ, directory: Path = DIRECTORY
    ) -> "Surroundings":
        """Read what there is."""
        endpoints = _read(directory / "endpoints.json")
        kubeconfig = environment.get("KUBECONFIG") or endpoints.get("kubeconfig") or ""
        is_simulated = not environment.get("KUBECONFIG") and _is_within(kubeconfig, directory)
        port = environment.get("PORT") or str(urlsplit(endpoints.get("web", "")).port or 5000)
        ingress = environment.get("INGRESS_ADDRESS") or endpoints.get("ingress") or ""
        return cls(
            web=f"http://{LOOPBACK}:{port}",
            midtrans=endpoints.get("midtrans"),
            mailbox=endpoints.get("mailbox"),
            ingress=ingress.removeprefix("http://").rstrip("/") or None,
            patience=QUICK if is_simulated else PATIENT,
            is_simulated=is_simulated,
            lever_token=_read(directory / "secrets.json").get("LEVER_TOKEN"),
        )

    def address_of(self, url: str) -> str:
        """Where to connect (host:port) for a public address that may not be resolvable."""
        parts = urlsplit(url)
        if self.ingress:
            return self.ingress
        host = parts.hostname or ""
        is_local = host == "localhost" or host.endswith(".localhost")
        return f"{LOOPBACK if is_local else host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_within(path: str, directory: Path) -> bool:
    return bool(path) and Path(path).resolve().is_relative_to(directory.resolve())
