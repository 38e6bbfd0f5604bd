"""A server of the application, a browser, and an administrator who has signed in with it."""

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, sync_playwright
from rq import Queue
from werkzeug.serving import WSGIRequestHandler, make_server

from minispod.admin.sessions import COOKIE
from minispod.integrations.redis_queue import connection
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.proof import history
from minispod.proof.proving import prove
from minispod.settings import Settings
from tests.admin.conftest import Browser as Forms
from tests.admin.conftest import nodes_seen
from tests.browser import furniture, histories
from tests.browser.chromium import Tab, launch, open_tab
from tests.browser.desk import put_desk
from tests.plugins.scene import Scene

__all__ = ["nodes_seen"]


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of this folder."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def ids(app: Flask, scene: Scene, clock: FrozenClock, settings: Settings, nodes_seen: None) -> dict[str, str]:
    """What addresses of pages may ask for; the shop was proven, a job waits in the queue, no page is empty."""
    with app.app_context(), unit_of_work():
        run = history.record(prove(clock.now()), cause="night", asked_by="the clock", actor=system("proof"))
        session().flush()
        found = {name: each[0] for name, each in scene.ids.items() if each}
        found |= {
            "run_id": str(run.id),
            "paper_id": found["invoice_id"],
            "name": "worker-1",
            "job_id": "a-job",
            "search": "siti",
        }
    instances = list(scene.ids["instance_id"])
    with app.app_context(), unit_of_work():
        at = clock.now()
        furniture.put_on_nodes(instances, at)
        furniture.put_past_months(at)
        furniture.put_sights(at)
        histories.put_histories(instances[0], at)
        found["operation_id"] = furniture.put_node_acts(instances, at)
        found["viewing_id"] = furniture.put_viewing(found["user_id"], actor=scene.administrator.actor, at=at)
        found["join_id"] = furniture.put_joins(at)
        found |= {"batch_id": furniture.put_batches(instances, at), "bulk_act": "RESTART"}
        found["alert_id"] = furniture.put_alerts(instances[0], actor=scene.administrator.actor, at=at)
    with app.app_context():
        found |= put_desk(
            instances[0], customer=scene.customer.actor, staff=scene.administrator.actor, at=clock.now()
        )
    waiting = Queue("mail", connection=connection(settings.redis.redis_url))
    waiting.enqueue_call("minispod.jobs.runner.run", job_id=found["job_id"])
    return found


@pytest.fixture
def server(app: Flask, ids: dict[str, str]) -> Iterator[str]:
    """The furnished shop at an address."""
    listening = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    listening.daemon_threads = False  # closing waits for the answers that are being made
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.fixture
def tab(chromium: Browser, server: str, app: Flask, scene: Scene) -> Iterator[Tab]:
    """A page of a browser in which the administrator has signed in."""
    forms = Forms(app.test_client())
    assert forms.sign_in(scene.administrator.email).status_code == 303
    cookie = forms.client.get_cookie(COOKIE, path="/admin")
    assert cookie is not None
    with open_tab(chromium, server, cookie.value) as made:
        yield made


@pytest.fixture
def stands(tab: Tab) -> Callable[[], bool]:
    """Tell whether the document is the one that was there when this was first asked."""
    tab.go("/admin/")
    tab.page.evaluate("() => { window.isFirst = true; document.querySelector('header').isFirst = true; }")
    return lambda: tab.page.evaluate(
        "() => [window, document.querySelector('header')].every((each) => each?.isFirst)"
    )
