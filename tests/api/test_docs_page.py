"""The page at /api/docs: ours alone, from what lies in the repository."""

import hashlib
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

VENDOR = Path(__file__).parents[2] / "static" / "vendor"


@pytest.mark.parametrize("path", ["/api/docs", "/api/v1/docs"])
def test_the_page_loads_nothing_from_elsewhere(client: FlaskClient, path: str) -> None:
    page = client.get(path)

    assert (page.status_code, page.mimetype) == (200, "text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    addresses = re.findall(r'(?:src|href|data-document)="([^"]+)"', page.text)
    assert len(addresses) >= 5
    for address in addresses:
        assert address.startswith("/"), address
        with client.get(address) as loaded:
            assert loaded.status_code == 200, address
    assert "<script>" not in page.text
    assert "onclick" not in page.text


@pytest.mark.parametrize("folder", sorted(each.name for each in VENDOR.iterdir()))
def test_what_is_vendored_is_what_was_published_with_its_licence(folder: str) -> None:
    lines = (VENDOR / folder / "CHECKSUM").read_text().splitlines()
    sums = [line.split() for line in lines if not line.startswith("#")]

    assert sums
    for wanted, name in sums:
        assert hashlib.sha256((VENDOR / folder / name).read_bytes()).hexdigest() == wanted
    assert (VENDOR / folder / "LICENSE").exists()
