"""The catalogue on the wire. Environment templates and recipe internals are left out (decision 4)."""

from marshmallow import fields, validate

from minispod.api.schemas.base import AnswerSchema, PageQuery, PaginationOut, Timestamp, WireSchema


class CatalogQuery(PageQuery):
    """Which services are wanted."""

    q = fields.String(load_default="", validate=validate.Length(max=100))
    category = fields.String(load_default=None, validate=validate.Length(max=50))
    featured = fields.Boolean(load_default=None)


class FeaturedQuery(WireSchema):
    """How many featured services are wanted."""

    limit = fields.Integer(load_default=6, validate=validate.Range(min=1, max=20))


class CategoryRefOut(AnswerSchema):
    """A category, as a service names it."""

    id = fields.String()
    name = fields.String()
    slug = fields.String()


class PlanOut(AnswerSchema):
    """A plan for sale."""

    id = fields.String()
    name = fields.String()
    plan_type = fields.String(attribute="plan_type.value")
    description = fields.String(allow_none=True)
    monthly_price = fields.Integer()
    cpu_milli = fields.Integer()
    memory_mb = fields.Integer()
    storage_gb = fields.Integer()
    bandwidth = fields.Integer()
    features = fields.List(fields.String())
    max_instances_per_user = fields.Integer()
    max_domains = fields.Integer()
    total_quota = fields.Integer()
    used_quota = fields.Integer()
    is_popular = fields.Boolean()
    available_quota = fields.Integer(attribute="places_left", dump_only=True)
    is_available = fields.Boolean(attribute="has_places", dump_only=True)


class ServiceOut(AnswerSchema):
    """A service for sale with its plans."""

    id = fields.String()
    name = fields.String()
    slug = fields.String()
    description = fields.String()
    long_description = fields.String(allow_none=True)
    icon = fields.String(allow_none=True)
    version = fields.String()
    docker_image = fields.String()
    default_port = fields.Integer()
    category_id = fields.String()
    tags = fields.List(fields.String())
    documentation = fields.String(allow_none=True)
    is_active = fields.Boolean()
    is_public = fields.Boolean()
    is_featured = fields.Boolean()
    sort_order = fields.Integer()
    created_at = Timestamp()
    updated_at = Timestamp()
    category = fields.Nested(CategoryRefOut)
    plans = fields.List(fields.Nested(PlanOut))


class FeaturedServiceOut(ServiceOut):
    """A featured service with its cheapest plan alone."""

    plans = fields.List(fields.Nested(PlanOut), attribute="cheapest_plans")


class PlanDetailOut(PlanOut):
    """A plan on the page of its service."""

    count = fields.Function(
        lambda plan: {"subscriptions": plan.used_quota},
        data_key="_count",
        metadata={"type": "object", "properties": {"subscriptions": {"type": "integer"}}},
    )


class ServiceDetailOut(ServiceOut):
    """One service on its own page."""

    plans = fields.List(fields.Nested(PlanDetailOut))


class ServicesOut(AnswerSchema):
    """A page of services."""

    services = fields.List(fields.Nested(ServiceOut))
    pagination = fields.Nested(PaginationOut)


class FoundServicesOut(ServicesOut):
    """A page of what was searched for."""

    total_count = fields.Integer()
    has_more = fields.Boolean()


class ServicePlansOut(AnswerSchema):
    """The plans of one service."""

    service_id = fields.String()
    service_name = fields.String()
    service_slug = fields.String()
    plans = fields.List(fields.Nested(PlanOut))


class CategoryCountOut(AnswerSchema):
    """How much a category holds."""

    services = fields.Integer()


class CategoryOut(AnswerSchema):
    """A category with the number of services for sale in it and in those below it."""

    id = fields.String()
    name = fields.String()
    slug = fields.String()
    description = fields.String(allow_none=True)
    parent_id = fields.String(allow_none=True)
    sort_order = fields.Integer()
    created_at = Timestamp()
    updated_at = Timestamp()
    count = fields.Nested(CategoryCountOut, data_key="_count")


class CategoryDetailOut(CategoryRefOut):
    """A category with its description."""

    description = fields.String(allow_none=True)


class CategoryServicesOut(CategoryDetailOut, ServicesOut):
    """A category and a page of its services; clients find the category beside the list and as an object."""

    category = fields.Nested(CategoryDetailOut)
