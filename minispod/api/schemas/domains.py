"""Custom domains on the wire."""

from marshmallow import fields, validate

from minispod.api.schemas.base import AnswerSchema, Blank, Timestamp, WireSchema
from minispod.instances.domains.states import CertificateStatus, DomainStatus, ProblemCode

_STATUSES = validate.OneOf([each.value for each in DomainStatus if each is not DomainStatus.REMOVED])


class DomainIn(WireSchema):
    """Which domain is added."""

    host = fields.String(
        required=True,
        validate=validate.Length(1, 300),
        metadata={"description": "The name only", "examples": ["shop.example.com"]},
    )


class RestartIn(WireSchema):
    """Whether the application may restart, where it is told its new address."""

    confirm_restart = fields.Boolean(
        load_default=False, metadata={"description": "Needed when `restartsOnChange` is true"}
    )


class PrimaryIn(RestartIn):
    """Which address is to be the primary one."""

    domain_id = Blank(
        load_default=None,
        validate=validate.Length(max=64),
        metadata={"description": "An active domain; null for the instance's own host"},
    )


class SentencesOut(AnswerSchema):
    """The same sentence in both languages."""

    en = fields.String()
    id = fields.String()


class ProblemOut(AnswerSchema):
    """What keeps a domain from working."""

    code = fields.String(validate=validate.OneOf([each.value for each in ProblemCode]))
    sentence = fields.Nested(SentencesOut)


class RecordOut(AnswerSchema):
    """A DNS record that the customer sets."""

    type = fields.String(validate=validate.OneOf(["TXT", "CNAME", "A", "AAAA"]))
    name = fields.String()
    value = fields.String()


class CertificateOut(AnswerSchema):
    """What is known of a domain's certificate; `message` is the issuer's own words."""

    status = fields.String(validate=validate.OneOf([each.value for each in CertificateStatus]))
    since = Timestamp(allow_none=True)
    message = fields.String(allow_none=True)


class DomainOut(AnswerSchema):
    """One custom domain; all of `records` must be set, of CNAME and A/AAAA one kind."""

    id = fields.String()
    host = fields.String()
    display_host = fields.String(metadata={"description": "The host in its own script"})
    url = fields.String()
    status = fields.String(validate=_STATUSES)
    status_since = Timestamp()
    is_primary = fields.Boolean()
    records = fields.List(fields.Nested(RecordOut))
    problems = fields.List(fields.Nested(ProblemOut))
    certificate = fields.Nested(CertificateOut, allow_none=True)
    checked_at = Timestamp(allow_none=True)
    next_check_at = Timestamp(allow_none=True)
    verified_at = Timestamp(allow_none=True)
    grace_until = Timestamp(allow_none=True)
    created_at = Timestamp()


class DomainsOut(AnswerSchema):
    """The addresses of an instance."""

    own_host = fields.String()
    primary_host = fields.String()
    primary_url = fields.String()
    max_domains = fields.Integer()
    used_domains = fields.Integer()
    restarts_on_change = fields.Boolean(
        metadata={"description": "Whether another primary address restarts the application"}
    )
    domains = fields.List(fields.Nested(DomainOut))


class DomainOneOut(AnswerSchema):
    """One custom domain."""

    domain = fields.Nested(DomainOut)
