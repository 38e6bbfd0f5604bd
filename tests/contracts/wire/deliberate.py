"""The reviewed list: where our answers differ from the recorded ones on purpose, and who says so.

Each entry cites a decision, a fault of the original or a section of the contract. A difference that is not
here fails its replay, and so does an entry whose difference is gone.
"""

import re
from dataclasses import dataclass

from tests.contracts.wire import deliberate_tickets

# Below these paths the original dumps whatever it stored; what the front end reads there is asserted apart.
OPAQUE = {
    "data.transactions[].metadata": "frontend C2: trimmed to safe keys",
    "data.redemptions[].metadata": "backend 3: what a use went into differs with the kind of coupon",
}

# Keys that may be null although no recording happens to show it.
NULLABLE = {
    "phone": "frontend A1: phone is optional",
}

# Keys of ours beside theirs, wherever they occur; clients ignore what they do not know.
ADDITIONS = {
    r"(code|errors|requestId)": "decision 2: extra keys of every error",
    r"(statusCode|timestamp)": "contract README 2: the two the original forgets, harmless",
    r"data": "contract README 2: some errors carry facts as data",
    r"data\.pagination(\.\w+)?": "contract README 3: one superset of all five shapes",
    r"data\.queued": "fault 49: what is too much for one request goes on in the one place that bills",
    r"data\.(subscriptionAnalytics\.summary\.)?monthlyRecurringRevenue": (
        "backend 7: the recurring revenue of the statistics, everywhere the same"
    ),
    r"data\.dashboardAnalytics\.summary\.netRevenue30d": "fault 20: what of the revenue stays after refunds",
    r"data\.totalPages": "frontend C2: the front end reads it beside the list",
    r"data\.user\.(creditBalance|totalTopUp|totalSpent|googleId|isGoogleUser|emailVerified)": (
        "backend 1: registration answers the same user as login"
    ),
    r"data\.refreshToken": "decision 39: refresh tokens rotate",
    r"data\.wallet\.gatewayDebt": "decision 14: what the gateway took back after it was spent",
    r"data\.transaction\.(fee|payableAmount)": "decision 16: what the customer pays on top of the credit",
    r"data\.statistics\.balances\.totalDebt": "decision 14: what customers owe, in sum",
    r"data\.walletOverview\.users\[\]\.gatewayDebt": "decision 14: what the gateway took back after it was spent",
    r"data\.walletOverview\.pagination\.\w+": "contract README 3: one superset of all five shapes",
    r"data\.transaction\.(id|customId|type)": "fault 19: most keys of a correction come out undefined there",
    r"data\.user\.gatewayDebt": "decision 14: a correction may have to be owed",
    r"data\.adjustment": "fault 19: who corrected a wallet, and why, is on record",
    r"data\.results\[\]\.(transactionId|customId)": "fault 19: these come out undefined there",
    r"data\.results\[\]\.(status|adjustmentId)|data\.summary\.pending": (
        "fault 19: who corrected a wallet is on record, and what waits for a second person is said"
    ),
    r"data\.services\[\]\.category\.id": "backend 2: a category is named with its id",
    r"data(\[\]|\.service\.category)\.parentId": "backend 2: categories are hierarchical, and kept by administrators",
    r"data\.(service|services\[\])\.hasRecipe": "decision 4: what a service runs is its recipe, which stays inside",
    r"data\.(plan|plans\[\]|services\[\]\.plans\[\]|updatedPlans\[\])\.isPriceForAll": (
        "decision 10: whether existing customers come to a price too is chosen"
    ),
    r"data\.plan\.service\.id": "backend 9: a plan names its service with its id",
    r"data\.(plan|plans\[\])\.utilization": "frontend L1: each plan as in the list of services",
    r"data\.priceChange": "decision 10: what a new price means for existing customers is said",
    r"data\.category": "backend 2: the text has the category as an object, the recording beside the list",
    r"data\.validation\.coupon": "backend 3: one shape for every code that is refused",
    r"data\.redemptions\[\]\.returnedAt": "decision 13: what never ran gives its coupon back",
    **deliberate_tickets.ADDITIONS,
    r"data\.isReactivation": "frontend E2: says whether an expired subscription was taken up",
    r"data\.(discountAmount|finalAmount|isFreeService|originalAmount)": "frontend E2: the same keys on reactivation",
    r"data\.(subscription|subscriptions\[\])\.(service|plan|instances|_count)": (
        "decision 12: a subscription is never without its instance, service and plan"
    ),
    r"data\.(subscription|subscriptions\[\])\.(service|plan)\.\w+": (
        "frontend E5: every answer has the service and plan of the detail page"
    ),
    r"data\.subscriptions\[\]\.user\.avatar": "frontend I1: the front end reads it",
    r"data\.refund\.transactionIds": "decision 13: a refund of several charges has an entry for each",
    r"data\.subscription\.transactions\[\]\.(customId|invoiceId|invoiceNumber|status)": (
        "frontend E3: the history reads them"
    ),
    r"data\.(transaction|transactions\[\])\.(invoiceId|invoiceNumber)": "frontend C2: each transaction names its paper",
    r"data(\.subscription)?\.billingInfo\.(nextChargeAmount|gracePeriodEnd)": (
        "frontend E5: one billing block for detail and switch"
    ),
}


@dataclass(frozen=True, slots=True)
class Deliberate:
    """One difference, in the words of `shapes.differences`, in the recordings it occurs in."""

    difference: str
    because: str
    recordings: frozenset[str]


def _(difference: str, because: str, *recordings: str) -> Deliberate:
    return Deliberate(difference, because, frozenset(recordings))


LIST = (
    # Accounts
    _("status: 401 instead of 403", "decision 3: an invalid token is 401", "auth__profile_bad_token"),
    _("status: 401 instead of 500", "fault 30: a deactivated account is told so", "auth__login_deactivated"),
    _(
        "status: 409 instead of 500",
        "fault 30: a taken phone is a conflict",
        "auth__register_duplicate_phone",
    ),
    _(
        "status: 409 instead of 201",
        "fault 30: addresses are compared without case",
        "auth__register_email_case_variant",
    ),
    _(
        "status: 201 instead of 400",
        "fault 53: unknown keys are ignored",
        "auth__register_unknown_field",
    ),
    _("status: 200 instead of 400", "fault 53: unknown keys are ignored", "user__profile_put_with_email"),
    _(
        "status: 200 instead of 404",
        "backend 1: the front end's name for the path is an alias",
        "auth__refresh_frontend_path",
    ),
    _(
        "status: 401 instead of 200",
        "fault 28: tokens of deactivated users end at once",
        "wallet__info_as_deactivated_user",
    ),
    _(
        "status: 401 instead of 500",
        "fault 28: tokens of deleted users are worth nothing",
        "wallet__info_as_deleted_user",
    ),
    _("status: 400 instead of 500", "contract README 2: malformed JSON is 400", "generic__malformed_json"),
    *(
        _(
            difference,
            "frontend A2: Google's refusals come in the normal envelope",
            "auth__google_login_unverifiable",
            "auth__google_unlink_none",
        )
        for difference in ("error: missing", "message: added")
    ),
    # User administration
    _(
        "status: 200 instead of 400",
        "frontend H3: without a body it is switched over",
        "admin_users__status_no_body",
    ),
    _(
        "status: 200 instead of 400",
        "frontend H2: the dialog sends the e-mail address, too",
        "admin_users__update_frontend_body_with_email",
    ),
    _(
        "status: 400 instead of 200",
        "fault 56: nobody deactivates or deletes themselves",
        "admin_users__status_self_off",
        "admin_users__delete_self",
    ),
    _(
        "status: 401 instead of 500",
        "fault 28: tokens of deactivated and deleted accounts end at once",
        "admin_users__list_as_deactivated_admin",
        "admin_users__list_as_deleted_admin",
    ),
    # Catalogue
    _("status: 200 instead of 401", "decision 4: the catalogue is public", "catalog__services_no_token"),
    _(
        "status: 200 instead of 500",
        "fault 51: search never works there",
        "catalog__search",
        "catalog__search_empty",
    ),
    _("status: 404 instead of 500", "fault 51: an unknown service is 404", "catalog__service_detail_404"),
    _(
        "data.services[].envTemplate: missing",
        "decision 4: recipe internals never leave the catalogue",
        "catalog__services",
        "catalog__services_paged",
        "catalog__category_services",
    ),
    _("data.envTemplate: missing", "decision 4: recipe internals never leave", "catalog__service_detail"),
    _("data[].envTemplate: missing", "decision 4: recipe internals never leave", "catalog__featured"),
    # Catalogue administration
    _(
        "data.services[].envTemplate: missing",
        "fault 32: default passwords lie in the catalogue there; here the recipe makes secrets",
        "admin_services__list",
        "admin_services__list_filtered",
    ),
    _(
        "data.service.envTemplate: missing",
        "fault 32: default passwords lie in the catalogue there; here the recipe makes secrets",
        "admin_services__create_ok",
        "admin_services__create_second",
        "admin_services__get",
        "admin_services__update",
        "admin_services__toggle",
        "admin_services__toggle_back",
    ),
    _(
        "data.plan.service.envTemplate: missing",
        "fault 32: default passwords lie in the catalogue there; here the recipe makes secrets",
        "admin_quota__plan_update",
    ),
    _(
        "data.quotaDetails.plan.service.envTemplate: missing",
        "fault 32: default passwords lie in the catalogue there; here the recipe makes secrets",
        "admin_quota__plan",
    ),
    _(
        "status: 400 instead of 201",
        "fault 50: a fraction of a gigabyte is stored as none there",
        "admin_services__plan_create_fraction_storage",
    ),
    # Payments
    _(
        "data.transaction.midtransStatus.grossAmount: integer instead of text",
        "contract README 5: money is an integer of rupiah",
        "webhook_stub__status_pending",
    ),
    _(
        "data.transaction.midtransStatus.transactionTime: missing",
        "contract README 5: a time without a zone is never sent",
        "webhook_stub__status_pending",
    ),
    _(
        "status: 403 instead of 200",
        "fault 1: what the gateway did not sign is refused",
        "webhook_stub__forged_settlement_while_pending",
        "webhook_stub__settlement_wrong_signature_replay",
        "webhook_unreachable__wrongly_signed_settlement",
    ),
    _(
        "status: 400 instead of 200",
        "fault 3: a notification without a signature is none",
        "webhook_unreachable__unsigned",
    ),
    # Subscriptions
    _(
        "data.subscription.service.envTemplate: missing",
        "fault 32: default passwords went to every customer",
        "subscriptions__create_ok",
        "subscriptions__create_u3_basic",
        "subscriptions__create_free_plan",
        "subscriptions__create_last_slot",
        "subscriptions__create_reactivates_expired",
        "admin_subscriptions__create_bonus",
        "admin_subscriptions__create_charged",
        "subscriptions__create_with_discount_coupon",
    ),
    _(
        "data.billingInfo.proratedRatio: fraction instead of integer",
        "frontend E7: a share with two decimals; the original's happens to be whole",
        "subscriptions__billing_info",
    ),
    _(
        "status: 201 instead of 500",
        "fault 7: free-service coupons never worked there",
        "subscriptions__create_with_free_service_coupon",
    ),
    _(
        "status: 404 instead of 400",
        "decision 30: a malformed id is 404, as an unknown one",
        "subscriptions__create_bad_plan_id",
        "subscriptions__create_unknown_plan",
        "subscriptions__detail_bad_id",
    ),
    _("status: 409 instead of 503", "decision 3: sold out is 409", "subscriptions__create_quota_full"),
    *(
        _(
            f"data.subscription.{key}: missing",
            "frontend E5: the client merges the block, so the reduced objects are left out",
            "subscriptions__auto_renew_off",
            "subscriptions__auto_renew_on",
        )
        for key in ("service", "plan")
    ),
    _(
        "status: 200 instead of 500",
        "fault 37: a paid subscription has an instance and can be tried again",
        "subscriptions__retry_provisioning_no_k8s",
    ),
    # Controls and instances
    _(
        "status: 400 instead of 404",
        "fault 37: a paid subscription always has an instance; it is not in the state that is asked for",
        "subscriptions__stop_no_k8s",
        "subscriptions__start_no_k8s",
        "subscriptions__restart_no_k8s",
    ),
    _(
        "status: 400 instead of 404",
        "decision 9: an expired instance is there, stopped, with its data",
        "subscriptions__stop_expired",
    ),
    _(
        "status: 409 instead of 503",
        "decision 12: the instance was made with the subscription and is being provisioned",
        "instances__create_no_k8s",
    ),
    _(
        "status: 200 instead of 500",
        "fault 51: the statistics never worked there",
        "admin_subscriptions__stats",
    ),
    # Coupons
    _(
        "status: 409 instead of 400",
        "decision 3: a spent coupon and a duplicate are 409",
        "coupon__redeem_again",
        "admin_coupons__create_duplicate",
    ),
    _(
        "status: 200 instead of 400",
        "fault 8: more than one use per customer is possible",
        "coupon__redeem_two_per_user_second",
    ),
    _("status: 400 instead of 500", "frontend C4: not active is told as such", "coupon__redeem_disabled"),
    _(
        "status: 200 instead of 400",
        "backend 3: 200 even when invalid",
        "coupon__validate_validation",
    ),
    _(
        "status: 200 instead of 400",
        "frontend J3: the whole form comes back on edit",
        "admin_coupons__update_frontend_body",
    ),
    # Wallet
    _(
        "status: 503 instead of 500",
        "decision 31: one mapping; an outside party that is silent is 503",
        "wallet__topup_frontend_body",
        "wallet__topup_midtrans_unreachable",
    ),
    _(
        "status: 200 instead of 400",
        "contract README 6: every type and status of the enumerations can be asked for",
        "wallet__transactions_coupon_filter",
        "wallet__transactions_refunded_filter",
    ),
    _(
        "status: 200 instead of 404",
        "frontend C2: the front end's table has this path",
        "wallet__transaction_get_by_id_frontend_path",
    ),
    # Wallet administration
    _("status: 200 instead of 500", "fault 51: a user's wallet never opens there", "admin_wallets__user"),
    _("status: 404 instead of 500", "fault 51: an unknown user is 404", "admin_wallets__user_404"),
    *(_(*entry) for entry in deliberate_tickets.LIST),
)


def deliberate(recording: str) -> frozenset[str]:
    """The differences that must be found in our answer to this recording."""
    return frozenset(each.difference for each in LIST if recording in each.recordings)


def is_addition(difference: str) -> bool:
    """Whether this is a key of ours beside theirs that the list knows."""
    path, _, what = difference.rpartition(": ")
    return what == "added" and any(re.fullmatch(pattern, path) for pattern in ADDITIONS)
