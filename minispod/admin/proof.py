"""The proof that money adds up: the last runs, what each found, one more run, and the repairs that are safe."""

from typing import Any

from flask import url_for

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.languages import gettext as _
from minispod.insights import proofs
from minispod.kernel.faultpoints import Step
from minispod.kernel.ids import parse_id
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.proof import asking, history, repairs

_RUNS = 10
_FIRST = 25
_LOOK_SECONDS = 3


@door.get("/money/proof")
def proof() -> Any:
    """The last runs and what the newest found; follows a run that is under way."""
    run = history.latest()
    return pages.live_fragment(
        "admin/money/proof.html",
        "admin/money/_proof.html",
        every=_LOOK_SECONDS,
        run=run,
        runs=history.list_runs(PageRequest(1, _RUNS)).items,
        found=proofs.list_differences(run.id, PageRequest(1, _FIRST)) if run else None,
        is_asked=asking.is_asked(),
    )


@door.get("/money/proof/<run_id>")
def proof_run(run_id: str) -> Any:
    """One run with everything it kept."""
    run = history.get_run(parse_id(run_id))
    return pages.page_or_fragment(
        "admin/money/proof_run.html",
        "admin/money/_differences.html",
        run=run,
        found=proofs.list_differences(run.id, pages.page_request()),
    )


@door.post("/money/proof")
def prove_now() -> Any:
    """Have the proof run at once, as a job."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        asking.ask(actor=guard.actor(), at=ports.clock.now())
    return pages.told(_("The proof is under way; its result appears here."), url_for("panel.proof"))


@door.post("/money/proof/differences/<difference_id>/repair")
def repair_difference(difference_id: str) -> Any:
    """Repair one difference; what has changed since is said in a sentence."""
    ports = current_ports()
    with unit_of_work(ports.courier, Step.REPAIR_DIFFERENCE):
        repairs.repair(parse_id(difference_id), actor=guard.actor(), at=ports.clock.now())
    return pages.told(_("Repaired. The proof runs once more."), url_for("panel.proof"))
