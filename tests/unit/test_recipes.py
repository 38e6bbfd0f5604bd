"""Recipes: the shipped ones are complete and cited, and values are made of them as the file says."""

import re
import string
from pathlib import Path

import pytest
import yaml

from minispod.catalog import recipes
from minispod.catalog.recipes import schema
from minispod.catalog.seeding import SEED_FILE

GUIDE = Path(__file__).parents[2] / "docs/recipes.md"
FACTS = {
    "host": "k7.example.com",
    "url": "http://k7.example.com:8480",
    "scheme": "http",
    "is_https": "false",
    "inside_host": "wiki-k7.user-1.svc",
    "instance_name": "wiki-k7",
}
WIKI = """
slug: wiki
title: Wiki
image: registry.example.com/team/wiki:1.2.3
expose: http
port: 8080
min_memory_mb: 64
security: {user: 1000, group: 1000, scratch: [/tmp]}
volumes: [{name: data, path: /data}]
not_backed_up: {data: everything in it can be made again}
environment:
  URL: {from: url}
  PORT: "8080"
  ADMIN_PASSWORD: {generate: {length: 24}}
  PIN: {generate: {length: 16, alphabet: digits}}
  DB: {address_of: database}
  DB_PASSWORD: {same_as: database.PASSWORD}
probes:
  startup: {http: /up}
  readiness: {http: /up}
  liveness: {tcp: true}
companions:
  database:
    image: example/database:4.5
    port: 3306
    share: {cpu_percent: 30, memory_percent: 40}
    security: {user: 999, group: 999}
    environment:
      PASSWORD: {generate: {}}
      PORT: "3306"
    probes: {startup: {tcp: true}, readiness: {tcp: true}, liveness: {command: [ping]}}
first_login:
  en: "Open {url} as admin with {ADMIN_PASSWORD}."
  id: "Buka {url} dengan {ADMIN_PASSWORD}."
sources: {image: "https://example.com/wiki"}
"""


@pytest.fixture
def wiki(tmp_path: Path) -> recipes.AppRecipe:
    path = tmp_path / "wiki.yaml"
    path.write_text(WIKI)
    return recipes.load_recipe(path)


def test_ten_applications_are_shipped():
    assert {recipe.slug for recipe in recipes.all_recipes()} == {
        "ghost-blog",
        "gitea",
        "grafana",
        "mariadb",
        "n8n-automation",
        "nextcloud",
        "postgresql",
        "redis",
        "uptime-kuma",
        "wordpress",
    }


@pytest.mark.parametrize("recipe", recipes.all_recipes(), ids=lambda recipe: recipe.slug)
def test_shipped_recipe_keeps_its_data_runs_without_root_and_names_its_sources(recipe):
    assert recipe.keeps_data
    assert len(recipe.sources) >= 2


@pytest.mark.parametrize(
    ("slug", "port", "paths"),
    [
        ("n8n-automation", 5678, ["/home/node/.n8n"]),
        ("ghost-blog", 2368, ["/var/lib/ghost/content"]),
        ("postgresql", 5432, ["/var/lib/postgresql/data"]),
        ("mariadb", 3306, ["/var/lib/mysql"]),
        ("redis", 6379, ["/data"]),
        ("wordpress", 80, ["/var/www/html", "/var/lib/mysql"]),
        ("nextcloud", 80, ["/var/www/html", "/var/lib/postgresql/data"]),
        ("grafana", 3000, ["/var/lib/grafana"]),
        ("uptime-kuma", 3001, ["/app/data"]),
        ("gitea", 3000, ["/var/lib/gitea", "/etc/gitea"]),
    ],
)
def test_shipped_recipe_has_the_applications_real_port_and_data_paths(slug, port, paths):
    recipe = recipes.get_recipe(slug)

    assert recipe.port == port
    assert [volume.path for each in recipe.containers.values() for volume in each.volumes] == paths


@pytest.mark.parametrize("recipe", recipes.all_recipes(), ids=lambda recipe: recipe.slug)
def test_all_data_of_shipped_recipes_are_backed_up_and_sqlite_only_while_it_is_stopped(recipe):
    volumes = [volume.name for each in recipe.containers.values() for volume in each.volumes]
    parts = [part for each in recipe.containers.values() for part in each.backup]

    assert sorted(part.volume for part in parts) == sorted(volumes)
    assert any(part.dump for part in parts) or recipe.consistency == "stopped"
    assert "backup" in " ".join(recipe.sources)


def test_every_service_of_the_catalogue_has_a_recipe_that_starts_in_its_smallest_plan():
    services = yaml.safe_load(SEED_FILE.read_text())["services"]

    assert {service["slug"] for service in services} == {recipe.slug for recipe in recipes.all_recipes()}
    for service in services:
        smallest = min(plan["memory_mb"] for plan in service["plans"])
        assert smallest >= recipes.get_recipe(service["slug"]).min_memory_mb, service["slug"]


def test_unknown_service_has_no_recipe():
    with pytest.raises(recipes.NoSuchRecipe) as refusal:
        recipes.get_recipe("drupal")

    assert refusal.value.code == "catalog.no_such_recipe"


def test_a_third_party_adds_an_application_by_adding_a_file(tmp_path):
    (tmp_path / "wiki.yaml").write_text(WIKI)

    assert list(recipes.load_recipes(tmp_path)) == ["wiki"]


def test_image_with_a_registry_keeps_its_whole_name(wiki):
    assert (wiki.image, wiki.version) == ("registry.example.com/team/wiki:1.2.3", "1.2.3")


def test_generated_secrets_of_all_containers_differ_each_time_and_keep_to_their_alphabet(wiki):
    first, second = recipes.generate_secrets(wiki), recipes.generate_secrets(wiki)

    assert first.keys() == {"ADMIN_PASSWORD", "PIN", "PASSWORD"}
    assert all(first[name] != second[name] for name in first)
    assert [len(first[name]) for name in ("ADMIN_PASSWORD", "PIN", "PASSWORD")] == [24, 16, 32]
    assert set(first["ADMIN_PASSWORD"]) <= set(string.ascii_letters + string.digits)
    assert set(first["PIN"]) <= set(string.digits)


def test_environment_is_made_of_texts_facts_secrets_and_the_companion(wiki):
    made = {"ADMIN_PASSWORD": "one", "PIN": "1234", "PASSWORD": "two"}

    assert recipes.environment(wiki, "app", FACTS, made) == {
        "URL": "http://k7.example.com:8480",
        "PORT": "8080",
        "ADMIN_PASSWORD": "one",
        "PIN": "1234",
        "DB": "127.0.0.1:3306",
        "DB_PASSWORD": "two",
    }
    assert recipes.environment(wiki, "database", FACTS, made) == {"PASSWORD": "two", "PORT": "3306"}


@pytest.mark.parametrize(("language", "start"), [("en", "Open"), ("id", "Buka"), ("fr", "Open")])
def test_first_login_text_is_filled_in_the_customers_language(wiki, language, start):
    values = recipes.login_values(wiki, FACTS, {"ADMIN_PASSWORD": "one", "PIN": "2", "PASSWORD": "3"})

    text = recipes.first_login(wiki, language, values)

    assert text.startswith(f"{start} http://k7.example.com:8480")
    assert "one" in text


def test_login_values_prefer_the_application_and_its_address_over_companions(wiki):
    values = recipes.login_values(wiki, FACTS, {"ADMIN_PASSWORD": "one", "PIN": "2", "PASSWORD": "3"})

    assert values["PORT"] == "8080"
    assert values["port"] == "8080"
    assert values["name"] == "wiki-k7"
    assert values["PASSWORD"] == "3"


def test_the_recipe_of_the_guide_is_in_order(tmp_path):
    [example] = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    path = tmp_path / "wiki.yaml"
    path.write_text(example)

    assert set(recipes.load_recipe(path).containers) == {"app", "database"}


def test_the_guide_names_every_field():
    guide = GUIDE.read_text()

    parts = [
        each
        for each in vars(schema).values()
        if isinstance(each, type) and issubclass(each, schema.Part) and each is not schema.Part
    ]
    assert len(parts) > 8
    fields = {field.alias or name for part in parts for name, field in part.model_fields.items()}
    assert {field for field in fields if not re.search(rf"\b{field}\b", guide)} == set()
