"""The SMTP side: takes every mail for everybody, unless a lever says otherwise. It never sends one on."""

import asyncio
import socket
import threading
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from minispod.simulator.mailbox.drawer import Drawer
from minispod.simulator.mailbox.levers import Levers

SIZE_LIMIT = 25 * 1024 * 1024


class _Handler:
    """Answers of the dialogue, called by aiosmtpd."""

    def __init__(self, drawer: Drawer, levers: Levers) -> None:
        self._drawer, self._levers = drawer, levers

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Accept a sender."""
        await asyncio.sleep(self._levers.delay_s)
        refusal = self._levers.refusal_at("mail")
        if refusal:
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Accept a recipient."""
        refusal = self._levers.refusal_at("rcpt", address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        """Keep the mail; acknowledged only when it is on disk."""
        refusal = self._levers.refusal_at("data")
        if refusal:
            return refusal
        raw = envelope.original_content or b""
        sender, recipients = envelope.mail_from or "", list(envelope.rcpt_tos)
        kept = await asyncio.to_thread(self._drawer.keep, sender, recipients, raw)
        return f"250 OK kept as {kept.id}"


class SmtpSide:
    """The SMTP server in a thread of its own."""

    def __init__(self, host: str, port: int, drawer: Drawer, levers: Levers) -> None:
        self._socket = socket.create_server((host, port), backlog=64)
        self.address = f"{host}:{self._socket.getsockname()[1]}"
        self._handler = _Handler(drawer, levers)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="mailbox-smtp", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=2)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._loop.create_server(self._protocol, sock=self._socket))
        self._loop.run_forever()

    def _protocol(self) -> SMTP:
        return SMTP(
            self._handler,
            loop=self._loop,
            hostname="mailbox.simulator",
            ident="MinisPod mailbox simulator",
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=lambda *_: AuthResult(success=True),
        )
