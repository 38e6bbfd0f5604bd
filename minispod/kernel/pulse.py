"""Signs of life of background processes, kept where the web process can read them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import String, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, session


class Pulse(Base):
    """When a part of the program last showed that it lives."""

    __tablename__ = "pulses"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]


def beat(name: str, at: datetime) -> None:
    """Show a sign of life."""
    sign = insert(Pulse).values(name=name, at=at)
    session().execute(sign.on_conflict_do_update(index_elements=["name"], set_={"at": sign.excluded.at}))


def signs(names: Sequence[str]) -> dict[str, datetime]:
    """When the last signs of life of several were; who never gave one is left out."""
    found = session().execute(select(Pulse.name, Pulse.at).where(Pulse.name.in_(names)))
    return {row.name: row.at for row in found}


def last(name: str) -> datetime | None:
    """When the last sign of life was; None when there never was one."""
    pulse = session().get(Pulse, name, populate_existing=True)
    return pulse.at if pulse else None
