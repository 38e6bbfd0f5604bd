"""What commands do in a simulated container: archives, database dumps, and the simplest programs of a shell.

A command is recognised by the programs it names; nothing is interpreted. A dump gives back, byte for byte, what a
restore has put into the container's first volume. What is not known here fails as a missing program does.
"""

import io
import re
import shlex
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from minispod.simulator.kubernetes.volume_data import Files

CHUNK = 32 * 1024
MISSING = 127
NOT_STARTED = -1
_ASLEEP = "the server does not run in this container, it sleeps\n"
_DATABASE = ".dump"
_NOTHING_YET = b"-- a database without data\n"
_COUNTED = 'head -c "$n" |'
_GUARDED = 'kill "$guard"'
_PACKS = re.compile(r"\btar -c\w*f - ")
_UNPACKS = re.compile(r"\btar -x\w*f -")
_DUMPS = re.compile(r"\b(pg_dump|pg_dumpall|mariadb-dump|mysqldump|bgrewriteaof)\b|redis-cli --rdb")
_PASSWORDS = re.compile(rb"(SET [^;]*;\s*)*ALTER (ROLE|USER) ")
_RESTORES = re.compile(r"\b(psql|pg_restore|mariadb|mysql)\b|redis-cli --pipe")


class Ended(Exception):
    """A program has ended with another status than 0."""

    def __init__(self, status: int, complaint: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.complaint = complaint


@dataclass(frozen=True, slots=True)
class Room:
    """What a container has: the files under a path, by their rest of it; its database's volume; whether it sleeps."""

    under: Callable[[str], tuple[Files, str]]
    volume: Files
    is_asleep: bool


def run(argv: Sequence[str], stdin: Iterator[bytes] | None, room: Room) -> Iterator[bytes]:
    """Run a command and yield its output; Ended unless its status is 0 (NOT_STARTED: there is no such program)."""
    in_shell = argv[0] == "sh" and len(argv) > 2
    script = argv[2] if in_shell else shlex.join(argv)
    if _COUNTED in script and stdin is not None:
        yield from _counted(argv[4:], stdin, room)
    elif _GUARDED in script:
        yield from _guarded(argv[4:], room)
    elif _PACKS.search(script):
        yield from _pack(argv[4], argv[5:], room)
    elif _UNPACKS.search(script):
        _unpack(argv[4], stdin, room)
    elif _DUMPS.search(script):
        yield from _pieces(_awake(room).get(_DATABASE, _NOTHING_YET))
    elif _RESTORES.search(script) and stdin is not None:
        statements = b"".join(stdin)
        # Another password leaves the data as they are.
        if not _PASSWORDS.match(statements) and "ALTER USER" not in script:
            _awake(room)[_DATABASE] = statements
    elif script == "cat /dev/zero":
        yield from _endless()
    else:
        yield from _simple(shlex.split(script), stdin, room, MISSING if in_shell else NOT_STARTED)


def _counted(argv: Sequence[str], stdin: Iterator[bytes], room: Room) -> Iterator[bytes]:
    """Exactly as many bytes reach the program; failure is also told on stderr (the adapter's `_COUNTED` does so)."""
    size = int(argv[0])
    taken = _first(size, stdin)
    try:
        yield from run(argv[1:], taken, room)
    except Ended as end:
        status = MISSING if end.status == NOT_STARTED else end.status
        raise Ended(status, f"{end.complaint}\x1e{status}\x1e") from None
    for _ in taken:
        pass


def _guarded(argv: Sequence[str], room: Room) -> Iterator[bytes]:
    """A command that is ended with the connection (the adapter's `_GUARDED`); it reads nothing."""
    try:
        yield from run(argv, None, room)
    except Ended as end:
        raise Ended(MISSING if end.status == NOT_STARTED else end.status, end.complaint) from None


def _first(size: int, stdin: Iterator[bytes]) -> Iterator[bytes]:
    while size > 0 and (piece := next(stdin, None)) is not None:
        yield piece[:size]
        size -= len(piece)


def _awake(room: Room) -> Files:
    if room.is_asleep:
        raise Ended(2, _ASLEEP)
    return room.volume


def _pack(path: str, options: Sequence[str], room: Room) -> Iterator[bytes]:
    files, inside = room.under(path)
    excluded = [each.removeprefix("--exclude=./") for each in options]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in sorted(_below(files, inside)):
            if not any(name == each or name.startswith(f"{each}/") for each in excluded):
                entry = tarfile.TarInfo(f"./{name}")
                content = files[f"{inside}{name}"]
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    yield from _pieces(archive.getvalue())


def _unpack(path: str, stdin: Iterator[bytes] | None, room: Room) -> None:
    files, inside = room.under(path)
    try:
        with tarfile.open(fileobj=io.BytesIO(b"".join(stdin or ())), mode="r") as tar:
            found = [(each.name.removeprefix("./"), tar.extractfile(each)) for each in tar if each.isfile()]
            content = {name: file.read() for name, file in found if file is not None}
    except tarfile.TarError as fault:
        raise Ended(2, f"tar: {fault}\n") from None
    for name in list(_below(files, inside)):
        del files[f"{inside}{name}"]
    files.update({f"{inside}{name}": each for name, each in content.items()})


def _below(files: Files, inside: str) -> Iterator[str]:
    return (path.removeprefix(inside) for path in files if path.startswith(inside))


def _pieces(content: bytes) -> Iterator[bytes]:
    return (content[at : at + CHUNK] for at in range(0, len(content), CHUNK))


def _endless() -> Iterator[bytes]:
    while True:
        yield bytes(CHUNK)
        time.sleep(0.02)


def _simple(words: list[str], stdin: Iterator[bytes] | None, room: Room, missing: int) -> Iterator[bytes]:
    if len(words) < 3 or words[-2] != ">":
        yield from _pieces(_output_of(words, stdin, room, missing))
        return
    output = _output_of(words[:-2], stdin, room, missing)
    files, inside = room.under(words[-1])
    files[inside.rstrip("/")] = output


def _output_of(words: list[str], stdin: Iterator[bytes] | None, room: Room, missing: int) -> bytes:
    match words:
        case ["true"]:
            return b""
        case ["false"]:
            raise Ended(1)
        case ["exit", status]:
            raise Ended(int(status))
        case ["echo", *said]:
            return (" ".join(said) + "\n").encode()
        case ["sleep", seconds]:
            time.sleep(float(seconds))
            return b""
        case ["cat"] if stdin is not None:
            return b"".join(stdin)
        case ["cat", path]:
            return _content(path, room)
        case ["test", "-e", path]:
            if _exists(path, room):
                return b""
            raise Ended(1)
    raise Ended(missing, f"sh: {words[0] if words else ''}: not found\n")


def _content(path: str, room: Room) -> bytes:
    files, inside = room.under(path)
    found = files.get(inside.rstrip("/"))
    if found is None:
        raise Ended(1, f"cat: {path}: No such file or directory\n")
    return found


def _exists(path: str, room: Room) -> bool:
    files, inside = room.under(path)
    return inside.rstrip("/") in files or any(True for _ in _below(files, inside))
