"""The document tells which words an answer may hold and of what type each field is, and nothing of our own notes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "docs" / "openapi.json").read_text(encoding="utf-8")
)
ENUMERATED = re.compile(r"(status|type|role|priority|method|kind|state|level|period|range)$", re.IGNORECASE)
# Sentences of our own, or words of the gateway's, of which there may be more tomorrow.
FREE = {
    "healthStatus",
    "fraudStatus",
    "paymentType",
    "transaction_status",
    "GatewayStatusOut.status",
    "mimeType",
}
OUR_NOTES = re.compile(
    r"\boriginal's\b|\bfront end\b|\bcontract,|\bdecision \d|\bfault \d|\badr\b|docs/adr", re.IGNORECASE
)


def _texts() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Schema, name and description of every field that is a text and nothing else."""
    for schema, described in DOCUMENT["components"]["schemas"].items():
        for name, field in described.get("properties", {}).items():
            if field.get("type") in ("string", ["string", "null"]):
                yield schema, name, field


def test_enumerated_fields_of_answers_name_their_words() -> None:
    silent = [
        f"{schema}.{name}"
        for schema, name, field in _texts()
        if ENUMERATED.search(name) and "enum" not in field and not {name, f"{schema}.{name}"} & FREE
    ]

    assert silent == []


def test_words_are_those_of_the_program() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    def told(schema: str, name: str) -> Any:
        return schemas[schema]["properties"][name]["enum"]

    assert told("UserOut", "role") == ["ADMINISTRATOR", "USER"]
    assert told("PlanOut", "planType") == ["FREE", "BASIC", "PRO", "PREMIUM", "ENTERPRISE", "MAX"]
    assert {"ACTIVE", "EXPIRED", "CANCELLED"} < set(told("SubscriptionOut", "status"))
    assert {"RUNNING", "STOPPED", "ERROR"} < set(told("InstanceOut", "status"))
    assert "ADMIN_ADJUSTMENT" in told("TransactionOut", "type")
    assert None in told("CouponOut", "discountType")


def test_every_field_has_a_type() -> None:
    untyped = [
        f"{schema}.{name}"
        for schema, described in DOCUMENT["components"]["schemas"].items()
        for name, field in described.get("properties", {}).items()
        if not {"type", "$ref", "anyOf", "allOf", "oneOf", "enum"} & set(field)
    ]

    assert untyped == []


def test_nothing_of_our_own_notes_is_told() -> None:
    said = [
        text
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
        for text in (operation.get("summary", ""), operation.get("description", ""))
    ]
    said += [str(field.get("description", "")) for _, _, field in _texts()]

    assert [text for text in said if OUR_NOTES.search(text)] == []


def test_reads_that_are_refused_for_their_state_say_so() -> None:
    told = DOCUMENT["paths"]["/api/v1/subscriptions/{subscription_id}/billing-info"]["get"]["responses"]

    assert "400" in told


def test_common_parameters_are_explained() -> None:
    common = {
        "page",
        "limit",
        "search",
        "status",
        "sortBy",
        "sortOrder",
        "startDate",
        "endDate",
        "Idempotency-Key",
    }
    silent = [
        (path, parameter["name"])
        for path, item in DOCUMENT["paths"].items()
        for operation in item.values()
        if isinstance(operation, dict)
        for parameter in operation.get("parameters", ())
        if parameter["name"] in common and not parameter.get("description")
    ]

    assert silent == []
