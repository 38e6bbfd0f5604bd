"""Production starts with secrets, addresses and a gateway of its own, or not at all; nonsense never starts."""

from typing import Any

import pytest

from minispod.rules import check_rules
from minispod.settings import BadSettings, Settings

# Fixed: the values name the tests, and all workers must find the same ones.
OWN_SEAL = "YSBzZWFsaW5nIGtleSBvZiB0aGUgdGVzdHMsIDMyIGI="
OWN_BACKUP_KEY = "AGE-SECRET-KEY-1GGSTLFKQ6KMAYDC3V420VY78KACJ0ATSKSXKTT7KW4YCWXCU4A4SGVENMX"
PRODUCTION: dict[str, Any] = {
    "minispod_env": "production",
    "database_url": "postgresql://shop:pw@db.example.com/shop",
    "redis_url": "redis://:pw@redis.example.com/0",
    "secret_key": "signs the cookies of administrators, long",
    "jwt_secret": "signs the tokens of customers, long enough",
    "sealing_keys": OWN_SEAL,
    "backup_keys": OWN_BACKUP_KEY,
    "files_directory": "/srv/minispod/files",
    "midtrans_server_key": "Mid-server-of-the-shop",
    "midtrans_is_production": True,
    "base_domain": "apps.example.com",
    "frontend_url": "https://www.example.com",
    "public_url": "https://shop.example.com",
    "mail_from": "MinisPod <no-reply@example.com>",
}
DEVELOPMENT = Settings(database_url="postgresql://x@127.0.0.1/x", redis_url="redis://127.0.0.1")
DEVELOPMENT_SECRET = DEVELOPMENT.web.secret_key.get_secret_value()


def _refusal(**changes: Any) -> str:
    with pytest.raises(BadSettings) as refusal:
        check_rules(Settings(**{**PRODUCTION, **changes}))
    return str(refusal.value)


def test_a_complete_environment_starts() -> None:
    assert Settings(**PRODUCTION).is_production


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secret_key", DEVELOPMENT_SECRET),
        ("jwt_secret", DEVELOPMENT_SECRET),
        ("sealing_keys", DEVELOPMENT.operation.sealing_keys[0]),
        ("sealing_keys", f"{OWN_SEAL},{DEVELOPMENT.operation.sealing_keys[0]}"),
        ("secret_key", ""),
        ("secret_key", "short"),
        ("jwt_secret", "short"),
        ("sealing_keys", ""),
        ("sealing_keys", "not-a-key"),
        ("backup_keys", DEVELOPMENT.backups.backup_keys[0]),
        ("backup_keys", f"{OWN_BACKUP_KEY},{DEVELOPMENT.backups.backup_keys[0]}"),
        ("backup_keys", ""),
        ("backup_keys", "age1notakey"),
        ("files_directory", "files"),
        ("files_directory", ""),
        ("midtrans_server_key", ""),
        ("midtrans_snap_base_url", "http://127.0.0.1:8481"),
        ("midtrans_core_base_url", "https://midtrans.example.com"),
        ("midtrans_core_base_url", "https://api.midtrans.com.example.com"),
        ("midtrans_core_base_url", "https://api.midtrans.com@example.com"),
        ("midtrans_core_base_url", "http://api.midtrans.com"),
        ("midtrans_core_base_url", "https://["),
        ("frontend_url", "http://localhost:3100"),
        ("public_url", "http://localhost:5000"),
        ("public_url", None),
        ("base_domain", "minispod.localhost"),
        ("mail_from", "MinisPod <no-reply@minispod.localhost>"),
        ("database_url", ""),
        ("database_url", "sqlite:///shop.db"),
        ("redis_url", ""),
    ],
)
def test_what_belongs_to_development_is_refused_by_name(name: str, value: str) -> None:
    assert f"{name.upper()}: " in _refusal(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("billing_timezone", "Mars/Olympus"),
        ("billing_timezone", "../etc/passwd"),
        ("billing_timezone", ""),
        ("host_pattern", "{instance}.{nobody}"),
        ("host_pattern", "{instance"),
        ("host_pattern", "everybody.{domain}"),
        ("tcp_ports", "32767-30000"),
        ("tcp_ports", "0-10"),
        ("tcp_ports", "30000-70000"),
        ("tcp_ports", "30000"),
        ("tcp_expose", "loadbalancer"),
        ("base_domain", "two words.example.com"),
        ("mail_from", "nobody"),
        ("mail_from", "MinisPod <no-reply@example.com>\r\nBcc: x@example.com"),
        ("frontend_url", "javascript:alert(1)"),
        ("frontend_url", "www.example.com"),
        ("public_url", "ftp://example.com"),
        ("reminder_days", "7,soon"),
        ("reminder_days", "-1"),
        ("port", "0"),
        ("port", "http"),
        ("trusted_proxies", "-1"),
        ("topup_minimum", "20000000"),
        ("files_s3_endpoint", "minio.example.com"),
        ("backup_from_hour", "24"),
        ("backup_alarm_hours", "27"),
        ("tenant_blocked_ranges", "203.0.113.0/24,the node"),
        ("tenant_blocked_ranges", "203.0.113.7/24"),
        ("tenant_blocked_ranges", "0.0.0.0/0"),
    ],
)
def test_nonsense_is_refused_at_boot_and_not_at_the_first_customer(name: str, value: str) -> None:
    assert f"{name.upper()}: " in _refusal(**{name: value})


def test_a_bucket_needs_its_key() -> None:
    assert "FILES_S3_KEY: " in _refusal(files_s3_bucket="files", files_s3_key="AKIA")
    assert "FILES_S3_KEY: " in _refusal(files_s3_bucket="files", files_s3_secret="s")
    assert Settings(
        **{**PRODUCTION, "files_directory": ".files"},
        files_s3_bucket="files",
        files_s3_key="AKIA",
        files_s3_secret="s",
    ).is_production


def test_all_problems_are_told_at_once() -> None:
    told = _refusal(
        secret_key=DEVELOPMENT_SECRET, midtrans_server_key="", frontend_url="http://localhost:3100"
    )

    assert all(name in told for name in ("SECRET_KEY", "MIDTRANS_SERVER_KEY", "FRONTEND_URL"))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ppn_rate": 11}, "PPN_RATE"),
        ({"ppn_rate": 10, "company_is_pkp": True, "company_npwp": "012345678901000"}, "PPN_RATE"),
        ({"company_is_pkp": True}, "COMPANY_NPWP"),
        ({"company_npwp": "12345"}, "COMPANY_NPWP"),
        ({"company_npwp": "01.234.567.8-901.00x"}, "COMPANY_NPWP"),
        ({"paper_language": "fr"}, "PAPER_LANGUAGE"),
        ({"company_name": ""}, "COMPANY_NAME"),
    ],
)
def test_a_company_that_cannot_be_is_refused(changes: dict[str, Any], named: str) -> None:
    assert f"{named}:" in _refusal(**changes)


def test_a_company_with_ppn_starts_and_its_address_has_lines() -> None:
    settings = Settings(
        **PRODUCTION,
        ppn_rate=12,
        company_is_pkp=True,
        company_npwp="01.234.567.8-901.000",
        company_address="Jl. Sudirman 1, Lt. 2; Jakarta 12190",
    )

    assert settings.company.company_address == ("Jl. Sudirman 1, Lt. 2", "Jakarta 12190")
