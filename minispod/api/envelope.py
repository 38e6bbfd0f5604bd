"""The envelope of the wire contract, put around every answer in one place.

`Door.answers` is used instead of flask-smorest's `response`: it documents the enveloped schema and
wraps what the view returns. A view returns data, or `Answer` when message or status vary.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from json import JSONDecodeError
from typing import Any

import flask_smorest
from flask import Request, Response
from marshmallow import Schema, fields
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MultiDict

from minispod.api.schemas.writing import Written

NOTHING: Any = object()
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a view answers when the standing message or status does not fit."""

    data: Any = NOTHING
    message: str | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


def timestamp(at: datetime | None = None) -> str:
    """An instant as the wire wants it: RFC 3339, UTC, milliseconds, Z."""
    at = at or datetime.now(UTC)
    if at.tzinfo is not UTC:  # nearly always it is: what the database tells comes in UTC
        at = at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds")[:-6] + "Z"


def success(data: Any, message: str, status: int) -> dict[str, Any]:
    """The envelope of a success; `data` is left out, not null, when there is nothing."""
    body = {"success": True, "status_code": status, "message": message, "timestamp": timestamp()}
    if data is not NOTHING:
        body["data"] = data
    return body


class _LenientParser(FlaskParser):
    """Reads what clients really send: an empty body with a JSON content type is `{}`, a form is an object.

    A parameter of the query that is blank was not given: a filter that is not chosen filters nothing.
    """

    DEFAULT_VALIDATION_STATUS = 400

    def use_args(self, argmap: Any, *args: Any, **kwargs: Any) -> Any:
        """What the library makes anew for each request is made once."""
        return super().use_args(argmap() if isinstance(argmap, type) else argmap, *args, **kwargs)

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """The parameters of the query that say something."""
        given = MultiDict((name, text) for name, text in req.args.items(multi=True) if text.strip())
        return self._makeproxy(given, schema)

    def _raw_load_json(self, req: Request) -> Any:
        if req.mimetype in FORMS:
            return req.form.to_dict()
        if not req.get_data(cache=True).strip():
            return {}
        try:
            return super()._raw_load_json(req)
        except (ValueError, RecursionError):
            # Not only broken JSON: also what is nested a thousand deep, or a number of thousands of digits.
            raise JSONDecodeError("unreadable", "body", 0) from None


class EnvelopeSchema(Written):
    """What surrounds every success."""

    success = fields.Boolean(required=True)
    status_code = fields.Integer(required=True, data_key="statusCode")
    message = fields.String(required=True)
    timestamp = fields.String(required=True, metadata={"format": "date-time"})


class ProblemSchema(Schema):
    """Every refusal and error: `code` is stable, `message` is for a person, `requestId` finds it in our logs."""

    success = fields.Boolean(required=True, metadata={"examples": [False]})
    status_code = fields.Integer(required=True, data_key="statusCode", metadata={"examples": [400]})
    message = fields.String(required=True, metadata={"examples": ["Insufficient credit balance"]})
    timestamp = fields.String(required=True, metadata={"format": "date-time"})
    code = fields.String(required=True, metadata={"examples": ["wallet.insufficient_credit"]})
    request_id = fields.String(required=True, data_key="requestId", allow_none=True)
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "What is wrong with each field, when the request was invalid"},
    )
    data = fields.Dict(
        metadata={
            "description": "Facts that belong to the refusal",
            "examples": [{"currentBalance": 10000, "requiredAmount": 50000, "shortfall": 40000}],
        }
    )


_enveloped: dict[str, type[Schema]] = {}


def enveloped(schema: type[Schema] | Schema | None) -> type[Schema]:
    """The schema of an answer whose data have `schema` (made once per schema, so that names are unique)."""
    if schema is None:
        return EnvelopeSchema
    instance = schema() if isinstance(schema, type) else schema
    name = type(instance).__name__ + ("List" if instance.many else "") + "Envelope"
    if name not in _enveloped:
        nested = fields.Nested(instance, many=instance.many, required=True)
        _enveloped[name] = type(name, (EnvelopeSchema,), {"data": nested})
    return _enveloped[name]


class Door(flask_smorest.Blueprint):
    """A blueprint of the JSON door."""

    ARGUMENTS_PARSER = _LenientParser()

    def answers(
        self, status: int, schema: type[Schema] | Schema | None = None, *, message: str
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Envelope what the view returns, dump it through `schema` and document both."""

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            @self.response(status, enveloped(schema))
            @wraps(view)
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                result = view(*args, **kwargs)
                if isinstance(result, Response):
                    return result
                if result is None:
                    result = Answer()
                answer = result if isinstance(result, Answer) else Answer(result)
                code = answer.status or status
                return success(answer.data, answer.message or message, code), code, answer.headers

            documented: Callable[..., Any] = wrapped
            return documented

        return decorate
