"""Put a mutant into the running program, and take it out again."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType, ModuleType
from typing import Any

import psycopg2

from tests.mutants.schema import SchemaMutant
from tests.mutants.source import SourceMutant, made_of
from tests.mutants.weakening import constant_of

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
    """Exchange the code of the function, or what the module made beforehand; forget what was made by it."""
    module = importlib.import_module(".".join(mutant.path.with_suffix("").parts))
    made = made_of(ast.parse(mutant.text), mutant.function)
    _forget_answers(module)
    try:
        with _weaker_statement(module, mutant, made) if made else _weaker_function(module, mutant):
            yield
    finally:
        _forget_answers(module)


@contextmanager
def _weaker_function(module: ModuleType, mutant: SourceMutant) -> Iterator[None]:
    """Exchange its code: who imported it has the same object."""
    found: Any = module
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


@contextmanager
def _weaker_statement(module: ModuleType, mutant: SourceMutant, made: list[str]) -> Iterator[None]:
    """Make it again, and what is made of it: functions of the module look it up by its name."""
    known = {name: vars(module)[name] for name in made}
    again = [each for each in ast.parse(mutant.text).body if constant_of(each) in made]
    exec(compile(ast.Module(again, []), str(mutant.path), "exec"), vars(module))
    try:
        yield
    finally:
        vars(module).update(known)


def _forget_answers(module: ModuleType) -> None:
    """What functions of a module keep between calls was made by the code before."""
    for each in vars(module).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


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
