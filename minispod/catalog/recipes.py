"""Recipes: how an application is run, one readable YAML file each, checked when loaded.

A recipe knows no customer and no cluster. It never leaves the server (decision 4): the shop shows
what curation writes, not what is here. A third party adds an application by adding a file.
"""

import secrets
import string
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from minispod.kernel.errors import NotFound

RECIPE_FILES = Path(__file__).parent / "recipe_files"
LANGUAGES = ("en", "id")

_ALPHABETS = {
    "alphanumeric": string.ascii_letters + string.digits,
    "hex": "0123456789abcdef",
    "digits": string.digits,
}
_FACTS = frozenset({"url", "host", "inside_host", "port", "name"})
AbsolutePath = Annotated[str, Field(pattern=r"^/[^\s:]*[^/\s:]$")]
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=100)]


class RecipeBroken(ValueError):
    """A recipe file cannot be used; the message names file and field."""


class NoSuchRecipe(NotFound):
    """There is no recipe for this service."""

    code = "catalog.no_such_recipe"
    default_message = "This service cannot be provisioned."


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Literally(_Part):
    """A fixed value."""

    kind: Literal["literal"]
    name: EnvName
    value: str


class Generated(_Part):
    """A secret made once per instance and kept in a Secret."""

    kind: Literal["generated"]
    name: EnvName
    length: int = Field(32, ge=16, le=128)
    alphabet: Literal["alphanumeric", "hex", "digits"] = "alphanumeric"


class Derived(_Part):
    """A value that follows from where the instance is reached."""

    kind: Literal["host", "url", "scheme", "is_https", "inside_host", "instance_name"]
    name: EnvName


EnvEntry = Annotated[Literally | Generated | Derived, Field(discriminator="kind")]


class Probe(_Part):
    """One question to the application, asked again and again: exactly one of http, tcp, exec."""

    http: Annotated[str, Field(pattern=r"^/")] | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    tcp: bool = False
    exec: tuple[str, ...] = ()
    period_seconds: int = Field(10, ge=1, le=300)
    timeout_seconds: int = Field(2, ge=1, le=60)
    failures: int = Field(3, ge=1, le=600)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.http is not None) + self.tcp + bool(self.exec) != 1:
            raise ValueError("needs exactly one of http, tcp, exec")
        if self.headers and self.http is None:
            raise ValueError("headers belong to an http probe")
        return self


class Probes(_Part):
    """Startup gives it time, readiness lets traffic in, liveness restarts what hangs."""

    startup: Probe
    readiness: Probe
    liveness: Probe


class Volume(_Part):
    """Data that outlive the pod; all volumes of a recipe share the plan's storage."""

    name: str = Field("data", pattern=r"^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$")
    mount: AbsolutePath
    sub_path: str | None = Field(None, pattern=r"^[A-Za-z0-9._-]+$")


class Security(_Part):
    """Under which user it runs; never root, no capabilities, seccomp's default profile."""

    user: int = Field(ge=1, le=65535)
    group: int = Field(ge=1, le=65535)
    read_only_root: bool = True
    scratch: tuple[AbsolutePath, ...] = ()


class AppRecipe(_Part):
    """How one application is run."""

    slug: str = Field(pattern=r"^[a-z][a-z0-9-]{1,50}$")
    title: str
    image: str = Field(pattern=r"^[a-z0-9][a-z0-9./_-]*$")
    version: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")
    expose: Literal["http", "tcp"]
    port: int = Field(ge=1024, le=65535)
    min_memory_mb: int = Field(ge=16)
    security: Security
    volumes: tuple[Volume, ...] = ()
    env: tuple[EnvEntry, ...] = ()
    probes: Probes
    termination_seconds: int = Field(30, ge=1, le=600)
    first_login: dict[Literal["en", "id"], str]

    @field_validator("version")
    @classmethod
    def _pinned(cls, value: str) -> str:
        if value == "latest" or not any(character.isdigit() for character in value):
            raise ValueError("must be a pinned version, not a moving tag")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _refuse_doubles("env", [entry.name for entry in self.env])
        _refuse_doubles("volumes", [volume.name for volume in self.volumes])
        _refuse_doubles("mounts", [*(volume.mount for volume in self.volumes), *self.security.scratch])
        if self.expose == "tcp" and (self.probes.startup.http or self.probes.readiness.http):
            raise ValueError("probes: what is exposed as tcp is not asked over http")
        known = _FACTS | {entry.name for entry in self.env}
        for language in LANGUAGES:
            text = self.first_login.get(language)  # type: ignore[call-overload]
            if not text:
                raise ValueError(f"first_login: the text in '{language}' is missing")
            unknown = {place for _, place, _, _ in Formatter().parse(text) if place} - known
            if unknown:
                raise ValueError(f"first_login.{language}: unknown placeholder {', '.join(sorted(unknown))}")
        return self

    @property
    def image_reference(self) -> str:
        """The image with its pinned version."""
        return f"{self.image}:{self.version}"

    @property
    def keeps_data(self) -> bool:
        """Tell whether something must outlive the pod; then only one pod may run at a time."""
        return bool(self.volumes)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The environment names whose values are generated."""
        return tuple(entry.name for entry in self.env if isinstance(entry, Generated))


def _refuse_doubles(field: str, values: list[str]) -> None:
    doubled = sorted({value for value in values if values.count(value) > 1})
    if doubled:
        raise ValueError(f"{field}: given twice: {', '.join(doubled)}")


def load_recipe(path: Path) -> AppRecipe:
    """Read one recipe file; RecipeBroken names the file and each wrong field."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise RecipeBroken(f"{path.name}: not readable as YAML{where}") from None
    if not isinstance(content, dict):
        raise RecipeBroken(f"{path.name}: must be a mapping of fields")
    try:
        recipe = AppRecipe.model_validate(content)
    except ValidationError as error:
        raise RecipeBroken(f"{path.name}: {_explain(error)}") from None
    if path.stem != recipe.slug:
        raise RecipeBroken(f"{path.name}: slug: must be the file's name, not '{recipe.slug}'")
    return recipe


def _explain(error: ValidationError) -> str:
    sentences = []
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in problem["loc"])
        reason = problem["msg"].removeprefix("Value error, ")
        sentences.append(f"{where}: {reason}" if where else reason)
    return "; ".join(sentences)


def load_recipes(folder: Path) -> dict[str, AppRecipe]:
    """Read every recipe of a folder, by slug."""
    return {recipe.slug: recipe for recipe in map(load_recipe, sorted(folder.glob("*.yaml")))}


@cache
def _shipped() -> Mapping[str, AppRecipe]:
    return load_recipes(RECIPE_FILES)


def all_recipes() -> tuple[AppRecipe, ...]:
    """List the recipes that come with the program."""
    return tuple(_shipped().values())


def get_recipe(slug: str) -> AppRecipe:
    """Find the recipe of a service; NoSuchRecipe when there is none."""
    recipe = _shipped().get(slug)
    if recipe is None:
        raise NoSuchRecipe(slug=slug)
    return recipe


def generate_secrets(recipe: AppRecipe) -> dict[str, str]:
    """Make the secrets of one new instance, by environment name."""
    return {
        entry.name: "".join(secrets.choice(_ALPHABETS[entry.alphabet]) for _ in range(entry.length))
        for entry in recipe.env
        if isinstance(entry, Generated)
    }


def first_login(recipe: AppRecipe, language: str, values: Mapping[str, str]) -> str:
    """Write how to get in, in English or Indonesian; `values` has the facts and the environment by name."""
    text = recipe.first_login["id" if language == "id" else "en"]
    return text.format_map(values)
