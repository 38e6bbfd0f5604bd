"""What groups of settings are made of: the group itself and the shapes of values that are lists."""

from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from minispod.settings import origins


def _split(value: Any, separator: str = ",") -> Any:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(separator) if part.strip())


def _split_lines(value: Any) -> Any:
    return _split(value, ";")


def _range(value: str) -> str:
    try:
        if ip_network(value).prefixlen > 0:
            return value
    except ValueError:
        pass
    raise ValueError(f"{value!r} is no range of addresses such as 203.0.113.0/24 or 203.0.113.7/32")


Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(origins.checked)], ...], NoDecode, BeforeValidator(_split)
]
Lines = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_lines)]
Days = Annotated[tuple[Annotated[int, Field(ge=1)], ...], NoDecode, BeforeValidator(_split)]
Ranges = Annotated[tuple[Annotated[str, AfterValidator(_range)], ...], NoDecode, BeforeValidator(_split)]
ADDRESS = r"^https?://[^\s/@]+(/\S*)?$"
DOMAIN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"


class Group(BaseSettings):
    """A group of settings, read from the environment."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)
