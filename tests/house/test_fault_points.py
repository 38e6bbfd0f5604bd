"""Every commit of a money path is a named step, so that the crash tests can kill a process on both sides of it.

The doors are read as source: a unit of work that calls into a package that moves money names its step.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from minispod.kernel.faultpoints import Step

PROGRAM = Path(__file__).resolve().parents[2] / "minispod"
DOORS = ("api", "admin", "jobs")
MONEY = ("papers", "wallet", "payments", "promotions", "subscriptions", "onboarding", "proof")
_FROM_MONEY = tuple(f"minispod.{package}" for package in MONEY)
# They change wishes or terms, or send words, or write down what is there; no entry, slot or top-up changes there.
MOVES_NOTHING = {
    "api.billing.download_invoice",
    "admin.subscriptions.extend_subscription",
    "api.staff.subscriptions.extend",
    "admin.wallets.decline_adjustment",
    "api.staff.wallets.decline_adjustment",
    "jobs.wallets.expire_adjustments",
    "jobs.wallets.snapshot_wallets",
    "jobs.paid_time.note_paid_time",
    "admin.promotions.change_coupon",
    "admin.promotions.delete_coupon",
    "admin.promotions.issue_coupon",
    "admin.promotions._switched",
    "api.accounts.log_in",
    "api.google.link",
    "api.google.unlink",
    "api.passwords.change_password",
    "api.staff.users.create_user",
    "api.staff.users.delete_user",
    "api.staff.users._switched",
    "api.staff.promotions.change_coupon",
    "api.staff.promotions.create_coupon",
    "api.staff.promotions.delete_coupon",
    "api.staff.promotions.set_status",
    "api.subscriptions.set_auto_renew",
    "api.own_instances.provision",
    "api.staff.subscription_edits.edit",
    "api.subscriptions.retry",
    "jobs.lifecycle.announce_prices",
    "jobs.lifecycle.fan_out_reminders",
    "jobs.lifecycle.send_reminder",
    "api.staff.charging.set_grace_period",
    "api.staff.charging._remind_of_credit",
    "api.staff.charging._remind_of_grace",
    "admin.proof.prove_now",
    "jobs.proof.prove_money",
    "jobs.proof.fan_out_proof",
    "jobs.housekeeping.clean_up",
    "admin.accounts.block_customer",
    "admin.accounts.delete_customer",
    "admin.administrators.invite_administrator",
    "admin.domains.check_domain",
    "admin.domains.remove_domain",
    "api.domains.add_domain",
    "api.domains.check_domain",
    "api.domains.choose_primary",
    "api.domains.remove_domain",
    "jobs.orphans.resolve_orphan",
    "jobs.sealed.wait_for_key",
    "admin.orphans.adopt_orphan",
    "api.staff.orphans.adopt_orphan",
    "api.operations.back_up",
    "api.operations.reset",
    "api.operations.restore",
    "api.operations.return_to_volume",
    "api.operations.upgrade_version",
    "api.staff.catalog.change_service",
    # Starts, stops and backups are paid for with the subscription.
    "admin.bulk.bulk_ask",
    "admin.bulk.call_off_bulk",
    "jobs.bulk.work_on_batch",
    "jobs.operations.carry_on",
}


def units_of_work() -> Iterator[tuple[str, ast.Call, bool]]:
    """Each unit of work in a door: where it is, its call, and whether it calls into a package with money."""
    for door in DOORS:
        for path in sorted((PROGRAM / door).rglob("*.py")):
            tree = ast.parse(path.read_text())
            ours = set(money_names(tree))
            name = ".".join(path.relative_to(PROGRAM).with_suffix("").parts)
            for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
                for block in (node for node in ast.walk(function) if isinstance(node, ast.With)):
                    for item in block.items:
                        call = item.context_expr
                        if isinstance(call, ast.Call) and ast.unparse(call.func) == "unit_of_work":
                            yield f"{name}.{function.name}", call, bool(ours & names_in(block.body))


def money_names(tree: ast.Module) -> Iterator[str]:
    """The names a module imports from the packages that move money."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_FROM_MONEY):
            yield from (alias.asname or alias.name for alias in node.names)


def names_in(body: list[ast.stmt]) -> set[str]:
    """The plain names that statements mention."""
    return {node.id for each in body for node in ast.walk(each) if isinstance(node, ast.Name)}


def step_of(call: ast.Call) -> str | None:
    """The step a unit of work names, if it does."""
    given = (ast.unparse(each) for each in [*call.args, *(word.value for word in call.keywords)])
    return next((each for each in given if each.startswith("Step.")), None)


def test_every_unit_of_work_that_moves_money_names_its_step() -> None:
    silent = {where for where, call, has_money in units_of_work() if has_money and step_of(call) is None}

    assert silent == MOVES_NOTHING


def test_every_step_is_taken_somewhere() -> None:
    taken = {
        f"Step.{step.name}"
        for step in Step
        for path in PROGRAM.rglob("*.py")
        if f"Step.{step.name}" in path.read_text()
    }

    assert taken == {f"Step.{step.name}" for step in Step}
