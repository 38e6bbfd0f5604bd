"""What the benchmarks measure on are sound books, filled for today's tables: else they measure something else."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from bench import grounds, postings
from minispod.kernel.database import db
from minispod.proof.proving import prove
from tests.proofs import as_text


@pytest.mark.parametrize("writer", [postings.ours, postings.bare])
def test_the_books_add_up_before_and_after_postings(
    new_database: Callable[[], str], writer: postings.Writer
) -> None:
    url = new_database()
    grounds.fill(url, 5)
    _assert_sound(url)
    owner = postings.owners(url, 1)[0]
    with writer(url) as begin, begin() as post:
        post(owner, "credit")
        post(owner, "debit")
    _assert_sound(url)


def _assert_sound(url: str) -> None:
    with grounds.application(url).app_context():
        proof = prove(datetime.now(UTC))
        db.engine.dispose()
    assert proof.is_clean, as_text(proof)
