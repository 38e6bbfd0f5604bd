"""`/k8s-logs`: the log of one's own instance, line by line, as the existing front end expects it.

`log-start`, `log-data` and `log-error` each carry exactly one string. After an error the client is
disconnected from here; it reconnects when the customer asks for it. A client that reads slowly slows its
own stream down, nothing else. A pod that is replaced, a container that starts again and a cluster that is silent
for a moment are waited for: the stream goes on after the last line that was shown.
"""

import threading
import time
from dataclasses import dataclass

import structlog
from flask import request
from flask_socketio import Namespace

from minispod.cluster.lines import readable
from minispod.cluster.port import (
    ClusterPort,
    ClusterRefused,
    ClusterUnavailable,
    LogPlace,
    LogStream,
    NoSuchObject,
)
from minispod.instances.models import Instance
from minispod.instances.states import Wanted
from minispod.instances.workload import CONTAINER
from minispod.kernel.errors import Refusal, RuleBroken
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import release_connection
from minispod.ports import current_ports
from minispod.realtime.presence import Guest, Presence
from minispod.realtime.rounds import Rounds
from minispod.realtime.visitors import admit, connect_error, said
from minispod.realtime.wire import Wire
from minispod.subscriptions.queries import get_subscription

log = structlog.get_logger()

NAMESPACE = "/k8s-logs"
TAIL = 200
PER_ACCOUNT = 5
IN_ALL = 100

# So long a pod is waited for that takes the place of the one that was followed.
REPLACED_SECONDS = 60.0
# A view that nobody closed: nothing was written for so long, or it has been open for so long.
IDLE_SECONDS = 3600.0
LONGEST_SECONDS = 6 * 3600.0

THREAD = "follow-log"
_MOST_UNREAD = 500
_DRAIN_SECONDS = 0.05
_LOOK_SECONDS = 1.0
# A stream that was open so long was one of a container that ran.
_LIVED_SECONDS = 5.0

NO_INSTANCE = "There is no running instance to show logs of."
STOPPED = "The application is stopped. Start it, then connect again to follow its log."
NO_POD = "The application has no pod yet. Please connect again in a moment."
NOT_STARTED = "The application has not started yet. Please connect again in a moment."
ENDED = "The log has ended: the application was stopped. Start it, then connect again to follow it."
IDLE = "Nothing was written for an hour, so this view was closed. Connect again to go on."
LONG = "This view was open for six hours and was closed. Connect again to go on."


class SubscriptionMissing(RuleBroken):
    """The handshake does not say whose log is wanted."""

    code = "realtime.subscription_missing"
    default_message = "Subscription ID is required"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the log of an instance is found."""

    namespace: str
    workload: str
    container: str = CONTAINER
    is_stopped: bool = False

    @classmethod
    def of(cls, instance: Instance | None) -> "Source | None":
        """The source for an instance; None when nothing of it runs."""
        if instance is None or instance.is_gone:
            return None
        return cls(instance.namespace, instance.name, is_stopped=instance.wanted is not Wanted.RUNNING)


class LogsNamespace(Namespace):
    """The namespace: refuses strangers, starts and ends followers."""

    def __init__(self, wire: Wire, presence: Presence, rounds: Rounds) -> None:
        super().__init__(NAMESPACE)
        self._wire = wire
        self._presence = presence
        self._rounds = rounds

    def on_connect(self, auth: object = None) -> None:
        """Let the owner or staff in, and begin to follow."""
        sid: str = request.sid  # type: ignore[attr-defined]
        try:
            visitor = admit(auth, request.remote_addr)
            wanted = said(auth, "subscriptionId")
            if not wanted:
                raise SubscriptionMissing()
            found = get_subscription(parse_id(wanted), actor=visitor.actor)
            source = Source.of(found.instance)
            follower = Follower(self._wire, sid, source, current_ports().cluster)
            self._presence.enter(Guest(sid, NAMESPACE, visitor, follower.end, follower.say_time_is_up))
        except Refusal as refusal:
            raise connect_error(refusal) from None
        release_connection()
        self._rounds.begin()
        self._wire.in_background(follower.run)

    def on_disconnect(self, reason: object = None) -> None:
        """Stop following."""
        self._presence.leave(request.sid)  # type: ignore[attr-defined]


class Follower:
    """Carries the lines of one source to one client until either is gone; asks no database."""

    def __init__(self, wire: Wire, sid: str, source: Source | None, cluster: ClusterPort) -> None:
        self._wire = wire
        self._sid = sid
        self._source = source
        self._cluster = cluster
        self._ended = threading.Event()
        self._stream: LogStream | None = None
        self._lock = threading.Lock()
        self._began_at = self._heard_at = time.monotonic()
        self._place: LogPlace | None = None
        self._pod = ""

    def run(self) -> None:
        """Follow; whatever ends it is said in one sentence, and the client is disconnected."""
        threading.current_thread().name = THREAD
        if not self._wire.await_let_in(self._sid, NAMESPACE):
            return
        try:
            sentence = self._follow(self._source) if self._source else NO_INSTANCE
        except Exception:  # a thread of its own: nobody above would hear of it
            log.exception("realtime.log_crashed")
            sentence = ClusterUnavailable.default_message
        finally:
            self._close()
        if not self._ended.is_set():
            self._wire.send("log-error", sentence, to=self._sid, namespace=NAMESPACE)
            self._wire.hang_up(self._sid, NAMESPACE)

    def end(self) -> None:
        """Stop, also while the next line is waited for; may be called from any thread."""
        self._ended.set()
        self._close()

    def say_time_is_up(self) -> bool:
        """Tell whether this view has been open or idle for too long; the client is told so then."""
        now = time.monotonic()
        if now - self._began_at >= LONGEST_SECONDS:
            sentence = LONG
        elif now - self._heard_at >= IDLE_SECONDS:
            sentence = IDLE
        else:
            return False
        self._wire.send("log-error", sentence, to=self._sid, namespace=NAMESPACE)
        return True

    def _follow(self, source: Source) -> str:
        """Follow one stream after another until none has come for a while; the sentence that says so."""
        patience_ends: float | None = None
        while not self._ended.is_set():
            sentence, opened_at, shown = ENDED, time.monotonic(), 0
            try:
                if self._open(source):
                    shown = self._carry()
                    self._close()
            except Refusal as refusal:
                if patience_ends is None:  # there was nothing to follow
                    return _sentence_for(refusal, source)
                if isinstance(refusal, ClusterUnavailable):
                    sentence = refusal.message
            now = time.monotonic()
            if patience_ends is None or shown or now - opened_at >= _LIVED_SECONDS:
                patience_ends = now + REPLACED_SECONDS
            if now >= patience_ends:
                return sentence
            self._ended.wait(_LOOK_SECONDS)
        return ENDED

    def _open(self, source: Source) -> bool:
        """Begin a stream after what was shown; False when the client left meanwhile."""
        stream = self._cluster.follow_logs(
            source.namespace, source.workload, container=source.container, lines=TAIL, after=self._place
        )
        with self._lock:
            self._stream = stream
        if self._ended.is_set():
            self._close()
            return False
        if stream.pod != self._pod:
            self._pod = stream.pod
            start = f"{stream.pod}/{source.container}"
            self._wire.send("log-start", start, to=self._sid, namespace=NAMESPACE)
        return True

    def _carry(self) -> int:
        """Send line by line until the stream ends; tells how many came."""
        stream, number = self._stream, 0
        if stream is None:  # closed at this moment
            return 0
        for line in stream:
            number += 1
            self._heard_at, self._place = time.monotonic(), stream.place
            text = readable(line)
            if text:
                if not self._has_room():
                    break
                self._wire.send("log-data", text, to=self._sid, namespace=NAMESPACE)
        return number

    def _has_room(self) -> bool:
        """Wait until the client has read enough; False when it is gone."""
        while not self._ended.is_set():
            unread = self._wire.backlog(self._sid, NAMESPACE)
            if unread is None:
                return False
            if unread < _MOST_UNREAD:
                return True
            self._ended.wait(_DRAIN_SECONDS)
        return False

    def _close(self) -> None:
        with self._lock:
            stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


def _sentence_for(refusal: Refusal, source: Source) -> str:
    if isinstance(refusal, NoSuchObject):
        return STOPPED if source.is_stopped else NO_POD
    if isinstance(refusal, ClusterRefused):
        return NOT_STARTED
    return refusal.message
