"""The file store: a directory of this machine, or a bucket of an S3-compatible server (through obstore).

Each request to a server is bounded in time and repeated a few times. What goes wrong is logged once in a sentence for
operators, without keys, and raised as ObjectStoreUnavailable; what the caller's own chunks raise comes out as it is.
The directory is our own code: obstore's neither restricts who may read, nor waits for the disk, nor lists what a
killed process left half written (docs/adr/0020).
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from minispod.kernel.object_store import NoSuchStoredObject, ObjectStore, ObjectStoreUnavailable, StoredObject
from minispod.kernel.unit_of_work import refuse_inside_unit_of_work
from minispod.settings.files import FileSettings

log = structlog.get_logger()

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
_CHUNK = 1024 * 1024
# A server takes at most 10,000 parts: 16 MB each are enough for 160 GB. Two of them are in memory at a time.
_PART = 16 * 1024 * 1024
_UPLOADS = 2
_RANGE = 8 * 1024 * 1024
_CONNECT = timedelta(seconds=10)
_REQUEST = timedelta(seconds=120)
_RETRIES = 3
_LONGEST_REASON = 300


def build_object_store(settings: FileSettings) -> ObjectStore:
    """The store of the settings: the bucket if one is named, else the directory."""
    if settings.files_s3_bucket:
        return BucketStore(
            settings.files_s3_bucket,
            endpoint=settings.files_s3_endpoint,
            region=settings.files_s3_region,
            key=settings.files_s3_key,
            secret=settings.files_s3_secret.get_secret_value(),
        )
    return DirectoryStore(Path(settings.files_directory))


class DirectoryStore:
    """Files below one directory, for our own user only; it is made when the first file comes."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Write beside the place and rename when all of it has reached the disk."""
        refuse_inside_unit_of_work()
        path, written = self._path(key), 0
        draft = path.with_name(f"{path.name}.{uuid4().hex}.part")
        with _disk("write", key):
            file = self._create(draft)
        try:
            with os.fdopen(file, "wb", buffering=0) as out:
                for chunk in chunks:
                    with _disk("write", key):
                        written += _write_all(out.fileno(), chunk)
                with _disk("write", key):
                    os.fsync(out.fileno())
            with _disk("write", key):
                draft.replace(path)
                _sync_directory(path.parent)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        return written

    def get(self, key: str) -> Iterator[bytes]:
        """The file in chunks."""
        refuse_inside_unit_of_work()
        return self._read(key)

    def delete(self, key: str) -> None:
        """Remove the file, and the directories that are empty without it."""
        refuse_inside_unit_of_work()
        path = self._path(key)
        with _disk("delete", key):
            path.unlink(missing_ok=True)
        with suppress(OSError):  # somebody else's file is in it, or on its way into it
            for parent in path.relative_to(self._root).parents[:-1]:
                (self._root / parent).rmdir()

    def list(self, prefix: str) -> Sequence[StoredObject]:
        """Every file below `prefix`, also half-written ones (they end in .part)."""
        refuse_inside_unit_of_work()
        with _disk("list", prefix):
            return sorted(self._found(self._path(prefix)), key=lambda each: each.key)

    def _found(self, folder: Path) -> Iterator[StoredObject]:
        for path in folder.rglob("*"):
            with suppress(FileNotFoundError):  # gone since it was listed
                facts = path.stat()
                if path.is_file():
                    changed_at = datetime.fromtimestamp(facts.st_mtime, UTC)
                    yield StoredObject(path.relative_to(self._root).as_posix(), facts.st_size, changed_at)

    def _read(self, key: str) -> Iterator[bytes]:
        with _disk("read", key):
            try:
                file = self._path(key).open("rb", buffering=0)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise NoSuchStoredObject() from None
        with file:
            while True:
                with _disk("read", key):
                    chunk = file.read(_CHUNK)
                if not chunk:
                    return
                yield chunk

    def _create(self, draft: Path) -> int:
        for _ in range(10):
            for parent in reversed([draft.parent, *draft.parent.parents]):
                parent.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileNotFoundError):  # `delete` took the empty directory away in this moment
                return os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        raise FileNotFoundError(draft)

    def _path(self, key: str) -> Path:
        return self._root / _checked(key)


class BucketStore:
    """A bucket. What a killed process had uploaded stays hidden there until the bucket's own rule ends it.

    A process that has used one must not fork and use it in the child: the library's threads stay behind.
    """

    def __init__(
        self,
        bucket: str,
        *,
        endpoint: str,
        region: str,
        key: str,
        secret: str,
        patience: timedelta = _REQUEST,
    ) -> None:
        self._bucket = bucket
        self._s3 = S3Store(
            bucket,
            endpoint=endpoint or f"https://s3.{region}.amazonaws.com",
            region=region,
            access_key_id=key,
            secret_access_key=secret,
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": _CONNECT,
                "timeout": patience,
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": patience},
        )

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Upload in parts; they become an object when the last has arrived, and are given up if it does not."""
        refuse_inside_unit_of_work()
        source = _Counted(chunks)
        with self._server("write", key, source):
            obstore.put(
                self._s3,
                _checked(key),
                source,
                use_multipart=True,
                chunk_size=_PART,
                max_concurrency=_UPLOADS,
            )
        return source.size

    def get(self, key: str) -> Iterator[bytes]:
        """The object in ranges, each by a request of its own: a slow reader keeps no connection waiting."""
        refuse_inside_unit_of_work()
        return self._read(_checked(key))

    def delete(self, key: str) -> None:
        """Remove the object."""
        refuse_inside_unit_of_work()
        with self._server("delete", key):
            obstore.delete(self._s3, _checked(key))

    def list(self, prefix: str) -> Sequence[StoredObject]:
        """Every object below `prefix`."""
        refuse_inside_unit_of_work()
        with self._server("list", prefix):
            found = [each for page in obstore.list(self._s3, _checked(prefix)) for each in page]
        return sorted(
            (StoredObject(each["path"], each["size"], each["last_modified"]) for each in found),
            key=lambda each: each.key,
        )

    def _read(self, key: str) -> Iterator[bytes]:
        with self._server("read", key):
            meta = self._meta(key)
        for start in range(0, meta["size"], _RANGE):
            with self._server("read", key):
                end = min(start + _RANGE, meta["size"])
                # An object that was replaced meanwhile is refused: its halves would not fit.
                part = obstore.get(
                    self._s3, key, options={"range": (start, end), "if_match": meta["e_tag"]}
                ).bytes()
            yield bytes(part)

    def _meta(self, key: str) -> "obstore.ObjectMeta":
        try:
            return obstore.head(self._s3, key)
        except (
            FileNotFoundError
        ):  # the answer to HEAD has no body, which would tell whether the bucket is missing
            return obstore.get(self._s3, key).meta

    @contextmanager
    def _server(self, act: str, key: str, source: "_Counted | None" = None) -> Iterator[None]:
        """Turn what the library raises into the port's refusals; the caller's own exceptions stay as they are."""
        try:
            yield
        except (BaseError, OSError) as error:
            if source is not None and source.error is not None:
                raise source.error from None
            text = str(error)
            if isinstance(error, FileNotFoundError) and act == "read" and "NoSuchBucket" not in text:
                raise NoSuchStoredObject() from None
            raise _unavailable(act, key, self._why(text)) from None

    def _why(self, text: str) -> str:
        if "NoSuchBucket" in text:
            return f"The bucket {self._bucket} does not exist (FILES_S3_BUCKET)."
        if "403 Forbidden" in text or "401 Unauthorized" in text:
            return "The server refuses our key (FILES_S3_KEY, FILES_S3_SECRET) or what we want to do with it."
        return text.partition("\n")[0]


class _Counted:
    """The caller's chunks, their size, and what they raised."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.size = 0
        self.error: BaseException | None = None

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self._chunks)
        except StopIteration:
            raise
        except BaseException as error:
            self.error = error
            raise
        self.size += len(chunk)
        return chunk


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a key of the file store: {key!r}")
    return key


@contextmanager
def _disk(act: str, key: str) -> Iterator[None]:
    """Turn what the operating system says into the port's refusal."""
    try:
        yield
    except OSError as error:
        raise _unavailable(
            act, key, f"The directory of files says: {error.strerror} (FILES_DIRECTORY)."
        ) from None


def _unavailable(act: str, key: str, reason: str) -> ObjectStoreUnavailable:
    log.error("object_store.failed", act=act, object=key, reason=reason[:_LONGEST_REASON])
    return ObjectStoreUnavailable()


def _write_all(file: int, chunk: bytes) -> int:
    left = memoryview(chunk)
    while left:
        left = left[os.write(file, left) :]
    return len(chunk)


def _sync_directory(path: Path) -> None:
    """Without this a rename may be forgotten when the power fails."""
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
