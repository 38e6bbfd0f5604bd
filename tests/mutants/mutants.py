"""All mutants there are."""

import hashlib

from tests.mutants.schema import SchemaMutant, schema_mutants
from tests.mutants.source import SourceMutant, source_mutants

Mutant = SourceMutant | SchemaMutant


def all_mutants() -> list[Mutant]:
    """Of the database and of the source; each name is there once."""
    return [*schema_mutants(), *source_mutants()]


def key_of(mutant: Mutant) -> str:
    """A name that changes when the mutated text does."""
    text = mutant.statement if isinstance(mutant, SchemaMutant) else mutant.text
    return hashlib.sha256(f"{mutant.name}\n{text}".encode()).hexdigest()
