"""A request and its answer, free of sockets.

An answer is either whole (an object or text) or a stream of chunks that the server sends as they come.
"""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import yaml

from minispod.simulator.kubernetes.machinery import protobuf
from minispod.simulator.kubernetes.machinery.refusals import bad_request

JSON = "application/json"
PROTOBUF = "application/vnd.kubernetes.protobuf"
YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml", "application/apply-patch+yaml")


@dataclass(slots=True)
class Request:
    """What the client asked."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path without the query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The last value of each query parameter."""
        parsed = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in parsed.items()}

    def header(self, name: str) -> str:
        """A header's value, or the empty text."""
        return self.headers.get(name.lower(), "")

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters."""
        return self.header("content-type").split(";")[0].strip().lower()

    def content(self) -> Any:
        """The body as a value; a 400 if it cannot be read."""
        if self.content_type == PROTOBUF:
            return protobuf.read(self.body)
        try:
            if self.content_type in YAML_TYPES and not self.body.lstrip().startswith(b"{"):
                return yaml.safe_load(self.body)
            return orjson.loads(self.body)
        except (orjson.JSONDecodeError, yaml.YAMLError, UnicodeDecodeError) as fault:
            shown = self.body[:200].decode("utf-8", "replace")
            raise bad_request(f"couldn't get version/kind; json parse error: {fault} ({shown})") from fault


@dataclass(slots=True)
class Response:
    """What the client gets."""

    code: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: list[tuple[str, str]] = field(default_factory=list)
    stream: Iterator[bytes] | None = None
    # Takes the connection over instead of an answer.
    upgrade: Callable[[socket.socket], None] | None = None


def answer(value: Any, code: int = 200, warnings: list[str] | None = None) -> Response:
    """A JSON answer, with the warnings that belong to it."""
    response = Response(code, orjson.dumps(value) + b"\n")
    for warning in warnings or ():
        escaped = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.append(("Warning", f'299 - "{escaped}"'))
    return response


def text_answer(text: str, code: int = 200) -> Response:
    """A plain text answer."""
    return Response(code, text.encode(), "text/plain; charset=utf-8")
