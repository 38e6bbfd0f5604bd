"""What /readyz asks: migrations, database, Redis, a worker, the scheduler. Each answer is "ok" or a sentence."""

import re
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from minispod.integrations.redis_queue import is_answering
from minispod.kernel import pulse
from minispod.kernel.database import session
from minispod.ports import Ports
from minispod.settings import Settings

_LINKS = re.compile(r'^(revision|down_revision) = "(\w+)"', re.MULTILINE)


def readiness(ports: Ports, settings: Settings, *, stale: timedelta) -> dict[str, str]:
    """Every check by name; a sign of life older than `stale` counts as none."""
    checks = {"redis": "ok" if is_answering(settings.redis.redis_url) else "Redis does not answer."}
    try:
        present = session().execute(text("SELECT version_num FROM alembic_version")).scalar()
        checks["database"] = "ok"
        wanted = newest_migration(current_app.extensions["migrate"].directory)
        checks["migrations"] = (
            "ok" if present == wanted else "Migrations are missing: run `flask db upgrade`."
        )
        for name in ("worker", "scheduler"):
            at = pulse.last(name)
            lives = at is not None and ports.clock.now() - at < stale
            checks[name] = "ok" if lives else f"No {name} has shown a sign of life lately."
    except SQLAlchemyError:
        checks["database"] = "The database does not answer, or its migrations are missing."
        for name in ("migrations", "worker", "scheduler"):
            checks.setdefault(name, "Unknown while the database does not answer.")
    return checks


@lru_cache(maxsize=1)
def newest_migration(directory: str) -> str | None:
    """The migration that no other follows. Alembic would say it too, and be in each web process for that alone."""
    links = [
        link
        for script in Path(directory, "versions").glob("*.py")
        for link in _LINKS.findall(script.read_text(encoding="utf-8"))
    ]
    followed = {name for kind, name in links if kind == "down_revision"}
    return next((name for kind, name in links if kind == "revision" and name not in followed), None)
