"""A real name server on loopback, with records and faults as a test wants them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from minispod.integrations.dns import DnsResolver
from minispod.settings.domains import split_server
from minispod.simulator.names.server import NameServer


@dataclass
class Names:
    """A name server and its zone."""

    file: Path
    address: str

    def publish(self, *lines: str) -> None:
        """The zone has these lines from now on, and no others."""
        self.file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def resolver(self, timeout: float = 20.0) -> DnsResolver:
        """Our adapter, asking this server."""
        return DnsResolver([split_server(self.address)], timeout)


@pytest.fixture
def names(tmp_path: Path) -> Iterator[Names]:
    """A name server of the test's own."""
    file = tmp_path / "zone"
    file.write_text("")
    server = NameServer(file)
    server.start()
    yield Names(file, server.address)
    server.stop()
