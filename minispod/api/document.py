"""What every operation of the OpenAPI document says without saying it: its name, its security, and its refusals.

Doors declare what is their own: arguments, answer, summary. What follows from the guard, the path and the method is
added here by rule, for every route there is or will be (docs/adr/0035).
"""

import re
from collections.abc import Iterator
from typing import Any

from apispec import APISpec, BasePlugin
from marshmallow import fields, validate
from werkzeug.routing import Rule

from minispod.api.schemas.base import camel

ABOUT = """\
Ready-to-use applications from your own cluster.

* Every answer is an envelope: `success`, `statusCode`, `message`, `timestamp`, and `data` if there are any. A refusal
  has a stable `code`, and `errors` per field when the request was invalid.
* A key that a schema requires is always there, and null only where its type says so. What a schema does not require is
  left out where it does not apply.
* Sign in with `POST /api/v1/auth/login` and send the access token as `Authorization: Bearer <token>`.
* Money is whole rupiah; times are UTC with milliseconds; ids are opaque strings.
* Lists take `page` and `limit` (at most 100). A blank parameter (`?status=`) is as if it had not been sent.
* `Idempotency-Key` at orders, upgrades, top-ups and coupons: the same request again gets the first answer for a day,
  marked `Idempotent-Replayed: true`.
* `X-Request-ID` may be sent (8 to 64 letters, digits and `._:-`) and is in every answer.
* 429 and 503 say in `Retry-After` after how many seconds to come back. What is counted is told in `X-RateLimit-Limit`,
  `X-RateLimit-Remaining` and `X-RateLimit-Reset`.
* Live over Socket.IO (`/socket.io/`): namespace `/k8s-logs` with `auth` `{token, subscriptionId}` follows the log of an
  instance (`log-start`, `log-data`, `log-error`: one string each); `/status` with `{token}` sends `instance-status`.
* The same tree is under `/api/v1` and `/api`.
"""

_SAFE = frozenset({"get", "head", "options"})
_NAMES_AN_ID = re.compile(r"(^id|Id)s?$")

_ID = "019b1c2e-7d40-7c3a-9f51-2b6d8e0a4c11"
# The first pattern that fits the name of a field says what it looks like.
_LOOKS: tuple[tuple[str, str | int | float], ...] = (
    (r"^(userId|.*[a-z]Id|id|.*By)$", _ID),
    (r"email", "siti@example.com"),
    (r"^(avatar|icon|.*[uU]rl|documentation)$", "https://example.com/picture.png"),
    (r"^(password|.*Password)$", "correct horse battery"),
    (r"phone", "+6281234567890"),
    (r"^(name|userName)$", "Siti Rahma"),
    (r"^(couponCode|code)$", "WELCOME25"),
    (r"^(slug|.*Slug)$", "n8n-automation"),
    (r"^(reason|.*[rR]eason)$", "The customer asked for it"),
    (r"^(subdomain|.*[hH]ost|customDomain)$", "shop.example.com"),
    (r"^(amount|.*(Price|Cost|Balance|Amount|Charge|Credit))$", 50_000),
    (r"^description$", "A few words about it"),
    (r"^namespace$", "user-019b1c2e7d407c3a9f512b6d8e0a4c11"),
    (r"^customId$", "TXMP-101"),
    (r"^invoiceNumber$", "INV-202611-000042"),
    (r"^currency$", "IDR"),
)


# What a parameter means that says nothing of itself; its schema says which values there are.
_TOLD = {
    "page": "Which page, from 1",
    "limit": "How many on a page",
    "search": "Part of a text, in upper or lower case",
    "sortBy": "What the list is sorted by",
    "sortOrder": "Whether it goes up or down",
    "startDate": "Only from then on",
    "endDate": "Only until then; a day is meant to its end",
    "period": "The span the figures are of",
    "status": "Only those with this status",
    "state": "Only those in this state",
    "type": "Only those of this type",
    "kind": "Only those of this kind",
    "priority": "Only those of this priority",
    "role": "Only those with this role",
    "planType": "Only those of this tier",
    "category": "Only those of this category, by its slug",
    "userId": "Only those of this customer",
    "serviceId": "Only those of this service",
    "Idempotency-Key": "A key of your choice: the same request again under it gets the first answer, for a day",
}


class Completing(BasePlugin):
    """Completes each operation as it is added to the document; stands after the plugin that resolves schemas."""

    def init_spec(self, spec: APISpec) -> None:
        """Remember where the schemas are."""
        self._schemas = spec.components.schemas

    def operation_helper(
        self, path: str | None = None, operations: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Give name, security, words about parameters and refusals to the operations of one path."""
        rule: Rule = kwargs["rule"]
        for method, operation in (operations or {}).items():
            operation["operationId"] = camel(re.sub(r"\W", "_", rule.endpoint))
            operation.setdefault("security", [])  # said, not left to be guessed: nobody needs to sign in
            for parameter in operation.get("parameters", ()):
                if parameter.get("name") in _TOLD:
                    parameter.setdefault("description", _TOLD[parameter["name"]])
            for status, name in self._refusals(path or "", method, operation):
                operation["responses"].setdefault(status, name)

    def _refusals(self, path: str, method: str, operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """What an operation may be refused with, by what guards it and what it takes."""
        if operation["security"] and {} not in operation["security"]:
            yield "401", "UNAUTHORIZED"
        if operation.get("x-role"):
            yield "403", "FORBIDDEN"
        if "{" in path or self._takes_ids(operation):
            yield "404", "NOT_FOUND"
        if method not in _SAFE:
            yield "400", "BAD_REQUEST"
            yield "409", "CONFLICT"
            yield "413", "REQUEST_ENTITY_TOO_LARGE"
        yield "429", "TOO_MANY_REQUESTS"
        yield "503", "SERVICE_UNAVAILABLE"

    def _takes_ids(self, operation: dict[str, Any]) -> bool:
        """Whether a parameter or a field of the body names a thing that may not be there."""
        names = [each["name"] for each in operation.get("parameters", ()) if "name" in each]
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = content["schema"].get("$ref", "").rpartition("/")[2]
            names += self._schemas.get(schema, {}).get("properties", {})
        return any(_NAMES_AN_ID.search(name) for name in names)


def example_of(self: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """An example for a field of a schema that has none, by its name; apispec asks for each."""
    if field.metadata.get("examples") or not isinstance(field, fields.String | fields.Integer):
        return {}
    if any(isinstance(check, validate.OneOf) for check in field.validators):
        return {}
    name = field.data_key or field.name or ""
    for pattern, value in _LOOKS:
        if re.search(pattern, name):
            return {"examples": [value]} if isinstance(value, str) == isinstance(field, fields.String) else {}
    return {}


def pattern_of(self: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    r"""The pattern of a field in the words of JSON Schema, which knows no `\Z` and searches instead of matching."""
    patterns = [str(check.regex.pattern) for check in field.validators if isinstance(check, validate.Regexp)]
    if not patterns:
        return {}
    return {"pattern": "^" + patterns[0].removeprefix("^").replace(r"\Z", "$")}
