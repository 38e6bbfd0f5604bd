"""schemathesis over the whole document, as nobody, as a customer and as an administrator, on things that exist.

At least FUZZ_EXAMPLES (50) cases per operation, two thirds of which fit the schema, each sent in all three roles. Most
ids in them are those of the furnished shop, which is brought back whenever a case has changed something. Whatever
happens: no crash, no status and no header that the document does not name, and no answer that its schema forbids.

A run can be repeated: FUZZ_SEED is its seed, printed with each failure. Not tested here: that data which fit the
schema are accepted (rules of the business say no to most of them).
"""

import copy
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from minispod.settings import Settings
from tests.plugins.app import Person
from tests.plugins.scene import Scene, bring_back

SEED = int(os.environ.get("FUZZ_SEED", "20261120"))
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "50"))
DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "docs" / "openapi.json").read_text("utf-8")
)
METHODS = {"get", "post", "put", "patch", "delete"}
# How often an id is one that exists.
REAL = 0.85


def operations() -> list[tuple[str, str]]:
    return [
        (method, path) for path, item in DOCUMENT["paths"].items() for method in sorted(METHODS & set(item))
    ]


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


@pytest.fixture(scope="session")
def schema(application: Flask) -> Any:
    """The document as schemathesis reads it. Roles are given by us, and `default` would allow every status."""
    import schemathesis

    document = copy.deepcopy(DOCUMENT)
    document["components"].pop("securitySchemes")
    for item in document["paths"].values():
        for method in METHODS & set(item):
            item[method].pop("security")
            item[method]["responses"].pop("default")
    found = schemathesis.openapi.from_dict(document)
    found.app = application
    return found


@pytest.fixture
def impatient(app: Flask) -> Iterator[None]:
    """Nobody waits for the cluster here."""
    patient: Settings = app.extensions["minispod.settings"]
    hasty = object.__new__(Settings)
    for name in Settings.__slots__:
        object.__setattr__(hasty, name, getattr(patient, name))
    object.__setattr__(hasty, "web", patient.web.model_copy(update={"control_wait_seconds": 0}))
    app.extensions["minispod.settings"] = hasty
    yield
    app.extensions["minispod.settings"] = patient


class Filling:
    """Puts ids that exist into a case, where its fields and parameters are named after things."""

    def __init__(self, scene: Scene, random: Random) -> None:
        self._ids, self._random = scene.ids, random

    def fill(self, case: Any) -> None:
        """Change the case in place."""
        for where in (case.path_parameters, case.query, case.body):
            self._fill(where)

    def _fill(self, where: Any) -> None:
        for key in list(where) if isinstance(where, dict) else ():
            if isinstance(where[key], list):
                plural = self._ids.get(snake(str(key)).removesuffix("s"))
                for index, each in enumerate(where[key]):
                    self._fill(each)
                    if plural and isinstance(each, str) and self._random.random() < REAL:
                        where[key][index] = self._random.choice(plural)
            elif snake(str(key)) in self._ids and self._random.random() < REAL:
                where[key] = self._random.choice(self._ids[snake(str(key))])


@pytest.mark.parametrize(("method", "path"), operations(), ids=str)
@pytest.mark.usefixtures("gateway", "impatient")
def test_every_answer_is_as_documented(
    app: Flask, scene: Scene, schema: Any, method: str, path: str, request: pytest.FixtureRequest
) -> None:
    from schemathesis import GenerationMode

    if method == "get":  # what changes something would leave work in the simulated cluster
        request.getfixturevalue("cluster")
    print(f"to repeat: FUZZ_SEED={SEED} FUZZ_EXAMPLES={EXAMPLES}")
    operation = schema[path][method]
    roles: dict[str, Person | None] = {
        "nobody": None,
        "customer": scene.customer,
        "administrator": scene.administrator,
    }
    sent, problems = dict.fromkeys(roles, 0), {}
    good, bad = (
        operation.as_strategy(generation_mode=mode)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    )

    @seed(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data(), number=st.integers(0, 2**64), is_bad=st.sampled_from((False, False, True)))
    def send(data: st.DataObject, number: int, is_bad: bool) -> None:
        case = data.draw(bad if is_bad else good)
        Filling(scene, Random(number)).fill(case)
        for role, who in roles.items():
            answer = case.call(headers=who.headers if who else None)
            sent[role] += 1
            problem = wrong(lambda answer=answer: case.validate_response(answer, checks=promises()))
            if problem or answer.status_code == 500:
                problems[role, answer.status_code, problem] = case.as_curl_command()
            if answer.status_code < 300 and method != "get":
                bring_back(app)

    send()

    assert problems == {}
    assert min(sent.values()) >= EXAMPLES, sent


def promises() -> list[Any]:
    """What an answer is held against: its status, type, headers and schema in the document."""
    from schemathesis.specs.openapi import checks

    return [
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]


def wrong(look: Callable[[], None]) -> str:
    """What the checks say against an answer, in short."""
    from schemathesis.core.failures import Failure, FailureGroup

    try:
        look()
    except (Failure, FailureGroup) as failure:
        found = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
        return "; ".join(sorted(f"{each.title}: {str(each.message)[:300]}" for each in found))
    return ""
