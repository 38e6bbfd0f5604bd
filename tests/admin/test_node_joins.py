"""An administrator brings a new worker in: makes a token, sees its command once, follows it, takes it back."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.cluster import monitoring
from minispod.cluster.joining import requesting
from minispod.cluster.joining.models import NodeJoin
from minispod.cluster.joining.states import JoinState
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.settings import Settings
from tests.admin.conftest import Browser
from tests.domain.joining.certificates import ALONE
from tests.factories.nodes import worker
from tests.factories.statements import asked
from tests.plugins.app import PortsNow

PAGE = "/admin/node-joins"


class Doors:
    """A cluster that takes every token."""

    def authority(self) -> bytes:
        """One certificate."""
        return ALONE

    def put_join_token(self, slot: str, secret: str, *, expires_at: object) -> None:
        """Take it."""

    def clear_join_token(self, slot: str) -> None:
        """Forget it."""


@pytest.fixture
def server(ports: PortsNow) -> None:
    """The cluster takes tokens."""
    ports.change(cluster=Doors())


@pytest.fixture
def nowhere(app: Flask, settings: Settings) -> Iterator[None]:
    """Nobody has said where workers find the server."""
    unsaid = object.__new__(Settings)
    for name in Settings.__slots__:
        object.__setattr__(unsaid, name, getattr(settings, name))
    object.__setattr__(unsaid, "cluster", settings.cluster.model_copy(update={"k3s_server_url": ""}))
    app.extensions["minispod.settings"] = unsaid
    yield
    app.extensions["minispod.settings"] = settings


def _newest(app: Flask) -> NodeJoin:
    with app.app_context():
        return session().scalars(select(NodeJoin).order_by(NodeJoin.id.desc()).limit(1)).one()


def _ask(browser: Browser, **fields: str) -> str:
    browser.shown(PAGE)
    answer = browser.post(PAGE, PAGE, **fields)
    assert answer.status_code == 303
    return answer.location


def test_without_a_server_address_the_page_says_what_to_set(
    browser: Browser, app: Flask, nowhere: None
) -> None:
    assert "K3S_SERVER_URL" in browser.shown(PAGE)

    assert "K3S_SERVER_URL" in browser.get(browser.post(PAGE, PAGE).location).text
    with app.app_context():
        assert session().scalars(select(NodeJoin)).all() == []


def test_a_worker_is_joined(
    browser: Browser, app: Flask, server: None, clock: FrozenClock, run_jobs: Callable[[], int]
) -> None:
    with app.app_context(), unit_of_work():
        known = [worker("control-1", is_control_plane=True, version="v1.32.4+k3s1")]
        monitoring.record_nodes(known, clock.now())
    path = _ask(browser, name="worker-3", labels="disk=fast", taints="gpu=yes:NoSchedule", lasts="15")
    assert "being put into the cluster" in browser.shown(path)
    run_jobs()
    assert "Show the command" in browser.shown(path)

    command = browser.post(f"{path}/command", path)

    assert command.status_code == 200
    assert "no-store" in command.headers["Cache-Control"]
    token = re.search(r"K10[0-9a-f]{64}::mpod01\.[a-z0-9]{16}", command.text)
    assert token is not None
    assert "INSTALL_K3S_VERSION=v1.32.4+k3s1" in command.text
    assert "disk=fast" in command.text
    again = browser.post(f"{path}/command", path)
    assert "shown before" in browser.get(again.location).text
    for page in (path, PAGE, "/admin/audit?kind=node_join"):
        assert token[0] not in browser.shown(page)
        assert token[0].rpartition(".")[2] not in browser.shown(page)

    with app.app_context(), unit_of_work():
        requesting.note_arrivals([worker("worker-3", join=str(_newest(app).id))], clock.now())
    run_jobs()
    text = browser.shown(path)
    assert "The worker is there" in text
    assert 'href="/admin/nodes/worker-3"' in text


def test_a_token_is_revoked(browser: Browser, app: Flask, server: None, run_jobs: Callable[[], int]) -> None:
    path = _ask(browser)
    run_jobs()

    browser.post(f"{path}/revoke", path)
    run_jobs()

    assert _newest(app).state is JoinState.REVOKED
    assert "was revoked" in browser.shown(path)
    assert "Revoked" in browser.shown(PAGE)


@pytest.mark.parametrize("fields", [{"name": "$(reboot)"}, {"labels": "a"}, {"taints": "a=b"}])
def test_what_kubernetes_would_not_take_is_refused_in_words(
    browser: Browser, app: Flask, server: None, fields: dict[str, str]
) -> None:
    browser.shown(PAGE)

    answer = browser.post(PAGE, PAGE, **fields)

    assert 'class="message bad"' in browser.get(answer.location).text
    with app.app_context():
        assert session().scalars(select(NodeJoin)).all() == []


def test_what_is_not_there_is_not_found(browser: Browser) -> None:
    browser.shown(f"{PAGE}/no-such-join", 404)
    browser.shown(f"{PAGE}/01a1f922-b4b6-77d2-9267-754f21fb013a", 404)


def test_the_list_asks_as_many_questions_for_many_as_for_one(browser: Browser, server: None) -> None:
    def questions() -> int:
        with asked() as sent:
            browser.shown(PAGE)
        return len(sent)

    _ask(browser)
    questions()  # what is asked once in a process
    one = questions()
    _ask(browser)
    _ask(browser)

    assert questions() == one
