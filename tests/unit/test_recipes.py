"""Recipes: the shipped ones are complete, and a broken file is refused with file and field."""

import string

import pytest
import yaml

from minispod.catalog import recipes
from minispod.catalog.recipes import RecipeBroken

GOOD = """
slug: wiki
title: Wiki
image: example/wiki
version: "1.2.3"
expose: http
port: 8080
min_memory_mb: 64
security: {user: 1000, group: 1000, scratch: [/tmp]}
volumes: [{name: data, mount: /data}]
env:
  - {name: URL, kind: url}
  - {name: ADMIN_PASSWORD, kind: generated, length: 24}
probes:
  startup: {http: /up}
  readiness: {http: /up}
  liveness: {tcp: true}
first_login: {en: "Open {url} as admin with {ADMIN_PASSWORD}.", id: "Buka {url} dengan {ADMIN_PASSWORD}."}
"""


@pytest.fixture
def write(tmp_path):
    def _write(name="wiki.yaml", **changes):
        content = yaml.safe_load(GOOD)
        for key, value in changes.items():
            content.pop(key, None) if value is None else content.update({key: value})
        path = tmp_path / name
        path.write_text(yaml.safe_dump(content))
        return path

    return _write


def test_three_applications_are_shipped():
    assert {recipe.slug for recipe in recipes.all_recipes()} == {"n8n-automation", "ghost-blog", "postgresql"}


@pytest.mark.parametrize("recipe", recipes.all_recipes(), ids=lambda recipe: recipe.slug)
def test_shipped_recipe_is_pinned_keeps_its_data_and_runs_without_root(recipe):
    assert recipe.version in recipe.image_reference
    assert recipe.keeps_data
    assert recipe.security.user > 0


@pytest.mark.parametrize(
    ("slug", "port", "mount"),
    [
        ("n8n-automation", 5678, "/home/node/.n8n"),
        ("ghost-blog", 2368, "/var/lib/ghost/content"),
        ("postgresql", 5432, "/var/lib/postgresql/data"),
    ],
)
def test_shipped_recipe_has_the_applications_real_port_and_data_path(slug, port, mount):
    recipe = recipes.get_recipe(slug)

    assert recipe.port == port
    assert [volume.mount for volume in recipe.volumes] == [mount]


def test_unknown_service_has_no_recipe():
    with pytest.raises(recipes.NoSuchRecipe) as refusal:
        recipes.get_recipe("wordpress")

    assert refusal.value.code == "catalog.no_such_recipe"


def test_a_third_party_adds_an_application_by_adding_a_file(write, tmp_path):
    write()

    assert list(recipes.load_recipes(tmp_path)) == ["wiki"]


def test_generated_secrets_differ_each_time_and_keep_to_their_alphabet(write):
    recipe = recipes.load_recipe(write())

    first, second = recipes.generate_secrets(recipe), recipes.generate_secrets(recipe)

    assert first.keys() == {"ADMIN_PASSWORD"}
    assert first != second
    assert len(first["ADMIN_PASSWORD"]) == 24
    assert set(first["ADMIN_PASSWORD"]) <= set(string.ascii_letters + string.digits)


@pytest.mark.parametrize(("language", "start"), [("en", "Open"), ("id", "Buka"), ("fr", "Open")])
def test_first_login_text_is_filled_in_the_customers_language(write, language, start):
    recipe = recipes.load_recipe(write())

    text = recipes.first_login(recipe, language, {"url": "https://w", "ADMIN_PASSWORD": "s3"})

    assert text.startswith(f"{start} https://w")
    assert "s3" in text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"port": None}, "port"),
        ({"port": "many"}, "port"),
        ({"version": "latest"}, "version"),
        ({"version": "stable"}, "version"),
        ({"expose": "udp"}, "expose"),
        ({"colour": "red"}, "colour"),
        ({"security": {"user": 0, "group": 0}}, "security.user"),
        ({"volumes": [{"name": "data", "mount": "data"}]}, "volumes.0.mount"),
        ({"volumes": [{"name": "data", "mount": "/tmp"}]}, "mounts"),
        ({"env": [{"name": "A", "kind": "secret"}]}, "env.0"),
        ({"env": [{"name": "A", "kind": "url"}, {"name": "A", "kind": "host"}]}, "env"),
        ({"env": [{"name": "A", "kind": "generated", "length": 4}]}, "env.0.generated.length"),
        ({"first_login": {"en": "Open {url}"}}, "first_login"),
        ({"first_login": {"en": "Use {PASSWORD}", "id": "x"}}, "first_login.en"),
        (
            {"probes": {"startup": {}, "readiness": {"tcp": True}, "liveness": {"tcp": True}}},
            "probes.startup",
        ),
    ],
)
def test_broken_recipe_is_refused_with_file_and_field(write, changes, field):
    with pytest.raises(RecipeBroken) as refusal:
        recipes.load_recipe(write(**changes))

    assert "wiki.yaml" in str(refusal.value)
    assert field in str(refusal.value)


def test_recipe_file_is_named_after_its_service(write):
    with pytest.raises(RecipeBroken, match=r"other\.yaml: slug"):
        recipes.load_recipe(write("other.yaml"))


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [1", ""])
def test_file_that_is_no_mapping_is_refused(tmp_path, text):
    path = tmp_path / "wiki.yaml"
    path.write_text(text)

    with pytest.raises(RecipeBroken, match=r"wiki\.yaml"):
        recipes.load_recipe(path)
