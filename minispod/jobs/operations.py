"""Carry operations out, one step after another; and by the clock: daily backups, volumes whose time is over."""

import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Self

import structlog
from flask import Flask, current_app

from minispod.cluster.port import ClusterRefused, ClusterUnavailable
from minispod.instances import volumes
from minispod.jobs.sealed import wait_for_key
from minispod.jobs.work import Work
from minispod.kernel import outbox
from minispod.kernel.actor import system
from minispod.kernel.errors import Unavailable
from minispod.kernel.sealed import SealBroken
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.operations import carrying, daily, drill, engine, queries, requesting
from minispod.operations.nodes import requesting as node_requests
from minispod.operations.orders import Hands, Overtaken
from minispod.ports import Ports
from minispod.rules import backup_rules, business_rules, cluster_rules, operation_rules
from minispod.settings import Settings
from minispod.subscriptions.bulk import requesting as bulk_requests

log = structlog.get_logger()

_PATIENCE_SECONDS = 12.0
_NOW = timedelta(0)


def run_operation(work: Work) -> timedelta | None:
    """Carry one operation on until it has ended or must wait for somebody."""
    operation_id = uuid.UUID(work.lease.args["operation_id"])
    rules = operation_rules(work.settings)
    again: timedelta | None = _NOW
    while again == _NOW:
        try:
            with unit_of_work(work.ports.courier):
                order = engine.claim(operation_id, rules=rules, sealer=work.ports.sealer, at=work.now())
        except SealBroken:
            operation = queries.get_operation(operation_id, actor=system("operations"))
            return wait_for_key(operation.instance_id, work)
        if order is None or isinstance(order, timedelta):
            return order
        release_connection()
        with _Watch(work, partial(engine.is_wanted, operation_id)) as watch:
            hands = Hands(work.ports.cluster, work.ports.vault, watch.look)
            try:
                report = carrying.carry_out(order, hands, patience=_PATIENCE_SECONDS)
            except Overtaken:
                log.warning("operation.let_go", operation_id=str(operation_id), step=order.step.value)
                return _NOW
        with unit_of_work(work.ports.courier):
            again = engine.settle(order, report, rules=rules, at=work.now())
        log.info(
            "operation.step",
            operation_id=str(operation_id),
            step=order.step.value,
            answer=report.answer.value,
            sentence=report.sentence,
        )
    return again


def drill_backup(work: Work) -> timedelta | None:
    """Restore one backup where nobody runs, to see whether it can be."""
    drill_id = uuid.UUID(work.lease.args["drill_id"])
    with unit_of_work():
        order = drill.claim(
            drill_id,
            rules=cluster_rules(work.settings),
            addresses=business_rules(work.settings).addresses,
            at=work.now(),
        )
    if order is None:
        return None
    release_connection()
    with _Watch(work, lambda: True) as watch:
        try:
            hands = Hands(work.ports.cluster, work.ports.vault, watch.look)
            failure = drill.carry_out(order, hands, wait=time.sleep)
        except Overtaken:
            return _NOW
    with unit_of_work(work.ports.courier):
        drill.settle(order, failure, actor=system("drill"), at=work.now())
    log.info("backup.drilled", backup_id=str(order.backup_id), failure=failure)
    return None


def fan_out_drills(ports: Ports, settings: Settings) -> None:
    """Ask for the drill of this week."""
    with unit_of_work(ports.courier):
        drill.request_due(
            every=timedelta(days=settings.data.drill_days),
            sample=settings.data.drill_sample,
            at=ports.clock.now(),
        )


def fan_out_backups(ports: Ports, settings: Settings) -> None:
    """Ask for the backups that are due today, so many at once."""
    with unit_of_work(ports.courier):
        asked = daily.request_due(
            nights=backup_rules(settings).nights,
            at_once=settings.data.backups_at_once,
            at=ports.clock.now(),
        )
    if asked:
        log.info("backups.requested", count=asked)


def carry_on(ports: Ports, settings: Settings) -> None:
    """See to it that no operation is left lying."""
    with unit_of_work(ports.courier):
        requesting.ensure_carried_on(ports.clock.now())
        node_requests.ensure_carried_on(ports.clock.now())
        bulk_requests.ensure_carried_on(ports.clock.now())


def delete_volumes(ports: Ports, settings: Settings) -> None:
    """Delete the retired volumes whose time is over."""
    doomed = volumes.due_for_deletion(ports.clock.now())
    release_connection()
    for volume in doomed:
        try:
            gone = ports.cluster.delete_claim(volume.namespace, volume.claim)
        except (ClusterUnavailable, ClusterRefused) as refusal:
            log.warning("volume.not_deleted", claim=volume.claim, code=refusal.code)
            continue
        if gone:
            with unit_of_work():
                volumes.settle_deleted(volume.id, actor=system("volumes"), at=ports.clock.now())


class _Watch(threading.Thread):
    """Renews the lease while data are worked on, and tells the worker when it is to let go."""

    def __init__(self, work: Work, is_wanted: Callable[[], bool]) -> None:
        super().__init__(name="data-watch", daemon=True)
        self._work, self._is_wanted = work, is_wanted
        self._app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        self._every = work.lease.task.nature.lease_seconds / 4
        self._is_over, self._is_lost = threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        """Begin."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The step has ended."""
        self._is_over.set()
        self.join()

    def look(self) -> None:
        """Raise Overtaken when this worker is to let go."""
        if self._is_lost.is_set():
            raise Overtaken

    def run(self) -> None:
        """Renew, until the step has ended or somebody else is at it."""
        while not self._is_over.wait(self._every):
            try:
                with self._app.app_context():
                    self._renew()
                    release_connection()
            except Unavailable:
                log.warning("lease.not_renewed", key=self._work.lease.key)

    def _renew(self) -> None:
        with unit_of_work():
            is_ours = outbox.extend(self._work.lease, self._work.now())
            if not is_ours or not self._is_wanted():
                self._is_lost.set()
