"""Recipes of what is reached over TCP: what is missing or gives a secret away is told with its line."""

from pathlib import Path

import pytest

from minispod.catalog.recipes import (
    RecipeBroken,
    all_recipes,
    connection_examples,
    connection_strings,
    load_recipe,
    login_values,
)

# The line numbers below count from here: `slug` is line 1.
GOOD = """\
slug: store
title: Store
image: example/store:1.2.3
expose: tcp
port: 7000
min_memory_mb: 64
security: {user: 1000, group: 1000, scratch: [/tmp]}
volumes: [{name: data, path: /data}]
tls:
  directory: /tls
  port: 7001
environment:
  KEY: {generate: {}}
  AGAIN: {same_as: app.KEY}
  USER: {value: "a b@c"}
connection:
  outside: stores://{USER}:{KEY}@{tcp_host}:{tcp_port}
  inside: store://{USER}:{KEY}@{inside_host}:{port}
  examples:
    store-cli: store-cli --host {tcp_host} --port {tcp_port} --user "{USER}"
not_backed_up: {data: a cache}
probes: {startup: {tcp: true}, readiness: {tcp: true}, liveness: {tcp: true}}
first_login:
  en: Connect to {tcp_host}:{tcp_port} with {KEY}.
  id: Hubungkan ke {tcp_host}:{tcp_port} dengan {KEY}.
sources:
  image: https://example.com/store
"""
FACTS = {
    "host": "k7.store.example.com",
    "url": "https://shop.example.com/connect/store-k7",
    "scheme": "https",
    "is_https": "true",
    "inside_host": "store-k7.user-1.svc",
    "instance_name": "store-k7",
    "tcp_host": "k7.store.example.com",
    "tcp_port": "30001",
}


def read(tmp_path: Path, text: str):
    path = tmp_path / "store.yaml"
    path.write_text(text)
    return load_recipe(path)


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "sentence"),
    [
        ("tls:\n  directory: /tls\n  port: 7001\n", "", 4, "expose", "what is exposed as tcp needs tls"),
        ("expose: tcp", "expose: http", 9, "tls", "belongs to what is exposed as tcp; remove it"),
        ("expose: tcp", "expose: http", 16, "connection", "belongs to what is exposed as tcp; remove it"),
        ("directory: /tls", "directory: /data", 10, "tls.directory", "'/data' is mounted twice"),
        ("directory: /tls", "directory: /tmp", 10, "tls.directory", "'/tmp' is mounted twice"),
        ("directory: /tls", "directory: tls", 10, "tls.directory", "is not an absolute path"),
        ("port: 7001", "port: 7000", 11, "tls.port", "7000 is taken already"),
        ("port: 7001", "port: many", 11, "tls.port", "must be a whole number"),
        ("  port: 7001", "  prot: 7001", 11, "tls.prot", "did you mean port?"),
        ("{inside_host}:{port}", "{inner}", 18, "connection.inside", "'{inner}' is not known; use one of"),
        ('--user "{USER}"', "-p {KEY}", 20, "connection.examples.store-cli", "'{KEY}' is not known"),
        ('--user "{USER}"', "-p {AGAIN}", 20, "connection.examples.store-cli", "'{AGAIN}' is not known"),
        ("\n    store-cli:", " {}\n# store-cli:", 19, "connection.examples", "name at least one"),
        ("  inside: store://{USER}:{KEY}@{inside_host}:{port}\n", "", 16, "connection.inside", "is missing"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, old, new, line, field, sentence):
    assert old in GOOD

    with pytest.raises(RecipeBroken) as broken:
        read(tmp_path, GOOD.replace(old, new, 1))

    [found] = [each for each in str(broken.value).splitlines() if f": {field}: " in each]
    assert found.startswith(f"store.yaml:{line}: ")
    assert sentence in found


def test_a_connection_string_survives_odd_values(tmp_path):
    recipe = read(tmp_path, GOOD)
    values = login_values(recipe, FACTS, {"KEY": "p/w@x"})

    outside, inside = connection_strings(recipe, values)

    assert outside == "stores://a%20b%40c:p%2Fw%40x@k7.store.example.com:30001"
    assert inside == "store://a%20b%40c:p%2Fw%40x@store-k7.user-1.svc:7000"


def test_where_nothing_is_exposed_the_port_inside_is_named(tmp_path):
    recipe = read(tmp_path, GOOD)
    closed = {**FACTS, "tcp_host": FACTS["inside_host"], "tcp_port": ""}

    assert connection_examples(recipe, closed) == {
        "store-cli": 'store-cli --host store-k7.user-1.svc --port 7001 --user "a b@c"'
    }


@pytest.mark.parametrize("recipe", all_recipes(), ids=lambda recipe: recipe.slug)
def test_shipped_databases_speak_tls_and_others_do_not(recipe):
    assert (recipe.tls is not None) == (recipe.connection is not None) == (recipe.expose == "tcp")
    if recipe.connection is not None:
        assert connection_examples(recipe, FACTS)
        assert "/tls/tls.key" in " ".join(recipe.arguments)
