"""What several tests of the domain begin with."""

from collections.abc import Iterator

import pytest
from flask import Flask

from minispod.kernel.database import begin_reading, db, end_reading


@pytest.fixture
def reading(app: Flask) -> Iterator[None]:
    """An application in which a request reads, with connections that have planned nothing."""
    with app.app_context():
        db.engine.dispose()
        begin_reading()
        try:
            yield
        finally:
            end_reading()
            db.session.remove()
