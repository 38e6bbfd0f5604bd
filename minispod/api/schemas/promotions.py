"""Coupons on the wire: as customers use them and as administrators keep them."""

from typing import Any

from marshmallow import fields, validate

from minispod.api.schemas.base import (
    AnswerSchema,
    Blank,
    BlankEnum,
    BlankInteger,
    PageQuery,
    PaginationOut,
    Timestamp,
    WireSchema,
)
from minispod.api.schemas.wallet import BoughtOut, WireTime
from minispod.catalog.models import PlanType
from minispod.insights.redemptions import Span
from minispod.promotions.states import CouponStatus, CouponType, DiscountType, normal_code

_MOST_IDS = 100


class CouponCode(fields.String):
    """A code as people type it; read in capitals without blanks around it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=True, **kwargs)
        self.validators = [
            validate.Length(3, 50),
            validate.Regexp(
                r"[A-Z0-9_-]+\Z", error="can only contain letters, numbers, hyphens, and underscores"
            ),
        ]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        return normal_code(text) if text and text.isascii() else str(text)


class StatusWord(BlankEnum):
    """A coupon status; INACTIVE is the front end's word for DISABLED (decision 6)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(CouponStatus, **kwargs)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        """Read the word; see the class."""
        return super().deserialize(
            CouponStatus.DISABLED.value if value == "INACTIVE" else value, attr, data, **kwargs
        )


class RedeemIn(WireSchema):
    """Which coupon becomes credit."""

    coupon_code = CouponCode()


class ValidateIn(WireSchema):
    """Which coupon is looked at, and what it would be used for. What looks like no code, or no id, names nothing."""

    coupon_code = fields.String(required=True)
    service_id = Blank(load_default=None)
    subscription_amount = BlankInteger(load_default=None, validate=validate.Range(0, 10**12))


class RedemptionOut(AnswerSchema):
    """What came of a coupon for the wallet."""

    success = fields.Constant(True)
    redemption_id = fields.String()
    coupon_code = fields.String()
    coupon_name = fields.String()
    credit_amount = fields.Integer()
    description = fields.String()
    transaction_id = fields.String()
    new_balance = fields.Integer()


class RedeemedOut(AnswerSchema):
    """A redeemed coupon."""

    redemption = fields.Nested(RedemptionOut)


class CouponServiceOut(AnswerSchema):
    """The service a coupon is for."""

    id = fields.String()
    name = fields.String()
    slug = fields.String()


class UsageOut(AnswerSchema):
    """How often a coupon was and may be used; null is without limit."""

    used = fields.Integer()
    max_uses = fields.Integer(allow_none=True)
    user_used = fields.Integer()
    max_per_user = fields.Integer()


class LookedAtOut(AnswerSchema):
    """A coupon as a customer may see it."""

    id = fields.String()
    code = fields.String()
    name = fields.String()
    description = fields.String(allow_none=True)
    type = fields.String(attribute="type.value")
    discount_type = fields.Enum(DiscountType, by_value=True, allow_none=True)
    potential_value = fields.Integer()
    value_description = fields.String()
    service = fields.Nested(CouponServiceOut, allow_none=True)
    valid_until = Timestamp(allow_none=True)
    usage_info = fields.Nested(UsageOut)


class ValidationOut(AnswerSchema):
    """Whether a coupon could be used now."""

    valid = fields.Boolean()
    error = fields.String(allow_none=True)
    coupon = fields.Nested(LookedAtOut, allow_none=True)


class ValidatedOut(AnswerSchema):
    """A coupon that was looked at."""

    validation = fields.Nested(ValidationOut)


class CouponBriefOut(AnswerSchema):
    """A coupon in short."""

    id = fields.String()
    code = fields.String()
    name = fields.String()
    type = fields.String(attribute="type.value")
    discount_type = fields.Enum(DiscountType, by_value=True, allow_none=True)


class CouponEntryOut(AnswerSchema):
    """The ledger entry a coupon brought."""

    id = fields.String()
    custom_id = fields.String()
    status = fields.Constant("COMPLETED")


class HistoryQuery(PageQuery):
    """Which of one's redemptions are wanted."""

    type = BlankEnum(CouponType, load_default=None)


class UseOut(AnswerSchema):
    """One redemption with what it went into."""

    id = fields.String(attribute="redemption.id")
    coupon_id = fields.String(attribute="redemption.coupon_id")
    user_id = fields.String(attribute="redemption.user_id")
    redemption_type = fields.String(attribute="redemption.type.value")
    credit_amount = fields.Integer(attribute="redemption.credit_amount", allow_none=True)
    discount_amount = fields.Integer(attribute="redemption.discount_amount", allow_none=True)
    transaction_id = fields.String(attribute="redemption.entry_id", allow_none=True)
    subscription_id = fields.String(attribute="redemption.subscription_id", allow_none=True)
    metadata = fields.Dict(attribute="redemption.details", keys=fields.String())
    redeemed_at = Timestamp(attribute="redemption.redeemed_at")
    returned_at = Timestamp(attribute="redemption.returned_at", allow_none=True)
    transaction = fields.Nested(CouponEntryOut, attribute="entry", allow_none=True)
    subscription = fields.Nested(BoughtOut, allow_none=True)


class OwnUseOut(UseOut):
    """One of one's own redemptions."""

    coupon = fields.Nested(CouponBriefOut, attribute="redemption.coupon")


class HistoryOut(AnswerSchema):
    """A page of one's own redemptions."""

    redemptions = fields.List(fields.Nested(OwnUseOut))
    pagination = fields.Nested(PaginationOut)


class CouponTermsIn(WireSchema):
    """The terms of a coupon; the rules behind them are the domain's."""

    name = fields.String()
    description = Blank()
    type = fields.Enum(CouponType, by_value=True)
    status = StatusWord()
    credit_amount = BlankInteger()
    discount_type = BlankEnum(DiscountType)
    discount_percent = BlankInteger()
    max_uses = BlankInteger()
    max_uses_per_user = BlankInteger()
    service_id = Blank(validate=validate.Length(max=64))
    plan_type = BlankEnum(PlanType)
    valid_from = WireTime(allow_none=True)
    valid_until = WireTime(allow_none=True, is_end=True)


class CouponIn(CouponTermsIn):
    """A new coupon."""

    code = CouponCode()
    name = fields.String(required=True)
    type = fields.Enum(CouponType, by_value=True, required=True)


class CouponsQuery(PageQuery):
    """Which coupons are wanted."""

    status = StatusWord(load_default=None)
    type = BlankEnum(CouponType, load_default=None)
    service_id = Blank(load_default=None)
    search = Blank(load_default=None, validate=validate.Length(max=100))


class RedemptionCountOut(AnswerSchema):
    """How often a coupon was redeemed, given back or not."""

    redemptions = fields.Integer()


class CouponOut(AnswerSchema):
    """A coupon as administrators see it."""

    id = fields.String()
    code = fields.String()
    name = fields.String()
    description = fields.String(allow_none=True)
    type = fields.String()
    status = fields.String()
    credit_amount = fields.Integer(allow_none=True)
    discount_type = fields.String(allow_none=True)
    discount_percent = fields.Integer(allow_none=True)
    max_uses = fields.Integer(allow_none=True)
    used_count = fields.Integer()
    max_uses_per_user = fields.Integer()
    service_id = fields.String(allow_none=True)
    plan_type = fields.String(allow_none=True)
    valid_from = Timestamp()
    valid_until = Timestamp(allow_none=True)
    created_by = fields.String()
    created_at = Timestamp()
    updated_at = Timestamp()
    service = fields.Nested(CouponServiceOut, allow_none=True)


class CountedCouponOut(CouponOut):
    """A coupon in the list."""

    count = fields.Nested(RedemptionCountOut, data_key="_count")


class CouponsOut(AnswerSchema):
    """A page of coupons."""

    coupons = fields.List(fields.Nested(CountedCouponOut))
    pagination = fields.Nested(PaginationOut)


class CouponOneOut(AnswerSchema):
    """One coupon."""

    coupon = fields.Nested(CouponOut)


class RedeemerOut(AnswerSchema):
    """Who redeemed."""

    id = fields.String()
    name = fields.String()
    email = fields.String()


class StaffUseOut(UseOut):
    """One use of a coupon."""

    user = fields.Nested(RedeemerOut)


class CouponDetailOut(CountedCouponOut):
    """A coupon with its newest uses."""

    redemptions = fields.List(fields.Nested(StaffUseOut))


class CouponDetailsOut(AnswerSchema):
    """One coupon in full."""

    coupon = fields.Nested(CouponDetailOut)


class BulkStatusIn(WireSchema):
    """Which coupons are switched to which status."""

    coupon_ids = fields.List(
        fields.String(validate=validate.Length(1, 64)), required=True, validate=validate.Length(1, _MOST_IDS)
    )
    status = StatusWord(required=True, allow_none=False)


class UpdatedCountOut(AnswerSchema):
    """How many were found and switched."""

    updated_count = fields.Integer()


class StatisticsQuery(WireSchema):
    """Which period is wanted."""

    period = fields.Enum(Span, by_value=True, load_default=Span.MONTH)


class CouponFiguresOut(AnswerSchema):
    """Coupons and redemptions in numbers."""

    total_coupons = fields.Integer()
    active_coupons = fields.Integer()
    expired_coupons = fields.Integer()
    used_up_coupons = fields.Integer()
    total_redemptions = fields.Integer()
    period_redemptions = fields.Integer()


class TopCouponOut(AnswerSchema):
    """One of the coupons used most."""

    id = fields.String()
    code = fields.String()
    name = fields.String()
    type = fields.String(attribute="type.value")
    used_count = fields.Integer()
    max_uses = fields.Integer(allow_none=True)


class FiguresOut(AnswerSchema):
    """The figures of a period."""

    overview = fields.Nested(CouponFiguresOut)
    top_coupons = fields.List(fields.Nested(TopCouponOut))
    redemptions_by_type = fields.Dict(keys=fields.String(), values=fields.Integer())
    period = fields.String()
    start_date = Timestamp()
    end_date = Timestamp()


class CouponStatisticsOut(AnswerSchema):
    """Figures of all coupons."""

    statistics = fields.Nested(FiguresOut)
