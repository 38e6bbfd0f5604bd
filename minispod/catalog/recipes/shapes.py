"""What fields of a recipe are made of: names, paths and images, judged one by one, each with what to write instead."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_IMAGE_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*")
# It begins with two numbers: "15", "15-alpine3.20" and "stable" move with every release, "15.19-alpine" does not.
_VERSION = re.compile(r"v?[0-9]+[.-][0-9]+[A-Za-z0-9._-]{0,100}")


def _like(pattern: str, otherwise: str) -> AfterValidator:
    return AfterValidator(_matcher(re.compile(pattern), otherwise))


def _matcher(pattern: re.Pattern[str], otherwise: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"'{text}' {otherwise}")
        return text

    return check


def _pinned(image: str) -> str:
    name, colon, version = image.rpartition(":")
    if not colon or "/" in version:
        raise ValueError(f"'{image}' has no version; write name:version, such as ghost:5.130.6-alpine")
    if not _IMAGE_NAME.fullmatch(name):
        raise ValueError(f"'{name}' is not the name of an image; write it in lower case, as in docker pull")
    if not _VERSION.fullmatch(version):
        raise ValueError(f"'{version}' is a tag that moves; pin a whole version, such as 5.130.6-alpine")
    return image


def _expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"'{pattern}' is no regular expression: {error}") from None
    return pattern


AbsolutePath = Annotated[
    str,
    _like(r"/[^\s:]*[^/\s:]", "is not an absolute path; write the path inside the container, such as /data"),
]
InsidePath = Annotated[
    str,
    _like(
        r"(?!(.*/)?\.\.?(/|$))[^/\s][^\s]*[^/\s]|[^/\s.]",
        "is not a path inside the volume; write it without a / at the beginning or the end, such as cache/images",
    ),
]
EnvName = Annotated[
    str,
    _like(
        r"[A-Za-z_][A-Za-z0-9_.-]{0,99}",
        "is not a name for the environment; use letters, digits and _ . - and begin with a letter",
    ),
]
ReservedName = Annotated[
    str, _like(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}\*?", "is no name, nor the beginning of one before a *")
]
ShortName = Annotated[
    str,
    _like(
        r"(?!(app|http|tcp|tls)$)(?!prepare-)(?!.*--)[a-z]([a-z0-9-]{0,13}[a-z0-9])?",
        "is not a usable name; take 1 to 15 lower-case letters, digits and single hyphens, but not app, http, tcp, "
        "tls or prepare-",
    ),
]
Slug = Annotated[
    str,
    _like(
        r"[a-z]([a-z0-9-]{0,48}[a-z0-9])",
        "is not a usable name; take 2 to 50 lower-case letters, digits and hyphens, beginning with a letter",
    ),
]
Source = Annotated[str, _like(r"https://\S+", "is not an address; write the https:// page the fact is from")]
Text = Annotated[str, Field(min_length=1)]


PinnedImage = Annotated[str, AfterValidator(_pinned)]
Expression = Annotated[str, AfterValidator(_expression)]
WebPath = Annotated[str, _like("/.*", "is not a path; begin it with /")]


class Part(BaseModel):
    """A group of fields; a field that is not known is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")
