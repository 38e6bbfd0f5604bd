"""Secrets do not get out by accident: not through repr, not through a crash in the logs, not through an answer."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from cryptography.fernet import Fernet
from flask import Flask
from pyrage import x25519
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from minispod.accounts.tokens import TokenPair
from minispod.integrations.midtrans.wire import Account
from minispod.kernel import logs
from minispod.kernel.database import session
from minispod.settings import Settings
from minispod.settings.groups import GROUPS
from minispod.wiring import build_ports

SECRETS = {
    "secret_key": "a-very-secret-key-for-the-cookies-of-staff",
    "jwt_secret": "a-very-secret-key-for-the-tokens-of-customers",
    "database_url": "postgresql://minispod:very-secret-database@127.0.0.1:1/x",
    "redis_url": "redis://:very-secret-redis@127.0.0.1:1/0",
    "midtrans_server_key": "SB-Mid-server-very-secret",
    "smtp_password": "very-secret-mail",
    "sealing_keys": Fernet.generate_key().decode(),
    "backup_keys": str(x25519.Identity.generate()),
    "files_s3_bucket": "files",
    "files_s3_key": "AKIA",
    "files_s3_secret": "very-secret-bucket",
}
PASSWORD_HASH = "a-very-secret-hash"
SHOWN = {"files_s3_bucket", "files_s3_key"}
SECRET_PARTS = [
    *(value for name, value in SECRETS.items() if name not in SHOWN),
    "very-secret-database",
    "very-secret-redis",
]


@pytest.fixture
def secretive() -> Settings:
    """Settings whose secrets can be recognised."""
    return Settings(minispod_env="test", **SECRETS)


def _told(value: object) -> list[str]:
    return [part for part in SECRET_PARTS if part in repr(value) or part in str(value)]


def test_settings_do_not_show_their_secrets(secretive: Settings) -> None:
    groups: list[Any] = [getattr(secretive, name) for name in Settings.__slots__]

    assert len(groups) == len(GROUPS)
    assert {type(group).__name__: _told(group) for group in groups if _told(group)} == {}


def test_adapters_do_not_show_their_secrets(secretive: Settings) -> None:
    ports = build_ports(secretive)
    account = Account(SECRETS["midtrans_server_key"], "client", False, "https://x", "https://x")

    assert _told(ports) == []
    assert _told(account) == []
    assert "eyJ" not in repr(TokenPair("eyJhbGciOi", "eyJrefresh"))


def test_a_bad_setting_is_named_without_its_value() -> None:
    with pytest.raises(Exception, match="DATABASE_URL") as refusal:
        Settings(minispod_env="test", **{**SECRETS, "database_url": "mysql://root:very-secret-database@x/y"})

    assert "very-secret-database" not in str(refusal.value)


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the program writes to its log, as it is configured in production."""
    root, before = logging.getLogger(), logging.getLogger().handlers
    logs.configure("INFO", as_json=True)
    stream = io.StringIO()
    root.handlers[0].setStream(stream)  # type: ignore[attr-defined]
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers = before


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO nothing VALUES (:secret)",
        "INSERT INTO pulses VALUES (:secret, NULL)",
    ],
)
def test_a_crash_at_the_database_is_logged_without_what_was_written(
    app: Flask, logged: Callable[[], list[dict[str, Any]]], statement: str
) -> None:
    try:
        with app.app_context():
            session().execute(text(statement), {"secret": PASSWORD_HASH})
    except DBAPIError as crash:
        structlog.get_logger().error("crashed", exc_info=crash)

    trace = logged()[0]["exception"]
    assert "psycopg2.errors" in trace
    assert PASSWORD_HASH not in trace


def test_a_trace_without_end_is_cut_in_its_middle(logged: Callable[[], list[dict[str, Any]]]) -> None:
    structlog.get_logger().error("crashed", exc_info=ValueError("begin" + "x" * 10**6 + "end"))

    trace = logged()[0]["exception"]
    assert len(trace) < 20_000
    assert trace.startswith("ValueError: begin")
    assert trace.endswith("end")


def test_a_secret_that_is_logged_under_its_name_is_masked(logged: Callable[[], list[dict[str, Any]]]) -> None:
    structlog.get_logger().info("odd", accessToken="eyJ", new_password="x", midtrans_server_key="y", plan="z")

    line = logged()[0]
    assert (line["accessToken"], line["new_password"], line["midtrans_server_key"]) == ("***", "***", "***")
    assert line["plan"] == "z"
