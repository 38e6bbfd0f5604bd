"""Put a mutant into the running program, and take it out again."""

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

import psycopg2

from tests.mutants.schema import SchemaMutant
from tests.mutants.source import SourceMutant

# What makes a constraint (with the foreign keys that rest on it), an index or a trigger of that name.
_DEFINITIONS = """
    SELECT format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid)),
        contype = 'f'
    FROM pg_constraint
    WHERE conname = %(name)s OR (
        contype = 'f' AND conindid = (SELECT conindid FROM pg_constraint WHERE conname = %(name)s AND conindid <> 0)
    )
    UNION ALL
    SELECT indexdef, false FROM pg_indexes
    WHERE indexname = %(name)s AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = %(name)s)
    UNION ALL
    SELECT pg_get_triggerdef(oid), false FROM pg_trigger WHERE tgname = %(name)s
    ORDER BY 2
"""


@contextmanager
def mutated(mutant: SourceMutant | SchemaMutant, database_url: str) -> Iterator[None]:
    """The program, or its database, is the mutant inside."""
    with _weaker_schema(mutant, database_url) if isinstance(mutant, SchemaMutant) else _weaker_code(mutant):
        yield


@contextmanager
def _weaker_code(mutant: SourceMutant) -> Iterator[None]:
    """Exchange the code of the function; who imported it has the same object."""
    found: Any = importlib.import_module(".".join(mutant.path.with_suffix("").parts))
    for name in mutant.function.split("."):
        found = inspect.getattr_static(found, name)
    function: Any = inspect.unwrap(found.fget if isinstance(found, property) else found)
    assert isinstance(function, FunctionType)
    original = function.__code__
    weaker = _code_of(compile(mutant.text, original.co_filename, "exec"), original.co_qualname)
    function.__code__ = weaker
    try:
        yield
    finally:
        function.__code__ = original


def _code_of(code: CodeType, qualname: str) -> CodeType:
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    for each in inner:
        if each.co_qualname == qualname:
            return each
    return next(_code_of(each, qualname) for each in inner if qualname.startswith(f"{each.co_qualname}."))


@contextmanager
def _weaker_schema(mutant: SchemaMutant, database_url: str) -> Iterator[None]:
    """Take the protection away, and make it again as PostgreSQL itself describes it."""
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(_DEFINITIONS, {"name": mutant.name.split()[1]})
            again = [statement for statement, _ in cursor.fetchall()]
            assert again, mutant.name
            cursor.execute(mutant.statement)
            try:
                yield
            finally:
                for statement in again:
                    cursor.execute(statement)
    finally:
        connection.close()
