"""Which images exist, and which a node already has.

Unknown are images whose name contains "does-not-exist", whose registry ends in ".invalid", or that a lever named;
a lever may also make a pattern known. Everything else can be pulled.
"""

from fnmatch import fnmatchcase

UNKNOWN_BY_DEFAULT = ("*does-not-exist*", "*.invalid/*", "*.invalid:*/*")


def full_name(image: str) -> str:
    """The image with its registry and tag, as a container runtime names it."""
    name, _, digest = image.partition("@")
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif "." not in first and ":" not in first and first != "localhost":
        name = f"docker.io/{name}"
    if digest:
        return f"{name}@{digest}"
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


class Images:
    """The registry as the nodes see it, and their local copies."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self.unknown: list[str] = []
        self.local: dict[str, set[str]] = {}
        self.pull_seconds: dict[str, float] = {}

    def exists(self, image: str) -> bool:
        """Whether a pull would succeed."""
        if self._matches(image, self.known):
            return True
        return not self._matches(image, [*self.unknown, *UNKNOWN_BY_DEFAULT])

    def set_known(self, pattern: str, *, known: bool) -> None:
        """From now on images of that pattern exist, or do not."""
        here, there = (self.known, self.unknown) if known else (self.unknown, self.known)
        if pattern in there:
            there.remove(pattern)
        if pattern not in here:
            here.append(pattern)

    def pull_time(self, image: str, usual: float) -> float:
        """How long pulling takes: what a lever said for its pattern, else the usual time."""
        for pattern, seconds in self.pull_seconds.items():
            if self._matches(image, [pattern]):
                return seconds
        return usual

    def is_local(self, node: str, image: str) -> bool:
        """Whether the node has it already."""
        return full_name(image) in self.local.get(node, ())

    def keep(self, node: str, image: str) -> None:
        """The node has it now."""
        self.local.setdefault(node, set()).add(full_name(image))

    def forget(self, pattern: str) -> None:
        """Nodes lose their copies of the images of that pattern."""
        for copies in self.local.values():
            copies -= {image for image in copies if self._matches(image, [pattern])}

    def _matches(self, image: str, patterns: list[str]) -> bool:
        names = (image, full_name(image))
        return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)
