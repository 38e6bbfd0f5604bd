"""What is wrong with a recipe file is told with file, line, field and what to do."""

import copy
import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from minispod.catalog.recipes import Problem, RecipeBroken, load_recipe
from minispod.catalog.recipes.reading import read_recipe

# The line numbers below count from here: `slug` is line 1.
GOOD = """\
slug: wiki
title: Wiki
image: example/wiki:1.2.3
expose: http
port: 8080
min_memory_mb: 64
security:
  user: 1000
  group: 1000
  scratch: [/tmp]
volumes:
  - name: data
    path: /data
arguments: [serve, --secret=$(KEY)]
environment:
  URL: {from: url}
  KEY: {generate: {length: 24}}
  DB: {address_of: database}
  DB_PASSWORD: {same_as: database.PASSWORD}
probes:
  startup: {http: /up, headers: {Host: "{host}"}}
  readiness: {http: /up}
  liveness: {tcp: true}
companions:
  database:
    image: example/database:4.5
    port: 3306
    share: {cpu_percent: 30, memory_percent: 40}
    security: {user: 999, group: 999}
    volumes: [{name: database, path: /var/lib/database}]
    backup: [{of: database, dump: [save], restore: [load]}]
    environment: {PASSWORD: {generate: {}}}
    probes: {startup: {tcp: true}, readiness: {tcp: true}, liveness: {tcp: true}}
first_login:
  en: Open {url} with {KEY}.
  id: Buka {url} dengan {KEY}.
sources:
  image: https://example.com/wiki
backup:
  - archive: data
    exclude: [cache/images]
consistency: live
"""


def told(tmp_path: Path, text: str, name: str = "wiki.yaml") -> str:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(RecipeBroken) as broken:
        load_recipe(path)
    return str(broken.value)


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_the_good_one_is_good(tmp_path):
    path = tmp_path / "wiki.yaml"
    path.write_text(GOOD)

    assert load_recipe(path).slug == "wiki"


SHAPE = [
    ("port: 8080\n", "", 1, "port", "is missing; add it (the port it listens on)"),
    ("port: 8080", "port: many", 5, "port", "must be a whole number"),
    ("port: 8080", "port: 80.5", 5, "port", "must be a whole number"),
    ("port: 8080", 'port: "8080"', 5, "port", "must be a whole number, without quotes"),
    ("  user: 1000", "  user: true", 8, "security.user", "must be a whole number, without quotes"),
    ("title: Wiki", "title: 2024-13-45", 1, "file", "put quotes around dates"),
    ("title: Wiki", "title: &a [*a]", 1, "file", "let nothing contain itself"),
    ("port: 8080", "port: 70000", 5, "port", "must be at most 65535"),
    ("  user: 1000", "  user: 0", 8, "security.user", "must be at least 1"),
    ("title: Wiki", "title: 5", 2, "title", "must be text; put it in quotes"),
    ("title: Wiki", 'title: ""', 2, "title", "is empty; write something"),
    ("title: Wiki", "colour: red\ntitle: Wiki", 2, "colour", "is not a known field; Known here: arguments"),
    ("title: Wiki", "titel: Wiki", 2, "titel", "did you mean title?"),
    ("    path: /data", "    mount: /data", 13, "volumes[0].mount", "Known here: name, path"),
    (
        "    path: /data",
        "    mount: /data",
        12,
        "volumes[0].path",
        "is missing; add it (where the application",
    ),
    ("image: example/wiki:1.2.3", "image: example/wiki", 3, "image", "'example/wiki' has no version"),
    ("image: example/wiki:1.2.3", "image: a.b:5000/wiki", 3, "image", "has no version"),
    ("image: example/wiki:1.2.3", "image: example/wiki:latest", 3, "image", "'latest' is a tag that moves"),
    (
        "image: example/wiki:1.2.3",
        "image: example/wiki:15-alpine",
        3,
        "image",
        "'15-alpine' is a tag that moves",
    ),
    ("image: example/wiki:1.2.3", "image: example/wiki:5-alpine3.20", 3, "image", "is a tag that moves"),
    ("image: example/wiki:1.2.3", "image: example/wiki:php8.3-apache", 3, "image", "is a tag that moves"),
    ("image: example/wiki:1.2.3", "image: Example/wiki:1.2", 3, "image", "is not the name of an image"),
    ("slug: wiki", "slug: Wiki!", 1, "slug", "'Wiki!' is not a usable name"),
    ("expose: http", "expose: udp", 4, "expose", "must be 'http' or 'tcp'"),
    ("scratch: [/tmp]", "scratch: /tmp", 10, "security.scratch", "must be a list"),
    ("    path: /data", "    path: data", 13, "volumes[0].path", "'data' is not an absolute path"),
    (
        "security:\n  user: 1000\n  group: 1000\n  scratch: [/tmp]",
        "security: none",
        7,
        "security",
        "must be a group",
    ),
    ("URL: {from: url}", "8URL: {from: url}", 16, "environment.8URL", "not a name for the environment"),
    ("URL: {from: url}", "URL: 8080", 16, "environment.URL", "put quotes around 8080"),
    ("URL: {from: url}", "URL: true", 16, "environment.URL", "put quotes around true"),
    ("URL: {from: url}", "URL:", 16, "environment.URL", "put quotes around it"),
    ("URL: {from: url}", "URL: {from: moon}", 16, "environment.URL.from", "must be 'host', 'url'"),
    (
        "URL: {from: url}",
        "URL: {from: url, value: x}",
        16,
        "environment.URL",
        "needs exactly one of value, from",
    ),
    ("generate: {length: 24}", "generate: ", 17, "environment.KEY", "needs exactly one of value, from"),
    ("{length: 24}", "{length: 4}", 17, "environment.KEY.generate.length", "must be at least 16"),
    ("{length: 24}", "{size: 24}", 17, "environment.KEY.generate.size", "Known here: alphabet, "),
    ("readiness: {http: /up}", "readiness: {}", 22, "probes.readiness", "needs exactly one of http"),
    ("readiness: {http: /up}", "readiness: {http: up}", 22, "probes.readiness.http", "begin it with /"),
    (
        "readiness: {http: /up}",
        "readiness: {http: /up, tcp: maybe}",
        22,
        "probes.readiness.tcp",
        "must be true or",
    ),
    ("  readiness: {http: /up}\n", "", 20, "probes.readiness", "is missing; add it (lets traffic in)"),
    (
        "liveness: {tcp: true}\ncomp",
        "liveness: {tcp: true, headers: {A: b}}\ncomp",
        23,
        "probes.liveness",
        "http probe",
    ),
    ("  database:\n", "  tcp:\n", 25, "companions.tcp", "is not a usable name"),
    ("    share: {cpu_percent: 30, memory_percent: 40}\n", "", 25, "companions.database.share", "is missing"),
    ("cpu_percent: 30", "cpu_percent: 95", 28, "companions.database.share.cpu_percent", "at most 80"),
    (
        "  id: Buka {url} dengan {KEY}.\n",
        "",
        34,
        "first_login.id",
        "is missing; add it (the text in Indonesian)",
    ),
    ("https://example.com/wiki", "example.com", 38, "sources.image", "is not an address"),
    ("sources:\n  image: https://example.com/wiki\n", "sources: {}\n", 37, "sources", "name at least one"),
    (
        "  - archive: data\n",
        "  - exclude: []\n",
        40,
        "backup[0]",
        "needs exactly one of dump: [...] and archive",
    ),
    (
        "  - archive: data\n",
        "  - archive: data\n    dump: [x]\n",
        40,
        "backup[0]",
        "needs exactly one of dump",
    ),
    ("  - archive: data\n", "  - dump: [x]\n    of: data\n", 40, "backup[0]", "a dump needs restore: [...]"),
    (
        "  - archive: data\n",
        "  - {of: data, dump: [x], restore: [y], exclude: [z]}\n  - archive: data\n",
        40,
        "backup[0]",
        "exclude belongs to an archive",
    ),
    (
        "  - archive: data\n",
        "  - archive: data\n    of: data\n",
        40,
        "backup[0]",
        "an archive has no restore",
    ),
    ("[cache/images]", "[/cache]", 41, "backup[0].exclude[0]", "'/cache' is not a path inside the volume"),
    ("[cache/images]", "[../etc]", 41, "backup[0].exclude[0]", "is not a path inside the volume"),
    ("consistency: live", "consistency: often", 42, "consistency", "must be 'live' or 'stopped'"),
]
MEANING = [
    ("port: 8080", "port: 3306", 27, "companions.database.port", "3306 is already the port of app"),
    (
        "{name: database, path",
        "{name: data, path",
        30,
        "companions.database.volumes[0].name",
        "is used twice",
    ),
    ("    path: /data", "    path: /tmp", 13, "volumes[0].path", "'/tmp' is mounted twice"),
    ("scratch: [/tmp]", "scratch: [/tmp, /tmp]", 10, "security.scratch", "names a path twice"),
    ("expose: http", "expose: tcp", 21, "probes.startup.http", "is not asked over http"),
    (
        'Host: "{host}"',
        'Host: "{url}"',
        21,
        "probes.startup.headers.Host",
        "'{url}' is not known; use one of host",
    ),
    ("address_of: database", "address_of: cache", 18, "environment.DB.address_of", "(companions: database)"),
    ("database.PASSWORD}", "PASSWORD}", 19, "environment.DB_PASSWORD.same_as", "must be container.NAME"),
    (
        "database.PASSWORD}",
        "database.PASS}",
        19,
        "environment.DB_PASSWORD.same_as",
        "has no environment value 'PASS'",
    ),
    (
        "database.PASSWORD}",
        "app.DB_PASSWORD}",
        19,
        "environment.DB_PASSWORD.same_as",
        "refers to another value",
    ),
    (
        "PASSWORD: {generate: {}}",
        "KEY: {generate: {}}",
        32,
        "companions.database.environment.KEY",
        "generated twice",
    ),
    ("$(KEY)", "$(KEYS)", 14, "arguments[1]", "$(KEYS) is not in this container's environment"),
    ("Open {url} with {KEY}.", "Open {ulr}.", 35, "first_login.en", "'{ulr}' is not known; use one of DB, "),
    ("Open {url} with {KEY}.", "Open {}.", 35, "first_login.en", "'{}' is not known"),
    ("Open {url} with {KEY}.", '"Open {url."', 35, "first_login.en", "has a single { or }"),
    (
        "backup:\n  - archive: data\n    exclude: [cache/images]\n",
        "",
        12,
        "volumes[0]",
        "'data' is in no backup",
    ),
    (
        "- archive: data",
        "- archive: date",
        40,
        "backup[0].archive",
        "no volume of this container (volumes: data)",
    ),
    ("{of: database", "{of: data", 31, "companions.database.backup[0].of", "(volumes: database)"),
    ("- archive: data", "- archive: data\n  - archive: data", 41, "backup[1].archive", "is dealt with twice"),
    ("consistency: live", "not_backed_up: {data: it is not}", 40, "backup[0].archive", "is dealt with twice"),
    ("consistency: live", "not_backed_up: {date: it is}", 42, "not_backed_up.date", "no volume of this"),
    (
        "{of: database, dump: [save], restore: [load]}",
        "{archive: database}, {of: database, dump: [save], restore: [load]}",
        31,
        "companions.database.backup[0].archive",
        "would be unpacked while the program of the dump beside it runs",
    ),
]


@pytest.mark.parametrize(("old", "new", "line", "field", "sentence"), SHAPE)
def test_a_field_of_the_wrong_shape_is_told(tmp_path, old, new, line, field, sentence):
    message = told(tmp_path, changed(old, new))

    [found] = [each for each in message.splitlines() if f": {field}: " in each]
    assert found.startswith(f"wiki.yaml:{line}: {field}: ")
    assert sentence in found


@pytest.mark.parametrize(("old", "new", "line", "field", "sentence"), MEANING)
def test_fields_that_do_not_fit_together_are_told(tmp_path, old, new, line, field, sentence):
    message = told(tmp_path, changed(old, new))

    [found] = [each for each in message.splitlines() if f": {field}: " in each]
    assert found.startswith(f"wiki.yaml:{line}: {field}: ")
    assert sentence in found


def test_what_needs_a_program_that_sleeps_cannot_be_dumped(tmp_path):
    text = changed("[{of: database, dump: [save], restore: [load]}]", "[{archive: database}]").replace(
        "  - archive: data\n    exclude: [cache/images]\n", "  - {of: data, dump: [save], restore: [load]}\n"
    )

    assert told(tmp_path, text) == (
        "wiki.yaml:18: environment.DB.address_of: 'database' has no dump, so it sleeps while this container's dump is "
        "put back; use archives here"
    )


def test_companions_must_leave_the_application_something(tmp_path):
    second = re.sub(r"(?s).*companions:\n(.*)first_login:.*", r"\1", GOOD)
    second = second.replace("database", "cache").replace("3306", "6379").replace("PASSWORD", "WORD")
    text = GOOD.replace("first_login:", f"{second}first_login:").replace(
        "memory_percent: 40", "memory_percent: 45"
    )

    assert told(tmp_path, text) == (
        "wiki.yaml:24: companions: the memory_percent of all companions is 90; leave the application at least 20"
    )


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines(tmp_path):
    text = (
        changed("port: 8080", "port: many").replace("  user: 1000", "  user: 0").replace("title: Wiki\n", "")
    )

    lines = told(tmp_path, text).splitlines()

    assert [line.partition(" ")[0] for line in lines] == ["wiki.yaml:1:", "wiki.yaml:4:", "wiki.yaml:7:"]


def test_a_field_given_twice_is_told_although_yaml_takes_the_last(tmp_path):
    message = told(tmp_path, changed("  group: 1000", "  group: 1000\n  group: 2000"))

    assert message == "wiki.yaml:10: security.group: is given twice; keep one of them"


def test_the_file_is_named_after_its_slug(tmp_path):
    message = told(tmp_path, GOOD, "other.yaml")

    assert message.startswith("other.yaml:1: slug: must be the file's name, 'other', not 'wiki'")


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("- a\n- b\n", 1, "must be a group of fields"),
        ("", 1, "must be a group of fields"),
        ("slug: wiki\nimage: [1\nport: 2\n", 3, "is not YAML"),
        ("slug: wiki\n\tport: 2\n", 2, "is not YAML"),
        ("slug: wiki\nport: !!python/name:os.system x\n", 2, "is not YAML"),
    ],
)
def test_a_file_that_is_no_mapping_is_told_with_its_line(tmp_path, text, line, sentence):
    message = told(tmp_path, text)

    assert message.startswith(f"wiki.yaml:{line}: file: ")
    assert sentence in message


def test_a_file_that_is_no_text_is_told(tmp_path):
    path = tmp_path / "wiki.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(RecipeBroken, match=r"wiki\.yaml:1: file: cannot be read as text"):
        load_recipe(path)


ODD = [None, 7, "{", [None], {7: 8}, datetime.date(2026, 11, 21)]


def places(content: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a document."""
    inner = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in inner:
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from places(value, (*above, key))


def problems_of(path: Path) -> list[Problem]:
    """What is wrong with the file; nothing when it is in order."""
    try:
        load_recipe(path)
    except RecipeBroken as broken:
        return broken.problems
    return []


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_any_odd_value_at_any_place_is_a_message_with_a_line_and_never_a_crash(tmp_path, odd):
    good = yaml.safe_load(GOOD)
    path = tmp_path / "wiki.yaml"
    refused = 0
    for *above, last in places(good):
        content = copy.deepcopy(good)
        inner = content
        for key in above:
            inner = inner[key]
        inner[last] = odd
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        problems = problems_of(path)
        lines = len(path.read_text().splitlines())
        assert all(1 <= each.line <= lines and each.sentence for each in problems)
        refused += bool(problems)
    assert refused > 20


def test_the_same_text_is_checked_once_and_another_text_or_name_anew():
    found = read_recipe(GOOD, "wiki.yaml")

    assert read_recipe(GOOD, "wiki.yaml") is found
    assert read_recipe(changed("port: 8080", "port: 8081"), "wiki.yaml").port == 8081
    with pytest.raises(RecipeBroken, match=r"wiko\.yaml:1: slug: must be the file's name"):
        read_recipe(GOOD, "wiko.yaml")
