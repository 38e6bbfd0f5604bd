"""Small tools for plain JSON values, the only form in which the simulator holds objects.

A stored object is never changed in place: whoever wants to change one clones it first.
"""

import base64
import hashlib
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

import orjson

Json: TypeAlias = dict[str, Any]
T = TypeVar("T")


def clone(value: T) -> T:
    """A deep copy of a JSON value; much quicker than copy.deepcopy."""
    copied: T = orjson.loads(orjson.dumps(value))
    return copied


def dig(value: Any, *path: str, default: Any = None) -> Any:
    """The value under a path of keys, or the default when a step is missing or null."""
    for key in path:
        if not isinstance(value, dict):
            return default
        value = value.get(key)
    return default if value is None else value


def now_text() -> str:
    """The present second, as Kubernetes writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_text() -> str:
    """The present microsecond, as Kubernetes writes precise times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_time(text: str) -> datetime:
    """The moment a Kubernetes time names; raises ValueError for anything else."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def new_uid() -> str:
    """A fresh object identity."""
    return str(uuid.uuid4())


def base64_text(text: str) -> str:
    """Text as the base64 that a Secret carries."""
    return base64.b64encode(text.encode()).decode()


SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def random_suffix() -> str:
    """The five letters that complete a generated name."""
    return "".join(secrets.choice(SAFE_ALPHABET) for _ in range(5))


def safe_hash(value: Any, length: int = 10) -> str:
    """A short stable name part for a JSON value, in the alphabet Kubernetes uses for generated names."""
    digest = hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).digest()
    return "".join(SAFE_ALPHABET[byte % len(SAFE_ALPHABET)] for byte in digest[:length])
