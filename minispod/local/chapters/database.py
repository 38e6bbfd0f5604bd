"""A database: ordered, written to from outside, stopped and started; backed up, reset, restored; and gone in the end.

Behind a simulated database nothing listens: its data are written and read only where the cluster is real; everything
around them is played all the same.
"""

import socket
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import psycopg2

from minispod.local.timeline import StoryStopped, eventually
from minispod.local.visit import OTHER_PLAN, OTHER_SERVICE, SOON_SECONDS, Visit, check

WORD = "kept"
_EVERY = 0.5


def keep_data(visit: Visit) -> None:
    """The whole life of a customer's data."""
    told, me = visit.told, visit.me
    plan = visit.plans[OTHER_SERVICE, OTHER_PLAN]
    with told.step(f"tops up and orders {OTHER_SERVICE}"):
        visit.top_up(max(plan["monthlyPrice"] - visit.credit, 10_000))
        placed = me.call("POST", "/subscriptions", {"planId": plan["id"]}, status=201)
        visit.moved(-plan["monthlyPrice"])
        database = _Database(visit, placed["subscription"]["id"])
    with told.step("the database runs"):
        database.until("RUNNING")
    with told.step("its page says how to connect, and no password"):
        _read_page(visit, database)
    with told.step("writes a row over the network, with TLS"):
        database.write()
    with told.step("it is stopped and started, and the row is there"):
        database.press("stop")
        database.until("STOPPED")
        database.press("start")
        database.until("RUNNING")
        database.expect(WORD)
    with told.step("takes a backup"):
        done = database.work("POST", "/backups")
        [backup] = [each for each in database.backups() if each["reason"] == "on_demand"]
        told.remark(f"{backup['size']:,} bytes of {backup['takenAt']}, {done['attempts']} attempt")
    with told.step("resets it: a new database, the same address and password"):
        database.work("POST", "/reset-pod", {"confirmName": database.shown()["name"]})
        database.until("RUNNING")
        database.expect(None)
    with told.step("restores the backup: the row is there again"):
        database.work("POST", f"/backups/{backup['id']}/restore", {})
        database.until("RUNNING")
        database.expect(WORD)
    with told.step("cancels; it goes after a last backup"):
        me.call("DELETE", f"/subscriptions/{database.id}")
        database.until("TERMINATED")
        check(
            any(each["reason"] == "before_delete" for each in database.backups()),
            "No last backup was taken before the database was deleted.",
        )


class _Database:
    """One subscription of a database, and a client of it."""

    def __init__(self, visit: Visit, id: str) -> None:
        self.id, self._visit = id, visit

    def shown(self) -> dict[str, Any]:
        """The instance as its owner sees it."""
        shown = self._visit.me.call("GET", f"/subscriptions/{self.id}")["subscription"]
        instance: dict[str, Any] = shown["instances"][0]
        return instance

    def until(self, status: str) -> None:
        """Wait until it shows a status; running, also until it is healthy."""

        def is_there() -> bool:
            instance = self.shown()
            check(instance["status"] != "ERROR", f"The database failed: {instance['healthStatus']}")
            is_well = status != "RUNNING" or instance["healthStatus"] == "Healthy"
            return bool(instance["status"] == status and is_well)

        eventually(
            is_there, within=self._visit.around.patience, every=_EVERY, otherwise=f"it is not {status}"
        )

    def press(self, act: str) -> None:
        """The administrator's button of this name."""
        page = f"/admin/instances/{self.shown()['id']}"
        self._visit.office.press(page, f"{page}/{act}")

    def work(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Ask for work with its data, and wait until it is done."""
        me, own = self._visit.me, f"/subscriptions/{self.id}"
        begun = me.call(method, own + path, body, status=202)["operation"]
        last: list[dict[str, Any]] = [begun]

        def is_over() -> bool:
            last.append(me.call("GET", f"{own}/operations/{begun['id']}")["operation"])
            return last[-1]["status"] not in ("PENDING", "RUNNING")

        eventually(
            is_over, within=self._visit.around.patience, every=_EVERY, otherwise="it is still under way"
        )
        check(last[-1]["status"] == "DONE", f"{begun['kind']} failed: {last[-1]['error']}")
        return last[-1]

    def backups(self) -> list[dict[str, Any]]:
        """What can be restored, newest first."""
        found: list[dict[str, Any]] = self._visit.me.call("GET", f"/subscriptions/{self.id}/backups")[
            "backups"
        ]
        return found

    def write(self) -> None:
        """Make a table with a row in it."""
        if not self._visit.around.is_simulated:
            self._ask("CREATE TABLE story AS SELECT %s AS word", WORD)
        self._remark()

    def expect(self, word: str | None) -> None:
        """The row is there, or the table is not."""
        if self._visit.around.is_simulated:
            self._remark()
            return
        found = self._ask("SELECT to_regclass('story')::text" if word is None else "SELECT word FROM story")
        check(found == word, f"The database holds {found!r} instead of {word!r}.")

    def _remark(self) -> None:
        if self._visit.around.is_simulated:
            self._visit.told.remark("no data: the database is simulated")

    def _ask(self, question: str, *values: str) -> str | None:
        """One question from outside, as its owner is told to connect; the one value of the answer."""
        access = self._visit.me.call("POST", f"/subscriptions/{self.id}/access")
        host = self.shown()["connection"]["host"]
        failures: list[str] = []

        def connected() -> Any:
            try:
                return psycopg2.connect(
                    access["connection"]["outside"],
                    hostaddr=_address_of(self._visit, host),
                    connect_timeout=5,
                )
            except psycopg2.OperationalError as failure:
                failures.append(str(failure).strip())
                return None

        try:
            connection = eventually(connected, within=SOON_SECONDS, otherwise="nobody could connect")
        except StoryStopped:
            raise StoryStopped(f"The database cannot be reached: {failures[-1]}") from None
        with closing(connection), connection, connection.cursor() as cursor:
            cursor.execute(question, values)
            row = cursor.fetchone() if cursor.description else None
            return str(row[0]) if row and row[0] is not None else None


def _address_of(visit: Visit, host: str) -> str:
    """Where the host leads; in a cluster without a name of its own, to a node."""
    try:
        return socket.gethostbyname(host)
    except OSError:
        nodes = visit.office.call("GET", "/k8s/nodes")["nodes"]
        return next(
            str(address["address"])
            for node in nodes
            for address in node["addresses"]
            if address["type"] == "InternalIP"
        )


def _read_page(visit: Visit, database: _Database) -> None:
    access = visit.me.call("POST", f"/subscriptions/{database.id}/access")
    url = database.shown()["publicUrl"]
    shown = visit.office.read(urlsplit(url).path)
    host = database.shown()["connection"]["host"]
    check(host is None or host in shown, f"{url} does not name {host}")
    check(not any(value in shown for value in access["values"].values()), f"{url} shows a secret")
