"""Act on many instances: what would come of it, the word for it, and how each of them went.

The preview changes nothing and freezes the choice: exactly what it lists is what the form sends.
"""

import uuid
from typing import Any

from flask import request, url_for

from minispod.admin import fleet_filter, guard, pages
from minispod.admin.door import door
from minispod.insights import fleet_lists
from minispod.kernel.ids import new_id, parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions.bulk import queries, requesting
from minispod.subscriptions.bulk.errors import NothingChosen
from minispod.subscriptions.bulk.foreseeing import MOST, foresee
from minispod.subscriptions.bulk.states import BulkAct, ItemState

_FOLLOW_SECONDS = 2
_LOOK_SECONDS = 30


@door.get("/instances/bulk")
def bulk_preview() -> Any:
    """Show which of the chosen instances would be acted on, and why the others would not."""
    act = pages.chosen(BulkAct, "act")
    is_all = request.args.get("all") == "yes"
    wanted = fleet_filter.asked_for()
    # One more than a batch takes: then it is said that there are too many.
    ids = (
        fleet_lists.matching_ids(wanted, limit=MOST + 1)
        if is_all
        else _chosen_ids(request.args.getlist("id"))
    )
    if act is None or not ids:
        return pages.told(NothingChosen.default_message, url_for("panel.instances_list"), "warn")
    found = foresee(act, ids)
    return pages.page_or_fragment(
        "admin/bulk/preview.html",
        "admin/bulk/preview.html",
        act=act,
        taken=[each for each in found if each.refusal is None],
        passed_over=[each for each in found if each.refusal is not None],
        key=new_id(),
        is_all=is_all,
        wanted=fleet_filter.in_address(wanted),
    )


@door.post("/instances/bulk")
def bulk_ask() -> Any:
    """Have the act done with what the preview listed; the same form sent twice is one batch."""
    ports = current_ports()
    given = request.form.get("act", "")
    ids = _chosen_ids(request.form.get("ids", "").split())
    if given not in set(BulkAct) or not ids:
        raise NothingChosen()
    with unit_of_work(ports.courier):
        batch = requesting.ask(
            BulkAct(given),
            ids,
            request_key=parse_id(request.form.get("key", "")),
            actor=guard.actor(),
            at=ports.clock.now(),
        )
    return pages.told("It has begun. This page follows it.", url_for("panel.bulk_batch", batch_id=batch.id))


@door.get("/bulk")
def bulk_list() -> Any:
    """List what was asked for many instances, newest first."""
    found = queries.list_batches(pages.page_request())
    return pages.page_or_fragment("admin/bulk/page.html", "admin/bulk/_list.html", found=found)


@door.get("/bulk/<batch_id>")
def bulk_batch(batch_id: str) -> Any:
    """Show how each instance of a batch went, live."""
    id_ = parse_id(batch_id)
    progress = queries.get_progress(id_)
    state = pages.chosen(ItemState, "state")
    return pages.live_fragment(
        "admin/bulk/batch.html",
        "admin/bulk/_batch.html",
        every=_LOOK_SECONDS if progress.batch.ended_at else _FOLLOW_SECONDS,
        progress=progress,
        found=queries.list_turns(id_, pages.page_request(), state=state),
        state=state,
        states=ItemState,
    )


@door.post("/bulk/<batch_id>/call-off")
def call_off_bulk(batch_id: str) -> Any:
    """Leave alone what has not had its turn."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        batch = requesting.call_off(parse_id(batch_id), actor=guard.actor(), at=ports.clock.now())
    return pages.told(
        "The rest is left alone. What has begun goes on to its end.",
        url_for("panel.bulk_batch", batch_id=batch.id),
    )


def _chosen_ids(given: list[str]) -> list[uuid.UUID]:
    """The ids in what was sent, each once; anything else is passed over."""
    found: dict[uuid.UUID, None] = {}
    for each in given[: MOST + 1]:
        try:
            found[uuid.UUID(each)] = None
        except ValueError:
            continue
    return list(found)
