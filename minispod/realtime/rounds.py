"""What goes on while anybody is connected, and only then: status is compared, guests are looked at again.

One thread per process. It asks for the present state and compares, instead of waiting to be told: a change
made by any process is seen within a second, and nothing can be missed for good.
"""

import threading
import time
from collections.abc import Sequence

import structlog
from flask import Flask

from minispod.accounts import directory
from minispod.realtime.presence import Guest, Presence
from minispod.realtime.status_board import StatusBoard
from minispod.realtime.visitors import is_still_welcome
from minispod.realtime.wire import Wire

log = structlog.get_logger()

LOOK_SECONDS = 1.0
_NEWCOMER_SECONDS = 0.1
CHECK_SECONDS = 1.0
_TROUBLE_SECONDS = 5.0


class Rounds:
    """The thread that serves all guests of this process."""

    def __init__(self, app: Flask, wire: Wire, board: StatusBoard, rooms: Sequence[Presence]) -> None:
        self._app = app
        self._wire = wire
        self._board = board
        self._rooms = rooms
        self._lock = threading.Lock()
        self._is_going = False
        self._wake = threading.Event()

    def begin(self) -> None:
        """Have the rounds made from now on; when they are, the next one is made at once."""
        self._wake.set()
        with self._lock:
            if self._is_going:
                return
            self._is_going = True
        self._wire.in_background(self._go)

    def _go(self) -> None:
        checked_at = time.monotonic()
        while self._is_needed():
            self._wake.clear()
            seconds = LOOK_SECONDS
            try:
                with self._app.app_context():
                    if not self._board.look():
                        seconds = _NEWCOMER_SECONDS
                    if time.monotonic() - checked_at >= CHECK_SECONDS:
                        checked_at = time.monotonic()
                        self._check()
            except Exception:  # the database may be away; the next round will tell
                log.exception("realtime.round_failed")
                seconds = _TROUBLE_SECONDS
            self._wake.wait(seconds)

    def _is_needed(self) -> bool:
        # Under the lock: a guest that comes while we decide to stop finds either us or nobody.
        with self._lock:
            self._is_going = any(room.guests() for room in self._rooms)
            return self._is_going

    def _check(self) -> None:
        """Send away whose token or time has ended, and forget who vanished without a word."""
        here = {guest.visitor.user_id for room in self._rooms for guest in room.guests()}
        # One statement for all; while they are held, the session finds each of them without another.
        held = directory.find_users(here)
        log.debug("realtime.checked", accounts=len(held))
        for room in self._rooms:
            for guest in room.guests():
                if self._wire.backlog(guest.sid, guest.namespace) is None:
                    room.leave(guest.sid)
                elif guest.is_over() or not is_still_welcome(guest.visitor):
                    self._dismiss(room, guest)

    def _dismiss(self, room: Presence, guest: Guest) -> None:
        log.info("realtime.dismissed", actor_id=str(guest.visitor.user_id), namespace=guest.namespace)
        room.leave(guest.sid)
        self._wire.hang_up(guest.sid, guest.namespace)
