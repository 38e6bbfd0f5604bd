"""Refusals of the API server: one exception that carries a Kubernetes Status, and its usual shapes.

Texts follow the real server, because callers match on them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.kinds import Resource


class Cause(NamedTuple):
    """One reason of a 422: the kind of fault, its sentence and the field it is about."""

    reason: str
    message: str
    field: str


class Refusal(Exception):
    """The request is answered with a failure Status."""

    def __init__(
        self,
        code: int,
        reason: str | None,
        message: str,
        details: Json | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after

    def status(self) -> Json:
        """The Status object that goes on the wire."""
        body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


def subject(resource: Resource, name: str) -> Json:
    """The details that name an object by its resource."""
    details: Json = {"name": name}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.plural
    return details


def not_found(resource: Resource, name: str) -> Refusal:
    """No object of that name."""
    return Refusal(404, "NotFound", f'{resource.qualified} "{name}" not found', subject(resource, name))


def no_such_path() -> Refusal:
    """The path names nothing this server knows."""
    return Refusal(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(resource: Resource, name: str) -> Refusal:
    """The name is taken."""
    message = f'{resource.qualified} "{name}" already exists'
    return Refusal(409, "AlreadyExists", message, subject(resource, name))


def conflict(resource: Resource, name: str, why: str | None = None) -> Refusal:
    """The writer looked at an older version."""
    text = (
        why or "the object has been modified; please apply your changes to the latest version and try again"
    )
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {text}'
    return Refusal(409, "Conflict", message, subject(resource, name))


def forbidden(resource: Resource, name: str, why: str, causes: Sequence[Cause] = ()) -> Refusal:
    """Admission said no."""
    details = subject(resource, name)
    if causes:
        details["causes"] = [_cause(cause) for cause in causes]
    return Refusal(403, "Forbidden", f'{resource.qualified} "{name}" is forbidden: {why}', details)


def bad_request(message: str) -> Refusal:
    """The request cannot be understood."""
    return Refusal(400, "BadRequest", message)


def expired(message: str) -> Refusal:
    """The asked-for past is no longer kept."""
    return Refusal(410, "Expired", message)


def unauthorized() -> Refusal:
    """No bearer token, or not ours."""
    return Refusal(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> Refusal:
    """The resource does not know the verb."""
    message = "the server does not allow this method on the requested resource"
    return Refusal(405, "MethodNotAllowed", message, {})


def unsupported_media_type(sent: str, accepted: Sequence[str]) -> Refusal:
    """The body has a form this request does not take."""
    message = (
        f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
        if accepted
        else f"unsupported media type {sent}"
    )
    return Refusal(415, "UnsupportedMediaType", message, {})


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> Refusal:
    """The object breaks rules; every broken rule is listed."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    told = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    qualified = f"{kind}.{group}" if group else kind
    details: Json = {"name": name} if name else {}
    if group:
        details["group"] = group
    details |= {"kind": kind, "causes": [_cause(cause) for cause in causes]}
    return Refusal(422, "Invalid", f'{qualified} "{name}" is invalid: {told}', details)


def _cause(cause: Cause) -> Json:
    return {"reason": cause.reason, "message": cause.message, "field": cause.field}


def required(field: str, hint: str = "") -> Cause:
    """A field must be given."""
    return Cause("FieldValueRequired", f"Required value: {hint}" if hint else "Required value", field)


def invalid_value(field: str, shown: str, why: str) -> Cause:
    """A field's value breaks a rule."""
    return Cause("FieldValueInvalid", f"Invalid value: {shown}: {why}", field)


def unsupported_value(field: str, value: str, supported: Sequence[str]) -> Cause:
    """A field takes one of a few values, and this is none of them."""
    listed = ", ".join(f'"{choice}"' for choice in supported)
    message = f'Unsupported value: "{value}": supported values: {listed}'
    return Cause("FieldValueNotSupported", message, field)


def duplicate(field: str, value: str) -> Cause:
    """A list that must not repeat itself does."""
    return Cause("FieldValueDuplicate", f'Duplicate value: "{value}"', field)
