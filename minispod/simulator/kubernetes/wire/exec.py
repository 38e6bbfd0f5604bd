"""Commands in containers: a WebSocket with the channels of v4.channel.k8s.io, as kubelets speak it.

One byte before each message says which stream it belongs to; the last message, on the channel of errors, says how the
command ended. Nothing can close the command's stdin but the end of the connection.
"""

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qs, urlsplit

import orjson
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Message, Ping, TextMessage
from wsproto.events import Request as Handshake

from minispod.simulator.kubernetes.cluster import Cluster
from minispod.simulator.kubernetes.controllers.faults import CommandFault
from minispod.simulator.kubernetes.controllers.pod_run import ContainerRun, PodRun
from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.kinds import CLAIMS, PODS
from minispod.simulator.kubernetes.machinery.refusals import Refusal, bad_request, method_not_allowed
from minispod.simulator.kubernetes.programs import NOT_STARTED, Ended, Room, run
from minispod.simulator.kubernetes.volume_data import Files
from minispod.simulator.kubernetes.wire.exchange import Request, Response, text_answer
from minispod.simulator.kubernetes.wire.routes import Route
from minispod.simulator.kubernetes.wire.server import Hangup

PROTOCOL = "v4.channel.k8s.io"
STDIN, STDOUT, STDERR, STATUS = range(4)
KILLED = 137
FAREWELL_SECONDS = 2.0
SUCCESS = {"metadata": {}, "status": "Success"}


@dataclass(frozen=True, slots=True)
class Command:
    """What a client wants to have run, and in which run of which container."""

    argv: list[str]
    has_stdin: bool
    has_stdout: bool
    pod: Json
    run: PodRun
    container: ContainerRun
    identity: str


class Exec:
    """Answers GET pods/<name>/exec."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def answer(self, request: Request, route: Route) -> Response:
        """Go over to the WebSocket, or say why not."""
        if request.method not in ("GET", "POST"):
            raise method_not_allowed()
        if request.header("upgrade").lower() != "websocket":
            raise bad_request("Upgrade request required")
        pod = self._cluster.store.get(PODS, route.namespace or "", route.name or "")
        asked = parse_qs(urlsplit(request.target).query, keep_blank_values=True)
        mains = [one["name"] for one in pod["spec"]["containers"]]
        name = asked.get("container", mains[:1])[-1]
        if name not in mains:
            raise bad_request(f"container {name} is not valid for pod {route.name}")
        if not asked.get("command"):
            raise bad_request("you must specify at least 1 command for the container")
        kubelets = self._cluster.controllers.kubelets
        run = kubelets.runs.get(pod["metadata"]["uid"])
        if run is not None and run.node in kubelets.off:
            raise Refusal(500, None, "error dialing backend: dial tcp: i/o timeout")
        one = run.container(name) if run is not None else None
        if run is None or one is None or one.phase != "running":
            return text_answer(f'container not found ("{name}")', 500)
        has_stdin, has_stdout = (asked.get(each, [""])[-1] in ("true", "1") for each in ("stdin", "stdout"))
        command = Command(asked["command"], has_stdin, has_stdout, pod, run, one, one.identity)
        return Response(101, upgrade=partial(self._converse, request, command))

    def _converse(self, request: Request, command: Command, connection: socket.socket) -> None:
        wire = _Wire(connection, request)
        with self._cluster.store.lock:
            fault = self._cluster.controllers.kubelets.command_faults.take(
                command.run, command.container.name
            )
        sent, status = 0, SUCCESS
        try:
            if fault is not None:
                _suffer(fault)
            for piece in self._output(command, wire):
                if fault is not None and fault.how == "cut" and sent >= fault.after_bytes:
                    raise Hangup
                if command.has_stdout:
                    wire.say(STDOUT, piece)
                    sent += len(piece)
        except Ended as end:
            if end.status != NOT_STARTED:
                wire.say(STDERR, end.complaint.encode())
            status = _failure(command.argv, end.status)
        wire.say(STATUS, orjson.dumps(status))
        wire.close()

    def _output(self, command: Command, wire: "_Wire") -> Iterator[bytes]:
        stdin = self._while_it_runs(command, wire.stdin()) if command.has_stdin else None
        yield from self._while_it_runs(command, run(command.argv, stdin, self._room(command)))

    def _while_it_runs(self, command: Command, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Ended as whatever runs in a container that is killed; Hangup when the node is no more."""
        kubelets, one = self._cluster.controllers.kubelets, command.container
        for piece in pieces:
            if command.run.node in kubelets.off:
                raise Hangup
            is_there = kubelets.runs.get(command.run.uid) is command.run and not command.run.going
            if not is_there or one.identity != command.identity or one.phase != "running":
                raise Ended(KILLED)
            yield piece

    def _room(self, command: Command) -> Room:
        pod, one = command.pod, command.container
        spec = next(each for each in pod["spec"]["containers"] if each["name"] == one.name)
        places = {}
        for volume in pod["spec"].get("volumes") or ():
            claimed = dig(volume, "persistentVolumeClaim", "claimName")
            claim = (
                self._cluster.store.find(CLAIMS, pod["metadata"]["namespace"], claimed) if claimed else None
            )
            if claim is not None:
                places[volume["name"]] = claim["metadata"]["uid"]
        mounts = [
            (mount["mountPath"], (places[mount["name"]], mount.get("subPath", "")))
            for mount in spec.get("volumeMounts") or ()
            if mount["name"] in places
        ]
        data = self._cluster.data

        def under(path: str) -> tuple[Files, str]:
            fits = [mount for mount in mounts if path == mount[0] or path.startswith(f"{mount[0]}/")]
            if not fits:
                return data.at((one.identity, "")), path.strip("/") + "/"
            where, place = max(fits, key=lambda mount: len(mount[0]))
            inside = path.removeprefix(where).strip("/")
            return data.at(place), f"{inside}/" if inside else ""

        own = data.at(mounts[0][1] if mounts else (one.identity, ""))
        return Room(under, own, is_asleep=" ".join(spec.get("command") or ()).startswith("sh -c trap"))


def _suffer(fault: CommandFault) -> None:
    """What a lever asked for, before the command begins."""
    if fault.how == "slow":
        time.sleep(fault.seconds)
    elif fault.how == "missing":
        raise Ended(NOT_STARTED)
    elif fault.how == "exit":
        raise Ended(fault.status, fault.message)
    elif not fault.after_bytes:
        raise Hangup


def _failure(argv: list[str], status: int) -> Json:
    if status == NOT_STARTED:
        reason = f'exec: "{argv[0]}": executable file not found in $PATH: unknown'
        text = f"Internal error occurred: error executing command in container: failed to exec in container: {reason}"
        return {"metadata": {}, "status": "Failure", "message": text, "reason": "InternalError", "code": 500}
    text = f"command terminated with non-zero exit code: error executing command {argv}, exit code {status}"
    causes = [{"reason": "ExitCode", "message": str(status)}]
    details = {"causes": causes}
    return {
        "metadata": {},
        "status": "Failure",
        "message": text,
        "reason": "NonZeroExitCode",
        "details": details,
    }


class _Wire:
    """The server's side of one WebSocket."""

    def __init__(self, connection: socket.socket, request: Request) -> None:
        self._connection = connection
        self._protocol = WSConnection(ConnectionType.SERVER)
        lines = [
            f"GET {request.target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in request.headers.items()),
        ]
        self._protocol.receive_data("\r\n".join([*lines, "", ""]).encode("latin-1"))
        offered = next(
            (each.subprotocols for each in self._protocol.events() if isinstance(each, Handshake)), []
        )
        chosen = PROTOCOL if PROTOCOL in offered else None
        self._connection.sendall(self._protocol.send(AcceptConnection(subprotocol=chosen)))

    def say(self, channel: int, content: bytes) -> None:
        """Send on a channel."""
        if content:
            self._connection.sendall(self._protocol.send(BytesMessage(data=bytes([channel]) + content)))

    def stdin(self) -> Iterator[bytes]:
        """What the client sends, until it goes away."""
        pending = b""
        while received := self._connection.recv(64 * 1024):
            self._protocol.receive_data(received)
            for event in self._protocol.events():
                if isinstance(event, Ping):
                    self._connection.sendall(self._protocol.send(event.response()))
                elif isinstance(event, CloseConnection):
                    return
                elif isinstance(event, Message):
                    data = event.data.encode() if isinstance(event, TextMessage) else bytes(event.data)
                    pending += data
                    if event.message_finished:
                        if pending[:1] == bytes([STDIN]):
                            yield pending[1:]
                        pending = b""

    def close(self) -> None:
        """Say good-bye, and take what is still on its way: closing over it would take back what was said."""
        self._connection.sendall(self._protocol.send(CloseConnection(code=1000)))
        self._connection.settimeout(FAREWELL_SECONDS)
        with contextlib.suppress(OSError):
            for _ in self.stdin():
                pass
