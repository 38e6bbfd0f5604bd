"""What a recipe becomes for one instance: its secrets, its environment, the text of the first login."""

import secrets
import string
from collections.abc import Mapping
from urllib.parse import quote

from minispod.catalog.recipes.schema import AppRecipe, EnvValue, Rotation

_ALPHABETS = {
    "alphanumeric": string.ascii_letters + string.digits,
    "hex": "0123456789abcdef",
    "digits": string.digits,
}
_OWN_POD = "127.0.0.1"


def generate_secrets(recipe: AppRecipe) -> dict[str, str]:
    """Make the secrets of one new instance, by environment name."""
    return {name: generate_secret(recipe, name) for name in recipe.secrets}


def generate_secret(recipe: AppRecipe, name: str) -> str:
    """Make another value of one generated secret."""
    how = recipe.secrets[name]
    return "".join(secrets.choice(_ALPHABETS[how.alphabet]) for _ in range(how.length))


def rotation_of(recipe: AppRecipe, name: str) -> tuple[str, Rotation] | None:
    """Say in which container and how a generated secret is changed; None when it cannot be."""
    for container, each in recipe.containers.items():
        entry = each.environment.get(name)
        if entry is not None and entry.generate is not None and entry.generate.rotate is not None:
            return container, entry.generate.rotate
    return None


def secret_behind(recipe: AppRecipe, name: str, entry: EnvValue) -> str | None:
    """Name the generated secret that an environment entry stands for; None when it is no secret."""
    name, entry = _original(recipe, name, entry)
    return name if entry.generate is not None else None


def plain_value(recipe: AppRecipe, entry: EnvValue, facts: Mapping[str, str]) -> str:
    """Tell the value of an environment entry that is no secret; `facts` say where the instance is reached."""
    _, entry = _original(recipe, "", entry)
    if entry.fact is not None:
        return facts[entry.fact]
    if entry.address_of is not None:
        # Containers of one pod share one address. Not "localhost": PHP takes that for a Unix socket.
        return f"{_OWN_POD}:{recipe.companions[entry.address_of].port}"
    return entry.value or ""


def environment(
    recipe: AppRecipe, container: str, facts: Mapping[str, str], made: Mapping[str, str]
) -> dict[str, str]:
    """List the whole environment of one container, the secrets in `made` included, by name."""
    found = {}
    for name, entry in recipe.containers[container].environment.items():
        secret = secret_behind(recipe, name, entry)
        found[name] = plain_value(recipe, entry, facts) if secret is None else made[secret]
    return found


def login_values(recipe: AppRecipe, facts: Mapping[str, str], made: Mapping[str, str]) -> dict[str, str]:
    """List what a first-login text may mention: addresses and the environment of all containers.

    A secret that was never made (the recipe asks for it since) is left out: texts that do not mention it stay readable.
    """
    values: dict[str, str] = {}
    for container in reversed(recipe.containers.values()):
        for name, entry in container.environment.items():
            secret = secret_behind(recipe, name, entry)
            if secret is None:
                values[name] = plain_value(recipe, entry, facts)
            elif secret in made:
                values[name] = made[secret]
    return {
        **values,
        "url": facts["url"],
        "host": facts["host"],
        "inside_host": facts["inside_host"],
        "name": facts["instance_name"],
        "port": str(recipe.port),
        "tcp_host": facts["tcp_host"],
        "tcp_port": facts["tcp_port"] or str(recipe.tls_port),
    }


def first_login(recipe: AppRecipe, language: str, values: Mapping[str, str]) -> str:
    """Write how to get in, in English or Indonesian; `values` are the login values."""
    text = recipe.first_login.id if language == "id" else recipe.first_login.en
    return text.format_map(values)


def connection_strings(recipe: AppRecipe, values: Mapping[str, str]) -> tuple[str, str]:
    """Write how to connect from outside and from inside, passwords included; `values` are the login values."""
    if recipe.connection is None:
        return "", ""
    # A connection string is an address: what is not letter or digit must not change its meaning.
    safe = {name: quote(value, safe="") for name, value in values.items()}
    return recipe.connection.outside.format_map(safe), recipe.connection.inside.format_map(safe)


def connection_examples(recipe: AppRecipe, facts: Mapping[str, str]) -> dict[str, str]:
    """Write how usual clients are called, without any secret, by client."""
    values = login_values(recipe, facts, {})
    examples = recipe.connection.examples if recipe.connection else {}
    return {client: text.format_map(values) for client, text in examples.items()}


def _original(recipe: AppRecipe, name: str, entry: EnvValue) -> tuple[str, EnvValue]:
    if entry.same_as is None:
        return name, entry
    container, _, name = entry.same_as.partition(".")
    return name, recipe.containers[container].environment[name]
