"""The list of mutants is sound; whether tests notice them is asked by `make mutants`."""

import ast
from pathlib import Path

from sqlalchemy.dialects import postgresql

from minispod.catalog import quota
from minispod.kernel import inserting
from minispod.kernel.database import table_of
from minispod.wallet.models import Wallet
from tests.mutants.mutants import Mutant, all_mutants
from tests.mutants.patching import mutated
from tests.mutants.source import SourceMutant
from tests.mutants.weakening import Module, changes, constant_of

SOURCE = """
_OF_ORDER = select(TopUp).where(TopUp.id == bindparam("id")).with_for_update()
_OF_PLAN = update(Plan).where(Plan.id == bindparam("id"))
_TAKE = _OF_PLAN.where(Plan.used < Plan.total)
_DEBIT = update(Wallet).where(Wallet.id == bindparam("id"), or_(may, and_(Wallet.debt == 0, Wallet.credit >= 1)))
_OPEN = insert(Paper).on_conflict_do_nothing()

def act(wish):
    if (repeat := find(wish)) is not None:
        return repeat
    if not covers(wish):
        return False
    if is_live(wish):
        return refuse(wish)
    if wish.size:
        return wish.size
    session().get(Tenancy, 1, with_for_update=True)

def refuse(wish):
    raise Refused()
"""


def named(name: str) -> Mutant:
    return next(each for each in all_mutants() if each.name.startswith(name))


def sql(statement: object) -> str:
    return str(statement.compile(dialect=postgresql.dialect()))  # type: ignore[attr-defined]


def test_every_mutant_has_a_name_of_its_own() -> None:
    names = [each.name for each in all_mutants()]

    assert len(names) == len(set(names))


def test_every_mutant_of_the_source_can_be_read_and_some_test_could_run_it() -> None:
    for each in all_mutants():
        if isinstance(each, SourceMutant):
            ast.parse(each.text)
            assert each.lines.numbers, each.name


def test_what_is_taken_away_where() -> None:
    module = Module(SOURCE, ast.parse(SOURCE))

    found = [
        (each.kind, module.source(each.dropped or each.piece).split("\n")[0], each.instead)
        for node in ast.walk(module.tree)
        for each in changes(node, module)
    ]

    of_a_row = 'update(Wallet).where(Wallet.id == bindparam("id"))'
    assert sorted(found) == sorted(
        [
            ("lock", SOURCE.splitlines()[1].removeprefix("_OF_ORDER = "), SOURCE.splitlines()[1][12:-18]),
            ("condition", "Plan.used < Plan.total", "_OF_PLAN"),
            ("condition", "or_(may, and_(Wallet.debt == 0, Wallet.credit >= 1))", of_a_row),
            ("condition", "Wallet.debt == 0", "and_(Wallet.credit >= 1)"),
            ("condition", "Wallet.credit >= 1", "and_(Wallet.debt == 0)"),
            ("conflict", "insert(Paper).on_conflict_do_nothing()", "insert(Paper)"),
            ("guard", "if (repeat := find(wish)) is not None:", "((repeat := find(wish)) is not None)"),
            ("guard", "if not covers(wish):", "(not covers(wish))"),
            ("guard", "if is_live(wish):", "(is_live(wish))"),
            ("lock", "session().get(Tenancy, 1, with_for_update=True)", "session().get(Tenancy, 1)"),
        ]
    )


def test_what_others_may_have_taken_over_is_not_made_again() -> None:
    assert [constant_of(each) for each in ast.parse("_MINE = 1\nOURS = 2\n_a.b = 3").body] == [
        "_MINE",
        None,
        None,
    ]


def test_a_statement_made_beforehand_is_weaker_inside_and_itself_again_after() -> None:
    whole = sql(quota._TAKE)

    with mutated(named("condition catalog/quota.py _TAKE"), "unused"):
        assert sql(quota._TAKE) == whole.replace(" AND plans.used_quota < plans.total_quota", "")

    assert sql(quota._TAKE) == whole


def test_what_was_kept_between_calls_is_not_of_the_program_as_it_was() -> None:
    wallets = table_of(Wallet)
    assert "ON CONFLICT" in sql(inserting._unless_taken(wallets))

    with mutated(named("conflict kernel/inserting.py _unless_taken"), "unused"):
        assert "ON CONFLICT" not in sql(inserting._unless_taken(wallets))

    assert "ON CONFLICT" in sql(inserting._unless_taken(wallets))


def test_a_mutant_is_found_by_the_lines_that_use_its_statement() -> None:
    mutant = named("lock payments/settling.py _OF_ORDER")
    assert isinstance(mutant, SourceMutant)

    lines = Path(mutant.path).read_text().splitlines()

    assert [lines[number - 1].strip() for number in mutant.lines.numbers] == [
        'topup = session().scalar(_OF_ORDER, {"asked_for": order_id})'
    ]
