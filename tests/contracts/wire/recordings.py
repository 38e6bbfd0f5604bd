"""Recorded exchanges with the original, and their requests with our ids in place of theirs.

The files are unchanged copies. What the recorder blacked out (tokens, signatures) and what was the
original's own (ids) is supplied by the test; anything else is sent as it was.
"""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.factories.pictures import picture

FOLDER = Path(__file__).parents[2] / "fixtures" / "contract"
_THEIR_ID = re.compile(r"\bc[a-z0-9]{24}\b")
_NOBODYS_ID = "cmaaaaaaaaaaaaaaaaaaaaaaa"


@dataclass(frozen=True, slots=True)
class Recording:
    """One exchange. `body` is the JSON sent, `raw` what was sent when it was none, `files` names of files with it."""

    name: str
    method: str
    path: str
    body: Any
    raw: bytes | None
    files: tuple[str, ...]
    status: int
    answer: Any

    def request(self, *ids: object, **changes: object) -> dict[str, Any]:
        """The recorded request for a test client: fields changed, their ids replaced by ours in order."""
        body = {**self.body, **changes} if changes else self.body
        sent = json.dumps({"path": self.path, "body": body})
        theirs = [each for each in dict.fromkeys(_THEIR_ID.findall(sent)) if each != _NOBODYS_ID]
        assert len(theirs) == len(ids), f"{self.name} names {len(theirs)} ids: {theirs}"
        for their, our in (*zip(theirs, ids, strict=True), (_NOBODYS_ID, uuid.uuid4())):
            sent = sent.replace(their, str(our))
        request: dict[str, Any] = {"method": self.method, **json.loads(sent)}
        body = request.pop("body")
        if self.files:
            files = [
                (BytesIO(picture() if name.endswith(".png") else b"a text"), name) for name in self.files
            ]
            return request | {"data": {**body, "attachments": files}}
        # The front end announces JSON on every call, also on those without a body.
        request["data"] = self.raw if self.raw is not None else b"" if body is None else json.dumps(body)
        return request | {"content_type": "application/json"}


@cache
def recording(name: str) -> Recording:
    """The recording of this name."""
    kept = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    asked, answered = kept["request"], kept["response"]
    form = asked.get("multipart", {})
    fields = form.get("fields")
    return Recording(
        name=name,
        method=asked["method"],
        path=asked["path"],
        body=asked.get("json", fields if isinstance(fields, dict) else None),
        raw=fields.encode() if isinstance(fields, str) else None,
        files=tuple(form.get("files", ())),
        status=answered["status"],
        # A text is compared as it is; a download, by the test that asks for it.
        answer=answered["json"] if "json" in answered else answered.get("text"),
    )


@cache
def names() -> tuple[str, ...]:
    """The names of all recordings we keep."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def all_answers() -> Iterator[Any]:
    """Every recorded answer."""
    for name in names():
        yield recording(name).answer
