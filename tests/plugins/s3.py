"""A real S3-compatible server as a process of its own, and buckets on it."""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from minispod.integrations.object_store import BucketStore
from minispod.local import processes
from minispod.local.processes import Program

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-s3" / "bin" / "python"
START_SECONDS = 60.0
# The server wants to see a signature and does not check it.
_SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/s3/aws4_request,"
    " SignedHeaders=host, Signature=0"
}


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server."""

    url: str

    def make_bucket(self) -> str:
        """Make an empty bucket and give its name."""
        name = f"files-{uuid.uuid4().hex}"
        requests.put(f"{self.url}/{name}", headers=_SIGNED, timeout=10).raise_for_status()
        return name

    def open_uploads(self, bucket: str) -> int:
        """How many uploads in parts were begun there and neither completed nor given up."""
        answer = requests.get(f"{self.url}/{bucket}?uploads", headers=_SIGNED, timeout=10)
        answer.raise_for_status()
        assert "ListMultipartUploadsResult" in answer.text
        return answer.text.count("<Upload>")

    def store(self, bucket: str, *, url: str | None = None) -> BucketStore:
        """The real adapter on a bucket, through another address if one is given."""
        return BucketStore(
            bucket, endpoint=url or self.url, region="us-east-1", key="KEY", secret="very-secret-bucket"
        )


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory, nothing_left_behind: None) -> Iterator[S3Server]:
    """An S3-compatible server (moto)."""
    if not PYTHON.exists():
        pytest.fail(
            "The S3 server of the tests is not installed: run `make .venv-s3/.requirements-installed`."
        )
    directory = tmp_path_factory.mktemp("s3")
    ready, log = directory / "ready.json", directory / "log"
    # Nothing of ours on its path, and no account of a person who has one.
    environment = {name: os.environ[name] for name in ("PATH", "TZ", "LANG") if name in os.environ}
    program = Program(
        argv=(str(PYTHON), str(ROOT / "tests/s3/server.py"), str(ready)), env=environment, cwd=directory
    )
    with log.open("wb") as output:
        process = processes.spawn(program, output=output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the S3 server did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield S3Server(json.loads(ready.read_text())["url"])
    finally:
        processes.stop(process, program.stop_signal, within_seconds=5)


@pytest.fixture
def bucket_store(s3_server: S3Server) -> Callable[[], BucketStore]:
    """Make a store on an empty bucket."""
    return lambda: s3_server.store(s3_server.make_bucket())
