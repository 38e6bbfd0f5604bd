"""What groups of settings are made of: the group itself and the shapes of values that are lists."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _split(value: Any, separator: str = ",") -> Any:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(separator) if part.strip())


def _split_lines(value: Any) -> Any:
    return _split(value, ";")


Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Lines = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_lines)]
Days = Annotated[tuple[Annotated[int, Field(ge=1)], ...], NoDecode, BeforeValidator(_split)]
ADDRESS = r"^https?://[^\s/@]+(/\S*)?$"
DOMAIN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"


class Group(BaseSettings):
    """A group of settings, read from the environment."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)
