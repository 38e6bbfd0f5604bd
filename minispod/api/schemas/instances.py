"""What an owner sets of an instance, on the wire: environment and credentials."""

from marshmallow import fields, validate

from minispod.api.schemas.base import AnswerSchema, Timestamp, WireSchema
from minispod.api.schemas.subscriptions import InstanceOut


class TextsOut(AnswerSchema):
    """One text in both languages."""

    en = fields.String()
    id = fields.String()


class EnvironmentOfferOut(AnswerSchema):
    """A value that the application offers to be set; `pattern` is the form it must have."""

    name = fields.String()
    description = fields.Nested(TextsOut)
    pattern = fields.String(allow_none=True)
    is_set = fields.Boolean()


class EnvironmentChangeOut(AnswerSchema):
    """The newest change: APPLYING until the instance ran with it, then APPLIED; UNDONE when it did not come up."""

    state = fields.String()
    changed_at = Timestamp()
    names_before = fields.List(fields.String())
    error = fields.String(allow_none=True)


class EnvironmentOut(AnswerSchema):
    """What is set by name, never by value, and what may be set; `takesMore` says whether further names may be added."""

    names = fields.List(fields.String())
    offers = fields.List(fields.Nested(EnvironmentOfferOut))
    takes_more = fields.Boolean()
    most_values = fields.Integer()
    longest_value = fields.Integer()
    last_change = fields.Nested(EnvironmentChangeOut, allow_none=True)


class EnvironmentIn(WireSchema):
    """Values to set by name; null takes one out, what is not mentioned stays."""

    values = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 100)),
        values=fields.String(allow_none=True),
        required=True,
        validate=validate.Length(1, 100),
    )


class EnvironmentChangedOut(AnswerSchema):
    """The instance in the state that the change brought it into, and its environment."""

    instance = fields.Nested(InstanceOut)
    environment = fields.Nested(EnvironmentOut)


class EnvironmentValuesOut(AnswerSchema):
    """The values an owner set, by name."""

    values = fields.Dict(keys=fields.String(), values=fields.String())


class RotationOut(AnswerSchema):
    """The newest change of a credential: ASKED, DONE or FAILED; a failed one left the old value in force."""

    state = fields.String(attribute="state.value")
    asked_at = Timestamp()
    settled_at = Timestamp(allow_none=True)
    error = fields.String(allow_none=True)


class CredentialOut(AnswerSchema):
    """One generated credential, without its value; `canRotate` says whether it can be changed here."""

    name = fields.String()
    can_rotate = fields.Boolean()
    rotation = fields.Nested(RotationOut, allow_none=True)


class CredentialsOut(AnswerSchema):
    """The generated credentials of an instance."""

    credentials = fields.List(fields.Nested(CredentialOut))
