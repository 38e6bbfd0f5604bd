"""An S3 server that refuses, breaks off or is silent: clear refusals, a sentence in the log, nothing half stored."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from minispod.integrations.object_store import BucketStore
from minispod.kernel.object_store import ObjectStore, ObjectStoreUnavailable
from tests.contracts.files.faults import Faults, spoiled
from tests.plugins.s3 import S3Server

MB = 1024 * 1024
ACTS: dict[str, Callable[[ObjectStore], object]] = {
    "put": lambda store: store.put("backups/new", [b"x"]),
    "get": lambda store: list(store.get("backups/old")),
    "delete": lambda store: store.delete("backups/old"),
    "list": lambda store: store.list("backups"),
}


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    """A bucket with one object."""
    name = s3_server.make_bucket()
    s3_server.store(name).put("backups/old", [b"content " * 100])
    return name


@pytest.fixture
def faults(s3_server: S3Server) -> Iterator[Faults]:
    with spoiled(s3_server.url) as found:
        yield found


def _store(bucket: str, faults: Faults, *, patience: float = 60) -> BucketStore:
    return BucketStore(
        bucket,
        endpoint=faults.url,
        region="us-east-1",
        key="KEY",
        secret="very-secret-bucket",
        patience=timedelta(seconds=patience),
    )


@pytest.fixture
def store(bucket: str, faults: Faults) -> BucketStore:
    """The bucket through the proxy."""
    return _store(bucket, faults)


def _left(s3_server: S3Server, bucket: str) -> tuple[list[str], int]:
    return [each.key for each in s3_server.store(bucket).list("backups")], s3_server.open_uploads(bucket)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("fate", [403, 500, 503, "cut", "hang"])
def test_a_server_that_does_not_do_it_is_unavailable(
    bucket: str, faults: Faults, s3_server: S3Server, act: str, fate: int | str
) -> None:
    store = _store(bucket, faults, patience=1 if fate == "hang" else 60)
    faults.spoil = lambda method, path: fate

    with capture_logs() as logged, pytest.raises(ObjectStoreUnavailable) as refusal:
        ACTS[act](store)

    assert [line["event"] for line in logged] == ["object_store.failed"]
    assert len(logged[0]["reason"]) > 20
    assert "very-secret-bucket" not in str(logged) + str(refusal.value) + repr(refusal.value.__cause__)
    assert ("refuses our key" in logged[0]["reason"]) == (fate == 403)
    assert _left(s3_server, bucket) == (["backups/old"], 0)


@pytest.mark.parametrize("act", ACTS)
def test_a_server_that_stumbles_once_is_asked_again(store: BucketStore, faults: Faults, act: str) -> None:
    faults.spoil = lambda method, path: 503 if len(faults.seen) == 1 else None

    ACTS[act](store)

    assert faults.seen[0] == faults.seen[1]


def test_a_read_that_is_cut_in_the_middle_is_whole_or_refused(
    store: BucketStore, bucket: str, faults: Faults
) -> None:
    faults.spoil = lambda method, path: "half" if method == "GET" and len(faults.seen) > 1 else None

    with pytest.raises(ObjectStoreUnavailable):
        list(store.get("backups/old"))

    faults.spoil = lambda method, path: None
    assert b"".join(store.get("backups/old")) == b"content " * 100


@pytest.mark.parametrize("fate", [403, 503, "cut"])
@pytest.mark.parametrize("when", ["part", "completion"])
def test_an_upload_that_fails_in_the_middle_leaves_nothing(
    store: BucketStore, bucket: str, faults: Faults, s3_server: S3Server, fate: int | str, when: str
) -> None:
    def spoil(method: str, path: str) -> int | str | None:
        is_second_part = method == "PUT" and "partNumber=2" in path
        is_completion = method == "POST" and "uploadId=" in path
        return fate if (is_second_part if when == "part" else is_completion) else None

    faults.spoil = spoil
    with pytest.raises(ObjectStoreUnavailable):
        store.put("backups/new", (os.urandom(MB) for _ in range(40)))

    assert _left(s3_server, bucket) == (["backups/old"], 0)


def test_parts_stay_hidden_when_the_server_is_gone_before_they_can_be_given_up(
    store: BucketStore, bucket: str, faults: Faults, s3_server: S3Server
) -> None:
    def spoil(method: str, path: str) -> str | None:
        is_gone = any("partNumber=2" in each for _, each in faults.seen)
        return "cut" if is_gone else None

    faults.spoil = spoil
    with pytest.raises(ObjectStoreUnavailable):
        store.put("backups/new", (os.urandom(MB) for _ in range(40)))

    # What docs/operations/backups.md asks a lifecycle rule of the bucket for.
    assert _left(s3_server, bucket) == (["backups/old"], 1)


def test_chunks_that_break_off_leave_no_parts_in_the_bucket(bucket: str, s3_server: S3Server) -> None:
    def chunks() -> Iterator[bytes]:
        yield from (os.urandom(MB) for _ in range(40))
        raise RuntimeError("the pod died")

    with pytest.raises(RuntimeError, match="the pod died"):
        s3_server.store(bucket).put("backups/new", chunks())

    assert _left(s3_server, bucket) == (["backups/old"], 0)


@pytest.mark.parametrize("act", ACTS)
def test_a_missing_bucket_is_a_mistake_of_ours_and_not_a_missing_object(
    s3_server: S3Server, act: str
) -> None:
    with capture_logs() as logged, pytest.raises(ObjectStoreUnavailable):
        ACTS[act](s3_server.store("nobody-made-it"))

    assert logged[0]["reason"] == "The bucket nobody-made-it does not exist (FILES_S3_BUCKET)."


@pytest.mark.parametrize("act", ACTS)
def test_nobody_listens(act: str) -> None:
    store = BucketStore("files", endpoint="http://127.0.0.1:1", region="us-east-1", key="KEY", secret="s")

    with capture_logs() as logged, pytest.raises(ObjectStoreUnavailable):
        ACTS[act](store)

    assert "127.0.0.1:1" in logged[0]["reason"]
