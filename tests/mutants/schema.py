"""Mutants of the database: one key, unique rule, check or trigger of a money table dropped after the migrations."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import CheckConstraint, Enum, Table, UniqueConstraint

from minispod import tables
from minispod.kernel.database import Base

MONEY_TABLES = (
    "wallets",
    "ledger_entries",
    "adjustments",
    "topups",
    "topup_refunds",
    "gateway_notices",
    "subscriptions",
    "periods",
    "plan_changes",
    "refunds",
    "plans",
    "coupons",
    "coupon_redemptions",
    "papers",
    "paper_counters",
    "wallet_snapshots",
    "outbox",
)
APPEND_ONLY = ("ledger_entries",)
TRIGGERS = {
    "ledger_entries_append_only": "ledger_entries",
    "ledger_entries_never_emptied": "ledger_entries",
    "ledger_entries_chained": "ledger_entries",
    "wallet_snapshots_never_rewritten": "wallet_snapshots",
    "papers_never_change": "papers",
}


@dataclass(frozen=True, slots=True)
class SchemaMutant:
    """A statement that takes one protection away."""

    name: str
    statement: str


def schema_mutants() -> Iterator[SchemaMutant]:
    """Every protection of every money table; names of kinds (enums) are no protection of money."""
    assert tables.__doc__  # imported for the models it registers
    for name in MONEY_TABLES:
        yield from _of(Base.metadata.tables[name])
    for trigger, name in TRIGGERS.items():
        yield SchemaMutant(f"trigger {trigger}", f"DROP TRIGGER {trigger} ON {name}")


def _of(table: Table) -> Iterator[SchemaMutant]:
    enums = {f"ck_{table.name}_{each.type.name}" for each in table.columns if isinstance(each.type, Enum)}
    if table.primary_key.columns.keys() != ["id"]:  # a key that says something
        yield _without(table, "key", str(table.primary_key.name))
    for constraint in sorted(table.constraints, key=lambda each: str(each.name)):
        if isinstance(constraint, UniqueConstraint):
            yield _without(table, "unique", str(constraint.name))
        elif isinstance(constraint, CheckConstraint) and constraint.name not in enums:
            yield _without(table, "check", str(constraint.name))
    for index in sorted(table.indexes, key=lambda each: str(each.name)):
        if index.unique:
            yield SchemaMutant(f"unique {index.name}", f"DROP INDEX {index.name}")


def _without(table: Table, kind: str, name: str) -> SchemaMutant:
    return SchemaMutant(f"{kind} {name}", f"ALTER TABLE {table.name} DROP CONSTRAINT {name} CASCADE")
