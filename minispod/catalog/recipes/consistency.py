"""What the fields of a recipe must mean together. Each finding says where it is and what to do."""

import re
from collections.abc import Iterable, Iterator
from string import Formatter

from minispod.catalog.recipes.schema import APP, AppRecipe, Container

Place = tuple[str | int, ...]
Finding = tuple[Place, str]

LOGIN_FACTS = ("url", "host", "inside_host", "port", "name")
_LEAST_FOR_THE_APPLICATION = 20
_REFERENCE = re.compile(r"\$\(([^)]*)\)")


def findings(recipe: AppRecipe) -> Iterator[Finding]:
    """Find what does not fit together, in the order of the rules."""
    yield from _shares(recipe)
    yield from _ports(recipe)
    yield from _volumes(recipe)
    yield from _backup(recipe)
    yield from _probes(recipe)
    yield from _environment(recipe)
    yield from _arguments(recipe)
    yield from _first_login(recipe)


def _at(container: str) -> Place:
    return () if container == APP else ("companions", container)


def _each(recipe: AppRecipe) -> Iterable[tuple[str, Container]]:
    return recipe.containers.items()


def _shares(recipe: AppRecipe) -> Iterator[Finding]:
    for of in ("cpu_percent", "memory_percent"):
        given = sum(getattr(companion.share, of) for companion in recipe.companions.values())
        if given > 100 - _LEAST_FOR_THE_APPLICATION:
            rest = f"leave the application at least {_LEAST_FOR_THE_APPLICATION}"
            yield ("companions",), f"the {of} of all companions is {given}; {rest}"


def _ports(recipe: AppRecipe) -> Iterator[Finding]:
    taken: dict[int, str] = {}
    for name, container in _each(recipe):
        if container.port in taken:
            other = taken[container.port]
            sentence = (
                f"{container.port} is already the port of {other}; containers of a pod share one address"
            )
            yield (*_at(name), "port"), sentence
        taken[container.port] = name


def _volumes(recipe: AppRecipe) -> Iterator[Finding]:
    names: set[str] = set()
    for name, container in _each(recipe):
        paths = set(container.security.scratch)
        if len(paths) < len(container.security.scratch):
            yield (*_at(name), "security", "scratch"), "names a path twice; keep one of them"
        for number, volume in enumerate(container.volumes):
            place = (*_at(name), "volumes", number)
            if volume.name in names:
                yield (*place, "name"), f"'{volume.name}' is used twice; volumes share one disk, name it anew"
            if volume.path in paths:
                yield (*place, "path"), f"'{volume.path}' is mounted twice; keep one of them"
            names.add(volume.name)
            paths.add(volume.path)


def _backup(recipe: AppRecipe) -> Iterator[Finding]:
    for name, container in _each(recipe):
        volumes = [volume.name for volume in container.volumes]
        known = ", ".join(volumes) or "there is none"
        copied: set[str] = set(container.not_backed_up)
        for left_out in container.not_backed_up:
            if left_out not in volumes:
                place = (*_at(name), "not_backed_up", left_out)
                yield place, f"'{left_out}' is no volume of this container (volumes: {known})"
        for number, part in enumerate(container.backup):
            place = (*_at(name), "backup", number, "of" if part.dump else "archive")
            if part.volume not in volumes:
                yield place, f"'{part.volume}' is no volume of this container (volumes: {known})"
            elif part.volume in copied:
                yield place, f"'{part.volume}' is dealt with twice; keep one of them"
            elif part.archive is not None and container.has_dump:
                yield (
                    place,
                    "would be unpacked while the program of the dump beside it runs; dump both or archive both",
                )
            copied.add(part.volume)
        for number, volume in enumerate(container.volumes):
            if volume.name not in copied:
                sentence = (
                    f"'{volume.name}' is in no backup; add a dump or `archive: {volume.name}` under backup, "
                )
                yield (*_at(name), "volumes", number), f"{sentence}or say why not under not_backed_up"
        yield from _dumps_alone(recipe, name, container)


def _dumps_alone(recipe: AppRecipe, name: str, container: Container) -> Iterator[Finding]:
    """While a copy is put back, only containers with a dump run; the others sleep."""
    if not container.has_dump:
        return
    for variable, entry in container.environment.items():
        needed = recipe.companions.get(entry.address_of or "")
        if needed is not None and not needed.has_dump:
            sentence = (
                f"'{entry.address_of}' has no dump, so it sleeps while this container's dump is put back"
            )
            yield (*_at(name), "environment", variable, "address_of"), f"{sentence}; use archives here"


def _probes(recipe: AppRecipe) -> Iterator[Finding]:
    for name, container in _each(recipe):
        for when in ("startup", "readiness", "liveness"):
            probe = getattr(container.probes, when)
            place = (*_at(name), "probes", when)
            if probe.http is not None and name == APP and recipe.expose == "tcp":
                yield (*place, "http"), "what is exposed as tcp is not asked over http; use tcp or command"
            for header, text in probe.headers.items():
                yield from _placeholders(text, {"host"}, (*place, "headers", header))


def _environment(recipe: AppRecipe) -> Iterator[Finding]:
    generated: set[str] = set()
    for container, each in _each(recipe):
        for name, entry in each.environment.items():
            place = (*_at(container), "environment", name)
            if entry.generate is not None and name in generated:
                yield place, f"{name} is generated twice; keep one and write same_as: container.{name} here"
            if entry.generate is not None:
                generated.add(name)
            if entry.same_as is not None:
                yield from _same_as(recipe, entry.same_as, (*place, "same_as"))
            if entry.address_of is not None and entry.address_of not in recipe.companions:
                known = ", ".join(recipe.companions) or "there is none"
                yield (*place, "address_of"), f"'{entry.address_of}' is no companion (companions: {known})"


def _same_as(recipe: AppRecipe, reference: str, place: Place) -> Iterator[Finding]:
    container, _, name = reference.partition(".")
    there = recipe.containers.get(container)
    if there is None:
        known = ", ".join(recipe.containers)
        yield place, f"'{reference}' must be container.NAME; containers here are {known}"
    elif name not in there.environment:
        yield place, f"{container} has no environment value '{name}'; add it there or correct the name"
    elif there.environment[name].same_as is not None:
        yield place, f"{reference} refers to another value itself; name {there.environment[name].same_as}"


def _arguments(recipe: AppRecipe) -> Iterator[Finding]:
    for name, container in _each(recipe):
        for field in ("command", "arguments"):
            for number, word in enumerate(getattr(container, field)):
                for missing in set(_REFERENCE.findall(word)) - set(container.environment):
                    sentence = f"$({missing}) is not in this container's environment; add it there"
                    yield (*_at(name), field, number), sentence


def _first_login(recipe: AppRecipe) -> Iterator[Finding]:
    known = {*LOGIN_FACTS, *(name for _, each in _each(recipe) for name in each.environment)}
    for language in ("en", "id"):
        yield from _placeholders(getattr(recipe.first_login, language), known, ("first_login", language))


def _placeholders(text: str, known: set[str], place: Place) -> Iterator[Finding]:
    try:
        used = [field for _, field, _, _ in Formatter().parse(text) if field is not None]
    except ValueError:
        yield place, "has a single { or }; write {{ or }} for a brace that is to be shown"
        return
    for field in sorted(set(used) - known):
        yield place, f"'{{{field}}}' is not known; use one of {', '.join(sorted(known))}"
