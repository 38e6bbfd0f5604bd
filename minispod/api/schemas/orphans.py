"""What nobody owns in the cluster, on the wire."""

from marshmallow import fields, validate

from minispod.api.schemas.base import AnswerSchema, BlankEnum, PageQuery, PaginationOut, Timestamp, WireSchema
from minispod.instances.orphan_models import OrphanKind

_REASON = validate.Length(10, 500)


class OrphansQuery(PageQuery):
    """Which are wanted."""

    search = fields.String(load_default="", validate=validate.Length(max=100))
    kind = BlankEnum(OrphanKind, load_default=None)


class OrphanOwnerOut(AnswerSchema):
    """Whose namespace it lies in."""

    id = fields.String()
    name = fields.String()
    email = fields.String()


class OrphanOut(AnswerSchema):
    """One object with our labels that belongs to no instance; `wish` is what was decided about it."""

    id = fields.String(attribute="orphan.id")
    kind = fields.String(attribute="orphan.kind.value")
    namespace = fields.String(attribute="orphan.namespace")
    name = fields.String(attribute="orphan.name")
    size = fields.String(attribute="orphan.size", allow_none=True)
    created_at = Timestamp(attribute="orphan.made_at", allow_none=True)
    first_seen_at = Timestamp(attribute="orphan.first_seen_at")
    last_seen_at = Timestamp(attribute="orphan.last_seen_at")
    wish = fields.Function(
        lambda found: found.orphan.wish and found.orphan.wish.value, metadata={"type": ["string", "null"]}
    )
    error = fields.String(attribute="orphan.error", allow_none=True)
    user = fields.Nested(OrphanOwnerOut, attribute="owner", allow_none=True)
    instance_id = fields.String(attribute="orphan.instance_id", allow_none=True)
    can_adopt = fields.Boolean()


class OrphansOut(AnswerSchema):
    """A page of what nobody owns."""

    orphans = fields.List(fields.Nested(OrphanOut))
    pagination = fields.Nested(PaginationOut)


class OrphanAdoptionIn(WireSchema):
    """Why its instance takes it; the audit trail keeps it."""

    reason = fields.String(required=True, validate=_REASON)


class OrphanRemovalIn(OrphanAdoptionIn):
    """Why it goes; for a volume its name, because the data go with it."""

    confirmed = fields.String(load_default="", validate=validate.Length(max=253))


class AdoptedOut(AnswerSchema):
    """The instance that took it."""

    instance_id = fields.String()
