"""Live logs: of one's own instance, clean, from the newest pod, for as long as somebody listens."""

import itertools
import queue
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from minispod.cluster.port import ClusterUnavailable, LogPlace, NoSuchObject
from minispod.instances import controls
from minispod.instances.states import InstanceStatus, Wanted
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.clock import FrozenClock
from minispod.kernel.unit_of_work import unit_of_work
from minispod.realtime import pod_logs, rounds
from minispod.rules import business_rules
from minispod.settings import Settings
from minispod.subscriptions import cancellation, queries
from tests.plugins.app import Person, PortsNow
from tests.realtime.conftest import PATIENCE_SECONDS, Bought, Listener, Polling, auth_of


@pytest.fixture
def running(
    app: Flask,
    cluster: KubernetesCluster,
    buy: Callable[..., Bought],
    run_jobs: Callable[..., int],
    clock: FrozenClock,
) -> Callable[[Person], Bought]:
    """Order n8n and bring it up on the simulated cluster."""

    def bring_up(person: Person) -> Bought:
        bought = buy(person)
        for _ in range(200):
            run_jobs()
            with app.app_context():
                found = queries.get_subscription(bought.subscription_id, actor=person.actor)
            assert found.instance is not None
            if found.instance.status is InstanceStatus.RUNNING:
                return bought
            clock.advance(seconds=2)
            threading.Event().wait(0.1)
        raise AssertionError(found.instance.status)

    return bring_up


def test_the_owner_sees_the_log_and_what_is_added_to_it(
    listen: Callable[..., Listener], customer: Person, running: Callable[[Person], Bought]
) -> None:
    bought = running(customer)

    listener = listen("/k8s-logs", auth_of(customer, bought))

    assert listener.next("log-start").endswith("/app")
    lines = [listener.next("log-data") for _ in range(3)]
    assert all(isinstance(line, str) and line == line.strip() != "" for line in lines)
    assert any("n8n" in line for line in lines)


def test_it_works_over_the_transports_the_front_end_uses(
    listen: Callable[..., Listener], customer: Person, running: Callable[[Person], Bought]
) -> None:
    bought = running(customer)

    listener = listen("/k8s-logs", auth_of(customer, bought), transports=["polling", "websocket"])

    listener.next("log-start")
    assert isinstance(listener.next("log-data"), str)


def test_an_administrator_may_look_too(
    listen: Callable[..., Listener],
    customer: Person,
    administrator: Person,
    running: Callable[[Person], Bought],
) -> None:
    bought = running(customer)

    listener = listen("/k8s-logs", auth_of(administrator, bought))

    listener.next("log-start")


def test_who_leaves_is_no_longer_followed_for(
    listen: Callable[..., Listener],
    customer: Person,
    running: Callable[[Person], Bought],
    eventually: Callable[..., None],
) -> None:
    bought = running(customer)
    listener = listen("/k8s-logs", auth_of(customer, bought))
    listener.next("log-start")
    assert followers() == 1

    listener.leave()

    eventually(lambda: followers() == 0)


def test_when_the_instance_goes_the_client_is_told_and_sent_away(
    listen: Callable[..., Listener],
    customer: Person,
    running: Callable[[Person], Bought],
    app: Flask,
    settings: Settings,
    clock: FrozenClock,
    run_jobs: Callable[..., int],
    impatient: None,
) -> None:
    bought = running(customer)
    listener = listen("/k8s-logs", auth_of(customer, bought))
    listener.next("log-start")

    with app.app_context(), unit_of_work():
        cancellation.cancel(
            bought.subscription_id, rules=business_rules(settings), actor=customer.actor, at=clock.now()
        )
    run_jobs()

    assert said_last(listener) == pod_logs.ENDED


def test_without_a_pod_the_client_is_told_and_sent_away(
    listen: Callable[..., Listener],
    customer: Person,
    cluster: KubernetesCluster,
    buy: Callable[..., Bought],
) -> None:
    listener = listen("/k8s-logs", auth_of(customer, buy(customer)))

    assert said_last(listener) == pod_logs.NO_POD


def test_who_stopped_the_application_is_told_so(
    listen: Callable[..., Listener],
    customer: Person,
    cluster: KubernetesCluster,
    buy: Callable[..., Bought],
    change: Callable[..., None],
    clock: FrozenClock,
) -> None:
    bought = buy(customer)
    change(bought.instance_id, lambda row: row.wish(Wanted.STOPPED, clock.now()))

    assert said_last(listen("/k8s-logs", auth_of(customer, bought))) == pod_logs.STOPPED


def test_without_an_instance_the_client_is_told_and_sent_away(
    listen: Callable[..., Listener],
    customer: Person,
    buy: Callable[..., Bought],
    change: Callable[..., None],
    clock: FrozenClock,
) -> None:
    bought = buy(customer)
    change(bought.instance_id, lambda row: row.turn(InstanceStatus.TERMINATED, clock.now()))

    assert said_last(listen("/k8s-logs", auth_of(customer, bought))) == pod_logs.NO_INSTANCE


def test_a_silent_cluster_is_a_sentence_too(
    listen: Callable[..., Listener], customer: Person, buy: Callable[..., Bought]
) -> None:
    assert "cluster" in said_last(listen("/k8s-logs", auth_of(customer, buy(customer))))


def test_a_client_that_does_not_read_slows_down_its_own_stream_only(
    polling: Callable[..., Polling],
    customer: Person,
    buy: Callable[..., Bought],
    ports: PortsNow,
    eventually: Callable[..., None],
) -> None:
    chatter = Chatter()
    ports.change(cluster=chatter)
    client = polling()
    client.connect("/k8s-logs", auth_of(customer, buy(customer)))

    eventually(lambda: chatter.written > 400)
    threading.Event().wait(0.5)
    unread = chatter.written
    client.read()
    eventually(lambda: chatter.written > unread)

    assert unread < 600


def test_a_stream_that_ends_goes_on_after_the_last_line_that_was_shown(
    listen: Callable[..., Listener],
    customer: Person,
    buy: Callable[..., Bought],
    ports: PortsNow,
    at_a_trot: None,
) -> None:
    sessions = Sessions(("pod-a", ["first", "second"]), ("pod-a", ["third"]), NoSuchObject(), ("pod-b", None))
    ports.change(cluster=sessions)

    listener = listen("/k8s-logs", auth_of(customer, buy(customer)))

    assert listener.next("log-start") == "pod-a/app"
    assert [listener.next("log-data") for _ in range(3)] == ["first", "second", "third"]
    assert listener.next("log-start") == "pod-b/app"
    shown = [LogPlace("pod-a", (number, 0)) for number in (2, 3, 3)]
    assert sessions.asked == [None, *shown]


def test_when_the_application_is_restarted_the_new_pod_is_followed(
    listen: Callable[..., Listener],
    customer: Person,
    running: Callable[[Person], Bought],
    app: Flask,
    clock: FrozenClock,
    run_jobs: Callable[..., int],
) -> None:
    bought = running(customer)
    listener = listen("/k8s-logs", auth_of(customer, bought))
    before = listener.next("log-start")

    with app.app_context(), unit_of_work():
        controls.restart(bought.instance_id, actor=customer.actor, at=clock.advance(seconds=1))
    run_jobs()

    after, lines = listener.until("log-start")
    assert after != before
    assert len(lines) == len(set(lines))
    assert isinstance(listener.next("log-data"), str)


def test_a_cluster_that_is_silent_for_a_moment_is_waited_for(
    listen: Callable[..., Listener],
    customer: Person,
    buy: Callable[..., Bought],
    ports: PortsNow,
    at_a_trot: None,
) -> None:
    ports.change(
        cluster=Sessions(("pod", ["first"]), ClusterUnavailable(), ("pod", ["second"]), ("pod", None))
    )

    listener = listen("/k8s-logs", auth_of(customer, buy(customer)))

    listener.next("log-start")
    assert [listener.next("log-data") for _ in range(2)] == ["first", "second"]


def test_a_cluster_that_stays_silent_ends_the_view_in_words(
    listen: Callable[..., Listener],
    customer: Person,
    buy: Callable[..., Bought],
    ports: PortsNow,
    impatient: None,
) -> None:
    ports.change(cluster=Sessions(("pod", ["first"]), *(ClusterUnavailable() for _ in range(500))))

    assert (
        said_last(listen("/k8s-logs", auth_of(customer, buy(customer)))) == ClusterUnavailable.default_message
    )


@pytest.mark.parametrize(
    ("limit", "sentence"), [("IDLE_SECONDS", pod_logs.IDLE), ("LONGEST_SECONDS", pod_logs.LONG)]
)
def test_a_view_that_nobody_closes_is_closed(
    listen: Callable[..., Listener],
    customer: Person,
    buy: Callable[..., Bought],
    ports: PortsNow,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[..., None],
    limit: str,
    sentence: str,
) -> None:
    monkeypatch.setattr(pod_logs, limit, 0.5)
    monkeypatch.setattr(rounds, "CHECK_SECONDS", 0.1)
    ports.change(cluster=Sessions(("pod", None)))

    assert said_last(listen("/k8s-logs", auth_of(customer, buy(customer)))) == sentence
    eventually(lambda: followers() == 0)


@pytest.fixture
def at_a_trot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks of a test's length."""
    monkeypatch.setattr(pod_logs, "_LOOK_SECONDS", 0.05)


@pytest.fixture
def impatient(at_a_trot: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """And patience of a test's length, where nothing comes that is waited for."""
    monkeypatch.setattr(pod_logs, "REPLACED_SECONDS", 1.0)


def followers() -> int:
    """Number of threads that follow a log."""
    return sum(thread.name == pod_logs.THREAD for thread in threading.enumerate())


def said_last(listener: Listener) -> str:
    """The sentence after which the client was disconnected."""
    while True:
        event, payload = listener.heard.get(timeout=PATIENCE_SECONDS)
        if event == "log-error":
            assert isinstance(payload, str)
            listener.next("disconnect")
            return payload
        assert event in ("log-start", "log-data"), (event, payload)


class Chatter:
    """A cluster whose pod never stops talking."""

    pod = "pod"
    place: LogPlace | None = None

    def __init__(self) -> None:
        self.written = 0
        self._closed = False

    def follow_logs(
        self, namespace: str, workload: str, *, container: str, lines: int, after: LogPlace | None
    ) -> "Chatter":
        """Begin to talk."""
        return self

    def __iter__(self) -> Iterator[str]:
        for number in itertools.count():
            if self._closed:
                return
            self.written += 1
            yield f"line {number}"

    def close(self) -> None:
        """Stop talking."""
        self._closed = True


class Sessions:
    """A cluster that ends its streams, one after the other; one without lines stays open, a refusal is raised."""

    def __init__(self, *streams: tuple[str, list[str] | None] | Exception) -> None:
        self._streams = iter(streams)
        self._lines = 0
        self.asked: list[LogPlace | None] = []

    def follow_logs(
        self, namespace: str, workload: str, *, container: str, lines: int, after: LogPlace | None
    ) -> "_Stream":
        """Open the next stream."""
        self.asked.append(after)
        found = next(self._streams)
        if isinstance(found, Exception):
            raise found
        stream = _Stream(*found, self._lines)
        self._lines += len(found[1] or [])
        return stream


class _Stream:
    def __init__(self, pod: str, lines: list[str] | None, before: int) -> None:
        self.pod = pod
        self.place: LogPlace | None = None
        self._before = before
        self._queue: queue.Queue[str | None] = queue.Queue()
        for line in lines or []:
            self._queue.put(line)
        if lines is not None:
            self._queue.put(None)

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(iter(self._queue.get, None), start=self._before + 1):
            self.place = LogPlace(self.pod, (number, 0))
            yield line

    def close(self) -> None:
        self._queue.put(None)
