"""Settings of the simulator: MIDSIM_* environment, overridden by command line options.

Invariant: there is no simulator in production, nor with keys that could be real.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import urlsplit

SANDBOX_KEY_PREFIX = "SB-Mid-server-"
DEFAULT_NOTIFICATION_URL = "http://127.0.0.1:5000/api/v1/wallet/webhook/midtrans"
DEFAULT_FINISH_URL = "http://127.0.0.1:5000/"


class Refused(Exception):
    """The simulator will not start like this; the message says why."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


@dataclass(slots=True)
class Config:
    """Everything that can be set; each field is MIDSIM_<FIELD> and --<field>."""

    host: str = "127.0.0.1"
    port: int = 9300
    base_url: str = ""  # empty: the address it listens on
    server_key: str = "SB-Mid-server-TESTKEY-minispod"
    client_key: str = "SB-Mid-client-TESTKEY-minispod"
    merchant_id: str = "G812345678"
    notification_url: str = DEFAULT_NOTIFICATION_URL
    finish_url: str = DEFAULT_FINISH_URL  # where a paid page leads when the request names no other
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    # Who may frame the page: origins with blanks between, `http://localhost:*` is every port; empty: the finish URL's.
    app_origin: str = ""
    admin_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    db: str = ":memory:"
    clock: str = "real"  # or manual
    retry_scale: float = 1.0
    sender: str = "thread"  # or manual
    style_404: str = "http404"  # or http200 (MIDSIM_404_STYLE)
    seed: int = 1
    min_expiry_s: int = 300
    active_methods: tuple[str, ...] = ()  # empty: all of them
    send_timeout_s: float = 15.0
    fixtures: str = ""  # folder with notification fixtures, for /sim/api/notify
    faults: str = "calm"  # preset to begin with

    def checked(self) -> "Config":
        """Return itself; refuses contradictions and anything that smells of production."""
        if not self.server_key.startswith(SANDBOX_KEY_PREFIX):
            raise Refused(f"the server key must start with {SANDBOX_KEY_PREFIX}: this is a simulation")
        if not self.admin_token:
            raise Refused("an admin token is needed")
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise Refused(f"{name} must be one of {', '.join(allowed)}")
        if self.retry_scale < 0 or self.send_timeout_s <= 0 or self.min_expiry_s < 1:
            raise Refused("durations must not be negative")
        return self

    @property
    def framing_origin(self) -> str:
        """Who may show the payment page in a frame, as browsers are told it."""
        return self.app_origin or origin_of(self.finish_url)

    @property
    def told_origin(self) -> str:
        """To whom a framed page tells how it ended: the one origin, or whichever of several may frame it."""
        framing = self.framing_origin
        return "*" if " " in framing or "*" in framing else framing


_CHOICES = {
    "clock": ("real", "manual"),
    "sender": ("thread", "manual"),
    "style_404": ("http404", "http200"),
}


def origin_of(url: str) -> str:
    """Scheme and host of an address, as browsers compare them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def environment_name(name: str) -> str:
    """The MIDSIM_ variable of a field."""
    return "MIDSIM_404_STYLE" if name == "style_404" else f"MIDSIM_{name.upper()}"


def refuse_production(environment: Mapping[str, str]) -> None:
    """Raise Refused where real money could be near."""
    for name in ("MINISPOD_ENV", "FLASK_ENV", "ENVIRONMENT"):
        if environment.get(name, "").lower() == "production":
            raise Refused(f"{name} is production: there is no simulator in production")
    if environment.get("MIDTRANS_IS_PRODUCTION", "").lower() in {"1", "true", "yes", "on"}:
        raise Refused("MIDTRANS_IS_PRODUCTION is true: there is no simulator in production")


def config_from(environment: Mapping[str, str] | None = None, **given: Any) -> Config:
    """Build a checked Config from the environment; `given` values that are not None win."""
    environment = os.environ if environment is None else environment
    refuse_production(environment)
    values: dict[str, Any] = {}
    for item in fields(Config):
        text = given.get(item.name)
        if text is None:
            text = environment.get(environment_name(item.name))
        if text is not None:
            values[item.name] = _converted(item.name, item.type, text)
    return Config(**values).checked()


# What may change while it runs: everything that is read anew each time.
CHANGEABLE = frozenset(
    {
        *("notification_url", "finish_url", "app_origin", "fixtures", "active_methods", "allowed_hosts"),
        *("style_404", "retry_scale", "send_timeout_s", "sender", "min_expiry_s"),
    }
)


def change_settings(config: Config, given: Mapping[str, Any]) -> list[str]:
    """Change settings of a running simulator, all or none; answers their names."""
    kinds = {item.name: item.type for item in fields(Config)}
    wrong = set(given) - CHANGEABLE
    if wrong:
        raise Refused(f"cannot be changed while it runs: {', '.join(sorted(wrong))}")
    values = {name: _converted(name, kinds[name], value) for name, value in given.items()}
    replace(config, **values).checked()
    for name, value in values.items():
        setattr(config, name, value)
    return sorted(values)


def _converted(name: str, kind: Any, value: Any) -> Any:
    if kind in (int, float):
        try:
            return kind(value)
        except (TypeError, ValueError):
            raise Refused(f"{environment_name(name)} must be a number") from None
    if kind == tuple[str, ...]:
        return _words(value) if isinstance(value, str) else tuple(str(word) for word in value)
    return value
