"""The options of a request: who writes and how, and how to delete."""

from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.refusals import bad_request
from minispod.simulator.kubernetes.registry import Writer
from minispod.simulator.kubernetes.removal import DeleteOptions
from minispod.simulator.kubernetes.wire.exchange import Request

VALIDATIONS = ("Strict", "Warn", "Ignore")


def writer_of(request: Request, subresource: str = "", *, quiet: bool = False) -> Writer:
    """Who writes, by the request's options."""
    query = request.query
    agent = request.header("user-agent").split("/")[0].strip()
    manager = query.get("fieldManager") or agent or "unknown"
    if len(manager) > 128:
        raise bad_request("fieldManager may not be longer than 128")
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        raise bad_request(f'dryRun: Unsupported value: "{dry_run}": supported values: "All"')
    validation = query.get("fieldValidation") or ("Ignore" if quiet else "Warn")
    if validation not in VALIDATIONS:
        raise bad_request(
            f'fieldValidation: Unsupported value: "{validation}": supported values: {VALIDATIONS}'
        )
    return Writer(manager, subresource, bool(dry_run), validation)


def delete_options(request: Request) -> DeleteOptions:
    """What the client wants of a deletion, from the body or the query."""
    body: Json = request.content() if request.body else {}
    if not isinstance(body, dict):
        raise bad_request("couldn't get version/kind; json parse error: not an object")
    query = request.query
    grace = body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    if grace is not None and not str(grace).lstrip("-").isdigit():
        raise bad_request(f'gracePeriodSeconds: invalid value "{grace}"')
    conditions = body.get("preconditions") or {}
    policy = body.get("propagationPolicy") or query.get("propagationPolicy")
    if body.get("orphanDependents", query.get("orphanDependents")) in (True, "true"):
        policy = policy or "Orphan"
    return DeleteOptions(
        grace_seconds=int(grace) if grace is not None else None,
        policy=policy,
        uid=conditions.get("uid"),
        resource_version=conditions.get("resourceVersion"),
        dry_run=bool(body.get("dryRun") or query.get("dryRun")),
    )
