"""Commands in containers: what they write comes out in chunks, what they are to read goes in, nothing is held whole.

A command has succeeded only when the cluster has said so; whatever ends earlier raises. A chunk is what the cluster
sends at once (about 32 kB), and the next one is not received before the one before it was taken.
"""

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence

import structlog

from minispod.cluster.port import ClusterUnavailable, CommandFailed
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.channels import (
    STATUS,
    STDERR,
    STDOUT,
    Channels,
    Cut,
    Message,
    NotUpgraded,
)
from minispod.integrations.kubernetes.client import KubernetesClient, refusal

log = structlog.get_logger()

# A command may think for long (a dump waits for a lock, a restore builds an index); a dead connection is noticed
# within two minutes by TCP.
SILENCE_SECONDS = 900.0
COMPLAINT_LIMIT = 300
_PIECE = 32 * 1024
_NO_PROGRAM = 127
_KILLED = 137

# Kubernetes cannot close the stdin of a command before 1.30, so it is counted. And a container runtime may never tell
# how a command ended that left some of its stdin unread: the rest is thrown away, and failure is told on stderr.
_COUNTED = """
n=$1
shift
head -c "$n" | {
  "$@"
  status=$?
  [ "$status" = 0 ] || printf '\\036%s\\036' "$status" >&2
  cat >/dev/null
  exit "$status"
}
"""
# Nor does a runtime end a command whose reader has gone: a dump would wait for ever with a full pipe, and hold what it
# has locked. Its stdin is closed then, which `guard` notices; it takes the other end of the pipe away. The command is
# not killed: what nobody has waited for falls to the container's first process, and PostgreSQL takes the violent death
# of such a foundling for a crash of its own.
_GUARDED = """
exec 3<&0 5>&1
status=$(
  {
    { "$@" </dev/null 3<&- 4>&- 5>&-; echo "$?" >&4; } | {
      exec 6<&0
      cat <&6 >&5 3<&- 4>&- &
      copier=$!
      exec </dev/null 5>&- 6<&-
      { read -r _ <&3; kill "$copier"; } >/dev/null 4>&- &
      guard=$!
      wait "$copier"
      kill "$guard"
      wait "$guard"
    } 2>/dev/null
  } 4>&1
)
exit "$status"
"""
_TOLD = re.compile(rb"\x1e([0-9]+)\x1e$")


def read_from(
    client: KubernetesClient, namespace: str, pod: str, container: str, command: Sequence[str]
) -> Iterator[bytes]:
    """Run a command and yield what it writes to stdout; closing the iterator ends the command."""
    guarded = ["sh", "-c", _GUARDED, "guard", *command]
    with _opened(client, namespace, pod, container, guarded, "stdin", "stdout") as running:
        while (message := running.next()) is not None:
            if message[0] == STDOUT:
                yield message[1]


def write_to(
    client: KubernetesClient,
    namespace: str,
    pod: str,
    container: str,
    command: Sequence[str],
    chunks: Iterable[bytes],
    size: int,
) -> None:
    """Run a command and give it `chunks`, `size` bytes altogether; ValueError when there are more or fewer."""
    counted = ["sh", "-c", _COUNTED, "stdin", str(size), *command]
    with _opened(client, namespace, pod, container, counted, "stdin") as running:
        left = size
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                break
            for at in range(0, len(chunk), _PIECE):
                running.give(chunk[at : at + _PIECE])
        if left:
            raise ValueError(
                f"{size} bytes were announced, and {'more' if left < 0 else f'{left} fewer'} came"
            )
        while running.next() is not None:
            pass


class _Running:
    """A command that runs, and the end of what it complains about."""

    def __init__(self, channels: Channels, container: str) -> None:
        self._channels = channels
        self._container = container
        self._complaint = b""

    def next(self) -> Message | None:
        """Wait for the next message; None when the command has succeeded."""
        return self._judged(self._channels.receive())

    def give(self, piece: bytes) -> None:
        """Send a piece to stdin, taking meanwhile what the command says."""
        while (message := self._channels.arrival_or_room()) is not None:
            if self._judged(message) is None:
                raise ClusterUnavailable  # it cannot have read what was not sent
        self._channels.send(piece)

    def _judged(self, message: Message) -> Message | None:
        channel, content = message
        if channel == STDERR:
            self._complaint = (self._complaint + content)[-4 * COMPLAINT_LIMIT :]
            if ended := _TOLD.search(self._complaint):
                self._complaint = self._complaint[: ended.start()]
                raise self._failure(int(ended[1]), "")
        if channel != STATUS:
            return message
        try:
            status = json.loads(content)
            if status["status"] == "Success":
                return None
            causes = (status.get("details") or {}).get("causes") or []
            codes = [int(each["message"]) for each in causes if each.get("reason") == "ExitCode"]
            told = str(status.get("message") or "")
        except (ValueError, AttributeError, KeyError, TypeError):
            raise ClusterUnavailable from None
        raise self._failure(codes[0] if codes else None, told)

    def _failure(self, code: int | None, told: str) -> CommandFailed:
        log.warning("cluster.command_failed", exit_status=code, container=self._container)
        complaint = self._complaint.decode("utf-8", "replace").strip()[-COMPLAINT_LIMIT:]
        if code is None:
            sentence = f"The container {self._container} could not run a shell: its image may have none."
        elif code == _KILLED:
            sentence = (
                f"The command in the container {self._container} was killed: its pod went, or memory ran out."
            )
        elif code == _NO_PROGRAM:
            sentence = f"A program that is needed is missing in the container {self._container}."
        else:
            sentence = f"The command in the container {self._container} ended with status {code}."
        return CommandFailed(sentence, exit_status=code, complaint=complaint)


@contextlib.contextmanager
def _opened(
    client: KubernetesClient, namespace: str, pod: str, container: str, command: Sequence[str], *streams: str
) -> Iterator[_Running]:
    query = [("container", container), ("stderr", "true"), *((stream, "true") for stream in streams)]
    query += [("command", word) for word in command]
    try:
        channels = client.channels(f"{paths.POD.one(namespace, pod)}/exec", query, SILENCE_SECONDS)
    except NotUpgraded as answer:
        if answer.status == 500 and "container not found" in answer.body:
            raise CommandFailed(f"The container {container} is not running.", exit_status=None) from None
        raise refusal(answer.status, answer.body) from None
    except Cut as cut:
        raise _unavailable(cut) from None
    try:
        yield _Running(channels, container)
    except Cut as cut:
        raise _unavailable(cut) from None
    finally:
        channels.close()


def _unavailable(cut: Cut) -> ClusterUnavailable:
    log.warning("cluster.silent", error=f"command: {cut}")
    return ClusterUnavailable()
