"""The name server: one port, UDP and TCP, answering from a zone file that may change at any time."""

import contextlib
import logging
import socketserver
import struct
import threading
from pathlib import Path
from typing import Any

import dns.exception
import dns.message

from minispod.simulator.names.answering import Zone

log = logging.getLogger(__name__)

_TRIES = 20


class NameServer:
    """Answers until it is stopped; several threads may ask at once."""

    def __init__(self, file: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen (OSError when the port is taken); port 0 takes a free one."""
        self._file = file
        self._lock = threading.Lock()
        self._read_as: tuple[int, int] | None = None
        self._zone = Zone()
        self._udp, self._tcp = self._listen(host, port)
        self.address = f"{host}:{self._udp.server_address[1]}"

    def start(self) -> None:
        """Answer from now on, in threads of its own."""
        for server in (self._udp, self._tcp):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Answer no more and give the port back."""
        for server in (self._udp, self._tcp):
            server.shutdown()
            server.server_close()

    def answer(self, wire: bytes, *, over_udp: bool) -> bytes | None:
        """The bytes to send back; None for silence."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        return self._present().answer(query, over_udp=over_udp) if query.question else None

    def _present(self) -> Zone:
        """The zone as the file has it now; a file that cannot be read keeps what was known."""
        with self._lock:
            try:
                facts = self._file.stat()
                stamp = (facts.st_mtime_ns, facts.st_size)
                if stamp != self._read_as:
                    self._read_as = stamp
                    self._zone = Zone.read(self._file.read_text(encoding="utf-8"))
            except (OSError, ValueError, dns.exception.DNSException) as trouble:
                log.warning("names: the zone file cannot be read: %s", trouble)
            return self._zone

    def _listen(
        self, host: str, port: int
    ) -> tuple[socketserver.ThreadingUDPServer, socketserver.ThreadingTCPServer]:
        for _ in range(_TRIES):
            udp = _Udp((host, port), _OverUdp)
            udp.names = self
            try:
                tcp = _Tcp((host, udp.server_address[1]), _OverTcp)
            except OSError:
                udp.server_close()
                if port:
                    raise
                continue
            tcp.names = self
            return udp, tcp
        raise OSError("no port is free for both UDP and TCP")


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True
    names: NameServer


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    names: NameServer


class _OverUdp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, outlet = self.request
        server: Any = self.server
        reply = server.names.answer(wire, over_udp=True)
        if reply is not None:
            outlet.sendto(reply, self.client_address)


class _OverTcp(socketserver.StreamRequestHandler):
    timeout = 5

    def handle(self) -> None:
        with contextlib.suppress(OSError, struct.error):
            (length,) = struct.unpack("!H", self.rfile.read(2))
            server: Any = self.server
            reply = server.names.answer(self.rfile.read(length), over_udp=False)
            if reply is not None:
                self.wfile.write(struct.pack("!H", len(reply)) + reply)
