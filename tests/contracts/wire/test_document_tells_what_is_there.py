"""The document tells which keys of an answer are always there: all of them, but for those that are named here."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "docs" / "openapi.json").read_text(encoding="utf-8")
)
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
# One more here is a promise less to all clients.
SOMETIMES = {
    "AdjustmentOut": {"customId", "decidedBy"},
    "BulkResultOut": {"adjustmentId", "code", "customId", "error", "status", "transactionId"},
    "CancelRefundOut": {"reason", "transactionId"},
    "CorrectedUserOut": {"totalSpent", "totalTopUp"},
    "EditActionOut": {"reason"},
    "HealthCheckOut": {"error", "results", "timestamp"},
    # What each of the jobs tells, by its name.
    "JobResultOut": set(SCHEMAS["JobResultOut"]["properties"]),
    "OneOfManyOut": {"code", "error"},
    "OrderedOut": {"discount", "freeService"},
    "Problem": {"data", "errors"},
    "ProfileOut": {"viewing"},
    "RepricedPlanOut": {"priceChange"},
    "SignedInOut": {"viewing"},
    "TransactionStateOut": {"midtransStatus"},
    "UpgradeOfferOut": {"reason"},
}


def named(node: Any) -> Iterator[str]:
    """The schemas that a part of the document names itself."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].rpartition("/")[2]
        for value in node.values():
            yield from named(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from named(value)


def reached(*parts: Any) -> set[str]:
    """All schemas that parts of the document lead to."""
    found: set[str] = set()
    ahead = set(named(parts))
    while ahead:
        name = ahead.pop()
        if name in SCHEMAS and name not in found:
            found.add(name)
            ahead |= set(named(SCHEMAS[name]))
    return found


OPERATIONS = [
    operation
    for item in DOCUMENT["paths"].values()
    for operation in item.values()
    if isinstance(operation, dict)
]
ANSWERS = reached(DOCUMENT["components"]["responses"], *(each["responses"] for each in OPERATIONS))
REQUESTS = reached(*((each.get("requestBody"), each.get("parameters")) for each in OPERATIONS))


def test_answers_require_their_keys() -> None:
    told = {
        name: missing
        for name in ANSWERS
        if (missing := set(SCHEMAS[name]["properties"]) - set(SCHEMAS[name].get("required", ())))
    }

    assert len(ANSWERS) > 400
    assert told == SOMETIMES


def test_no_schema_is_of_requests_and_answers() -> None:
    assert len(REQUESTS) > 50
    assert ANSWERS.isdisjoint(REQUESTS)


def test_requests_require_what_the_program_demands() -> None:
    assert SCHEMAS["RegisterIn"]["required"] == ["email", "name", "password"]
    assert SCHEMAS["OrderIn"]["required"] == ["planId"]
    assert "required" not in SCHEMAS["ProfileIn"]


def test_null_is_told_beside() -> None:
    subscription = SCHEMAS["SubscriptionOut"]

    assert "nextBilling" in subscription["required"]
    assert subscription["properties"]["nextBilling"]["type"] == ["string", "null"]
    assert subscription["properties"]["endDate"]["type"] == "string"
    assert {"type": "null"} in SCHEMAS["InstanceOut"]["properties"]["connection"]["anyOf"]
