"""What a customer may set in the environment, and how it reaches the pod."""

import base64
from pathlib import Path

import pytest

from minispod.catalog.recipes import all_recipes, get_recipe, load_recipe, own_values
from minispod.catalog.recipes.reading import RecipeBroken
from minispod.instances.manifests import instance_manifests, spec_hash
from minispod.instances.specification import SECRETS_HASH
from tests.unit.test_manifests import only, pod_of, spec_of
from tests.unit.test_recipe_messages import GOOD

N8N = get_recipe("n8n-automation")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GENERIC_TIMEZONE", "Asia/Makassar"),
        ("EXECUTIONS_DATA_MAX_AGE", "24"),
        ("SMTP_PASSWORD", "ünïcode $(NOT) {expanded}"),
        ("MY_FILE", "x" * own_values.LONGEST_VALUE),
        ("EMPTY", ""),
    ],
)
def test_offered_and_further_values_may_be_set(name: str, value: str) -> None:
    assert own_values.refusal_of(N8N, name, value) is None


@pytest.mark.parametrize(
    "name",
    [
        "N8N_ENCRYPTION_KEY",
        "n8n_encryption_key",
        "N8N_ENCRYPTION_KEY_FILE",
        "N8N_ENCRYPTION_KEY__FILE",
        "WEBHOOK_URL",
        "N8N_HOST",
        "N8N_USER_FOLDER",
        "DB_TYPE",
        "DB_SQLITE_DATABASE",
        "PATH",
        "LD_PRELOAD",
        "KUBERNETES_SERVICE_HOST",
    ],
)
def test_what_addresses_data_and_secrets_need_is_never_set(name: str) -> None:
    assert own_values.refusal_of(N8N, name, "x") == "is set by the platform and cannot be changed"


@pytest.mark.parametrize("name", ["", "1X", "A B", "A-B", "A=B", "Ä", "A\n", "X" * 101, "A.B"])
def test_a_name_is_a_name(name: str) -> None:
    assert "is no name" in (own_values.refusal_of(N8N, name, "x") or "")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("A", "x" * (own_values.LONGEST_VALUE + 1), "too long"),
        ("A", "ä" * (own_values.LONGEST_VALUE // 2 + 1), "too long"),
        ("A", "two\nlines", "control characters"),
        ("A", "nul\x00", "control characters"),
        ("A", "c1\x85", "control characters"),
        ("A", "\ud800", "not valid text"),
        ("GENERIC_TIMEZONE", "../etc/passwd", "form"),
        ("EXECUTIONS_DATA_MAX_AGE", "-1", "form"),
    ],
)
def test_a_value_has_limits_and_its_form(name: str, value: str, why: str) -> None:
    assert why in (own_values.refusal_of(N8N, name, value) or "")


@pytest.mark.parametrize("slug", ["postgresql", "mariadb", "redis", "gitea"])
def test_some_applications_take_nothing_further(slug: str) -> None:
    assert "takes no further" in (own_values.refusal_of(get_recipe(slug), "ANYTHING", "x") or "")


@pytest.mark.parametrize("recipe", all_recipes(), ids=lambda recipe: recipe.slug)
def test_no_recipe_lets_its_own_secrets_and_addresses_be_set(recipe: object) -> None:
    for name, entry in recipe.environment.items():  # type: ignore[attr-defined]
        if entry.value is None:
            assert own_values.name_refusal(recipe, name) is not None, name  # type: ignore[arg-type]


@pytest.mark.parametrize("recipe", all_recipes(), ids=lambda recipe: recipe.slug)
def test_what_a_recipe_sets_itself_is_in_the_form_it_asks_for(recipe: object) -> None:
    for name in recipe.editable:  # type: ignore[attr-defined]
        entry = recipe.environment.get(name)  # type: ignore[attr-defined]
        if entry is not None:
            assert own_values.refusal_of(recipe, name, entry.value) is None, name  # type: ignore[arg-type]


def test_a_newer_recipe_takes_a_name_back() -> None:
    kept = own_values.allowed(N8N, {"MINE": "1", "DB_TYPE": "postgresdb", "TZ": "no such zone!"})

    assert kept == {"MINE": "1"}


def test_values_reach_the_pod_through_the_secret_only() -> None:
    own = {"GENERIC_TIMEZONE": "Asia/Makassar", "ZEBRA": "very-own-value", "APPLE": "1"}
    spec = spec_of("n8n-automation", own_values=own)

    objects = instance_manifests(spec)

    secret = only(objects, "Secret")["data"]
    assert {key: base64.b64decode(value).decode() for key, value in secret.items() if "own." in key} == {
        "own.GENERIC_TIMEZONE": "Asia/Makassar",
        "own.ZEBRA": "very-own-value",
        "own.APPLE": "1",
    }
    [container] = pod_of(spec)["containers"]
    names = [each["name"] for each in container["env"]]
    assert names == [*N8N.environment, "APPLE", "ZEBRA"]
    by_name = {each["name"]: each for each in container["env"]}
    assert by_name["GENERIC_TIMEZONE"] == {
        "name": "GENERIC_TIMEZONE",
        "valueFrom": {"secretKeyRef": {"name": spec.names.secret, "key": "own.GENERIC_TIMEZONE"}},
    }
    assert by_name["TZ"] == {"name": "TZ", "value": "Asia/Jakarta"}
    shown = str([each for each in objects if each["kind"] != "Secret"])
    assert "very-own-value" not in shown
    assert "very-own-value" not in repr(spec)


def test_another_value_gives_another_pod_and_none_gives_the_old_one() -> None:
    def annotation(**own: str) -> str:
        deployment = only(
            instance_manifests(spec_of("uptime-kuma", own_values=own, secrets={})), "Deployment"
        )
        return str(deployment["spec"]["template"]["metadata"]["annotations"][SECRETS_HASH])

    assert annotation(A="1") != annotation(A="2")
    assert annotation(A="1") != annotation()
    assert annotation() == annotation()
    assert spec_hash(spec_of("n8n-automation", own_values={"A": "1"})) != spec_hash(spec_of("n8n-automation"))


def test_a_companion_gets_none_of_it() -> None:
    spec = spec_of("wordpress", own_values={"WORDPRESS_DEBUG": "1"})

    application, database = pod_of(spec)["containers"]

    assert "WORDPRESS_DEBUG" in [each["name"] for each in application["env"]]
    assert "WORDPRESS_DEBUG" not in [each["name"] for each in database["env"]]


def told(tmp_path: Path, addition: str) -> str:
    path = tmp_path / "wiki.yaml"
    path.write_text(GOOD + addition)
    with pytest.raises(RecipeBroken) as refusal:
        load_recipe(path)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("addition", "sentence"),
    [
        ("editable: {URL: {en: a, id: b}}\n", "URL is no fixed text"),
        ("editable: {KEY: {en: a, id: b}}\n", "KEY is no fixed text"),
        ("editable: {ZONE: {en: a}}\n", "is missing"),
        ("editable: {ZONE: {en: a, id: b, pattern: '['}}\n", "is no regular expression"),
        ("reserved: ['*']\n", "is no name"),
        ("reserved: ['A*B']\n", "is no name"),
    ],
)
def test_a_recipe_that_offers_too_much_is_told(tmp_path: Path, addition: str, sentence: str) -> None:
    assert sentence in told(tmp_path, addition)


@pytest.mark.parametrize(
    ("rotate", "sentence"),
    [
        ("soon", "rotate"),
        ("{command: [sh]}", "a command needs an input"),
        ("{restart: true, command: [sh], input: '{new}'}", "exactly one of"),
        ("{input: '{new}'}", "exactly one of"),
        ("{command: [sh], input: '{new} {other}'}", "'{other}' is not known"),
        ("{command: [sh], input: '{new} }'}", "single { or }"),
    ],
)
def test_a_rotation_that_cannot_work_is_told(tmp_path: Path, rotate: str, sentence: str) -> None:
    path = tmp_path / "wiki.yaml"
    path.write_text(GOOD.replace("KEY: {generate: {length: 24}}", f"KEY: {{generate: {{rotate: {rotate}}}}}"))

    with pytest.raises(RecipeBroken) as refusal:
        load_recipe(path)

    assert sentence in str(refusal.value)
