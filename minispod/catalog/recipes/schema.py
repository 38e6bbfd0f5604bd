"""The shape of a recipe file, field by field. What the fields must mean together is in consistency.py.

Descriptions are shown to whoever forgot a field, so they say what to write.
"""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from minispod.catalog.recipes.shapes import (
    AbsolutePath,
    EnvName,
    Expression,
    InsidePath,
    Part,
    PinnedImage,
    ReservedName,
    ShortName,
    Slug,
    Source,
    Text,
    WebPath,
)

APP = "app"
"""The name of the application's own container; companions have names of their own."""

Fact = Literal["host", "url", "authority", "scheme", "is_https", "inside_host", "instance_name"]


class Rotation(Part):
    """How a secret is given another value; `restart` is short for a program that reads it at every start."""

    restart: bool = Field(False, description="true: another value and a restart is all it takes")
    command: tuple[str, ...] = Field((), description="changes it in the running container of the secret")
    input: str = Field("", description="what the command reads; {new} and {old} are the two values")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, content: Any) -> Any:
        return {"restart": True} if content == "restart" else content

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.restart == bool(self.command):
            raise ValueError("needs exactly one of restart, command: [...]")
        if bool(self.command) != ("{new}" in self.input):
            raise ValueError("a command needs an input with {new} in it: a password is never an argument")
        return self


class Generate(Part):
    """A secret, made once per instance and kept sealed."""

    length: int = Field(32, ge=16, le=128, description="number of characters")
    alphabet: Literal["alphanumeric", "hex", "digits"] = Field("alphanumeric", description="which characters")
    rotate: Rotation | None = Field(None, description="how it is changed; without it, it never is")
    goes_with_data: bool = Field(
        False, description="true: the data hold it or are encrypted with it, so a copy of them needs it"
    )


class EnvValue(Part):
    """One value of the environment; plain text is short for `value`."""

    value: str | None = Field(None, description="a fixed text")
    fact: Fact | None = Field(None, alias="from", description="where the instance is reached")
    generate: Generate | None = Field(None, description="a secret, made once per instance")
    same_as: str | None = Field(None, description="the value of another container: container.NAME")
    address_of: str | None = Field(None, description="host:port of a companion")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, content: Any) -> Any:
        if isinstance(content, str):
            return {"value": content}
        if isinstance(content, bool | int | float) or content is None:
            shown = "" if content is None else str(content)
            raise ValueError(f"environment values are text; put quotes around {shown.lower() or 'it'}")
        return content

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(getattr(self, name) is not None for name in type(self).model_fields) != 1:
            raise ValueError("needs exactly one of value, from, generate, same_as, address_of")
        return self


class Probe(Part):
    """One question to a container, asked again and again."""

    http: WebPath | None = Field(None, description="a path that answers 200 to 399")
    headers: dict[str, str] = Field(
        default_factory=dict, description="sent with http; {host} is the public host name"
    )
    tcp: bool = Field(False, description="true: the port accepts connections")
    command: tuple[str, ...] = Field((), description="a command that ends with status 0")
    period_seconds: int = Field(10, ge=1, le=300, description="time between two questions")
    timeout_seconds: int = Field(2, ge=1, le=60, description="how long an answer may take")
    failures: int = Field(3, ge=1, le=600, description="how many times it may fail in a row")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.http is not None) + self.tcp + bool(self.command) != 1:
            raise ValueError("needs exactly one of http: /path, tcp: true, command: [...]")
        if self.headers and self.http is None:
            raise ValueError("headers belong to an http probe; remove them")
        return self


class Probes(Part):
    """When a container is up, and when it has died."""

    startup: Probe = Field(description="gives the first start its time")
    readiness: Probe = Field(description="lets traffic in")
    liveness: Probe = Field(description="restarts what hangs")


class Volume(Part):
    """Data that outlive the pod; all volumes of a recipe share the plan's storage."""

    name: ShortName = Field(description="a short name; also the directory when there are several volumes")
    path: AbsolutePath = Field(description="where the application keeps its data")


class BackupPart(Part):
    """What is copied of one volume, and how: by a command that dumps it, or as an archive of its files."""

    dump: tuple[Text, ...] = Field((), description="a command that writes a copy to its standard output")
    restore: tuple[Text, ...] = Field(
        (), description="a command that reads the copy and puts it in the place of all there is"
    )
    of: str | None = Field(None, description="with dump: the volume whose data it holds")
    archive: str | None = Field(None, description="the volume whose files are copied")
    exclude: tuple[InsidePath, ...] = Field((), description="with archive: paths that are left out")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.dump) == (self.archive is not None):
            raise ValueError("needs exactly one of dump: [...] and archive: VOLUME")
        if self.dump and not (self.restore and self.of):
            raise ValueError("a dump needs restore: [...] and of: VOLUME too")
        if self.dump and self.exclude:
            raise ValueError("exclude belongs to an archive; have the dump leave it out")
        if self.archive is not None and (self.restore or self.of):
            raise ValueError("an archive has no restore and no of; remove them")
        return self

    @property
    def volume(self) -> str:
        """The volume whose data it is; also the part's name, of which a recipe has each once."""
        return self.of or self.archive or ""


class Security(Part):
    """Under which user a container runs; never root, no capabilities, seccomp's default profile."""

    user: int = Field(
        strict=True, ge=1, le=65535, description="numeric user id that the image is made for, not 0"
    )
    group: int = Field(
        strict=True, ge=1, le=65535, description="numeric group id; volumes are made writable for it"
    )
    read_only_root: bool = Field(True, description="false only if the image writes outside its volumes")
    scratch: tuple[AbsolutePath, ...] = Field((), description="writable directories that may be lost")


class Container(Part):
    """One program: its image, how it is started, what it keeps and how one sees that it works."""

    image: PinnedImage = Field(description="name:version as in docker pull, pinned")
    port: int = Field(strict=True, ge=1, le=65535, description="the port it listens on")
    command: tuple[str, ...] = Field((), description="replaces the image's entrypoint")
    arguments: tuple[str, ...] = Field((), description="replaces the image's arguments; may use $(NAME)")
    environment: dict[EnvName, EnvValue] = Field(default_factory=dict, description="NAME: value")
    volumes: tuple[Volume, ...] = Field((), description="data that outlive the pod")
    backup: tuple[BackupPart, ...] = Field((), description="how the data of its volumes are copied")
    not_backed_up: dict[str, Text] = Field(
        default_factory=dict, description="volume: why its data need no copy"
    )
    security: Security = Field(description="user and group, and what is writable")
    probes: Probes = Field(description="startup, readiness and liveness")

    @property
    def version(self) -> str:
        """The pinned version."""
        return self.image.rpartition(":")[2]

    @property
    def has_dump(self) -> bool:
        """Tell whether a copy needs this container's program to run."""
        return any(part.dump for part in self.backup)


class Share(Part):
    """What a companion gets of the plan; the application has the rest."""

    cpu_percent: int = Field(ge=5, le=80, description="of the plan's processor")
    memory_percent: int = Field(ge=5, le=80, description="of the plan's memory")


class Companion(Container):
    """A container beside the application, in the same pod: reachable from it at 127.0.0.1 only."""

    share: Share = Field(description="cpu_percent and memory_percent of the plan")


class Release(Part):
    """An earlier version that is still supported: instances may run it, and upgrade from it."""

    image: PinnedImage = Field(description="name:version, pinned")
    companions: dict[ShortName, PinnedImage] = Field(
        default_factory=dict, description="companion: its image, where it differs from today's"
    )

    @property
    def version(self) -> str:
        """The pinned version of the application."""
        return self.image.rpartition(":")[2]


class FirstLogin(Part):
    """How the customer gets in, in both languages."""

    en: Text = Field(description="the text in English")
    id: Text = Field(description="the text in Indonesian")


class Editable(Part):
    """A value of the application's environment that the customer may set."""

    en: Text = Field(description="what it is for, in English")
    id: Text = Field(description="the same in Indonesian")
    pattern: Expression | None = Field(
        None, description="a regular expression that the whole value must match"
    )


class Tls(Part):
    """How what is exposed as tcp speaks TLS."""

    directory: AbsolutePath = Field(
        description="where tls.crt, tls.key and ca.crt are mounted, readable for the group"
    )
    port: int | None = Field(
        None, strict=True, ge=1, le=65535, description="the port that speaks TLS only, if it is another one"
    )


class Connection(Part):
    """How one connects to what is exposed as tcp."""

    outside: Text = Field(description="the connection string from anywhere, with TLS")
    inside: Text = Field(description="the connection string from the same customer's other applications")
    examples: dict[str, Text] = Field(
        min_length=1, description="client: how it is called; shown on a page that everybody may read"
    )


class AppRecipe(Container):
    """How one application is run."""

    slug: Slug = Field(description="the file's name without .yaml, and the service's slug")
    title: Text = Field(description="the application's name")
    expose: Literal["http", "tcp"] = Field(description="http for web pages, tcp for databases")
    min_memory_mb: int = Field(
        strict=True, ge=16, description="the smallest plan it starts in, companions included"
    )
    tls: Tls | None = Field(None, description="with tcp: directory of the certificate, and port")
    connection: Connection | None = Field(None, description="with tcp: outside, inside and examples")
    companions: dict[ShortName, Companion] = Field(
        default_factory=dict, description="containers beside it, such as its database"
    )
    editable: dict[EnvName, Editable] = Field(
        default_factory=dict, description="values of its environment that the customer may set"
    )
    extra_environment: bool = Field(True, description="false: no other values may be added")
    reserved: tuple[ReservedName, ...] = Field(
        (), description="names nobody may add, or BEGINNING*: where data lie, where it listens"
    )
    earlier: tuple[Release, ...] = Field(
        (), description="earlier versions that are still supported, newest first"
    )
    consistency: Literal["live", "stopped"] = Field(
        "stopped", description="live: copied while it runs; stopped: it is stopped for the copy"
    )
    termination_seconds: int = Field(30, ge=1, le=600, description="time to finish when stopped")
    first_login: FirstLogin = Field(description="en and id: what the customer reads to get in")
    sources: dict[str, Source] = Field(min_length=1, description="fact: address of the page it is from")

    @property
    def containers(self) -> dict[str, Container]:
        """The application's own container first, then its companions."""
        return {APP: self, **self.companions}

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that are supported, newest first."""
        return (self.version, *(release.version for release in self.earlier))

    def newer_than(self, version: str) -> tuple[str, ...]:
        """List the versions that what runs `version` may be upgraded to, newest first; all when it is not known."""
        known = self.versions
        return known[: known.index(version)] if version in known else known

    def at(self, version: str) -> Self:
        """The recipe as it is for a version that runs already, also for one that it does not list any more."""
        if version == self.version:
            return self
        release = next((each for each in self.earlier if each.version == version), None)
        if release is None:
            return self.model_copy(update={"image": f"{self.image.rpartition(':')[0]}:{version}"})
        beside = {
            name: each.model_copy(update={"image": release.companions.get(name, each.image)})
            for name, each in self.companions.items()
        }
        return self.model_copy(update={"image": release.image, "companions": beside})

    @property
    def tls_port(self) -> int:
        """The port that is reached from outside; its own one unless there is another for TLS."""
        return self.tls.port if self.tls and self.tls.port else self.port

    @property
    def port_name(self) -> str:
        """What the application's port is called: "tls" where it speaks nothing else."""
        return "tls" if self.tls and self.tls_port == self.port else self.expose

    @property
    def start_seconds(self) -> int:
        """How long the slowest container may take to come up, by its startup probe; pulling images not counted."""
        startups = [container.probes.startup for container in self.containers.values()]
        return max(probe.period_seconds * probe.failures for probe in startups)

    @property
    def keeps_data(self) -> bool:
        """Tell whether something must outlive the pod; then only one pod may run at a time."""
        return any(container.volumes for container in self.containers.values())

    @property
    def shares_its_volume(self) -> bool:
        """Tell whether the one disk holds several volumes, each in a directory of its own."""
        return sum(len(container.volumes) for container in self.containers.values()) > 1

    @property
    def knows_its_address(self) -> bool:
        """Tell whether the application is told its public address, so that another one needs another pod."""
        public = {"host", "authority", "url", "scheme", "is_https"}
        return any(
            entry.fact in public for each in self.containers.values() for entry in each.environment.values()
        )

    @property
    def secrets(self) -> dict[str, Generate]:
        """What is generated, by environment name; a name is used once over all containers."""
        return {
            name: entry.generate
            for container in self.containers.values()
            for name, entry in container.environment.items()
            if entry.generate is not None
        }

    @property
    def keeps_secrets(self) -> bool:
        """Tell whether an instance has a Secret. Where its owner may set values it has one from the start: what is
        taken out again goes from it too.
        """
        return bool(self.secrets) or self.extra_environment or bool(self.editable)

    @property
    def secrets_of_data(self) -> tuple[str, ...]:
        """The secrets without which a copy of the data is of no use to another instance."""
        return tuple(name for name, how in self.secrets.items() if how.goes_with_data)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The environment names whose values are generated."""
        return tuple(self.secrets)
