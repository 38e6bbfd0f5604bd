"""Orphans over HTTP: the list, what is asked before something goes, and who may. What happens then: scenarios."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.insights import stray
from minispod.instances.orphan_models import Orphan, OrphanKind
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from tests.factories.statements import asked
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

ROOT = "/api/admin/orphans"
REASON = "left behind by a restored database"
Put = Callable[..., uuid.UUID]


@pytest.fixture
def put(app: Flask, clock: FrozenClock) -> Put:
    """Write down something nobody owns, two days old."""

    def go(kind: OrphanKind, name: str, **fields: object) -> uuid.UUID:
        seen = clock.now() - timedelta(days=2)
        values = {
            "namespace": "user-1",
            "instance_label": "",
            "is_trial": False,
            "first_seen_at": seen,
            **fields,
        }
        with app.app_context(), unit_of_work():
            row = Orphan(id=new_id(), kind=kind, name=name, last_seen_at=seen, made_at=seen, **values)
            session().add(row)
        return row.id

    return go


@pytest.fixture
def look(client: FlaskClient, administrator: Person) -> Callable[..., Any]:
    return lambda **query: data_of(client.get(ROOT, query_string=query, headers=administrator.headers))


def test_what_nobody_owns_is_listed_searched_and_paged(
    look: Callable[..., Any], put: Put, customer: Person, clock: FrozenClock
) -> None:
    volume = put(OrphanKind.CLAIM, "redis-x-data", size="3Gi", user_id=customer.id)
    put(OrphanKind.WORKLOAD, "ghost-y")
    put(OrphanKind.NAMESPACE, "try-abc", namespace="try-abc", is_trial=True, first_seen_at=clock.now())

    found = look()

    assert [each["name"] for each in found["orphans"]] == ["redis-x-data", "ghost-y"]
    first = found["orphans"][0]
    assert (first["id"], first["kind"], first["size"], first["wish"]) == (str(volume), "CLAIM", "3Gi", None)
    assert (first["user"]["email"], first["canAdopt"]) == (customer.email, False)
    assert [each["name"] for each in look(kind="WORKLOAD")["orphans"]] == ["ghost-y"]
    assert [each["name"] for each in look(search=customer.email)["orphans"]] == ["redis-x-data"]
    page = look(limit=1, page=2)
    assert ([each["name"] for each in page["orphans"]], page["pagination"]["totalCount"]) == (["ghost-y"], 2)


def test_a_list_of_many_asks_no_more_than_a_list_of_one(
    shop: Shop,
    look: Callable[..., Any],
    put: Put,
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
    clock: FrozenClock,
) -> None:
    for _ in range(3):
        owner = person(credit=50_000)
        instance = shop.look(shop.order(owner, plan_id()))[1]
        put(
            OrphanKind.WORKLOAD,
            instance.name,
            namespace=instance.namespace,
            instance_label=str(uuid.uuid4()),
            instance_id=instance.id,
            user_id=owner.id,
        )
    counts = []
    for limit in (1, 3):
        with asked() as statements:
            found = look(limit=limit)["orphans"]
        assert [each["canAdopt"] for each in found] == [True] * limit
        counts.append(len(statements))

    assert counts[0] == counts[1]
    with shop.app.app_context(), asked() as statements:
        listed = stray.find_stray(PageRequest(1, 10), at=clock.now()).items
    assert [each.can_adopt for each in listed] == [True] * 3
    assert len(statements) == 4, "how many, the orphans, the owners, the instances"


def test_a_volume_goes_by_its_name_only(
    look: Callable[..., Any], put: Put, client: FlaskClient, administrator: Person
) -> None:
    path = f"{ROOT}/{put(OrphanKind.CLAIM, 'redis-x-data')}"

    def post(act: str, **body: object) -> Any:
        return client.post(f"{path}/{act}", json=body, headers=administrator.headers)

    refused(post("remove", reason="no"), 400, "request.invalid")
    assert post("remove", reason=REASON).status_code == 400
    assert look()["orphans"][0]["wish"] is None
    data_of(post("remove", reason=REASON, confirmed="redis-x-data"), 202)
    assert look()["orphans"][0]["wish"] == "REMOVE"
    assert post("adopt", reason=REASON).status_code in (400, 409)
    data_of(client.post(f"{ROOT}/look", headers=administrator.headers), 202)


def test_its_instance_takes_it(
    shop: Shop,
    put: Put,
    client: FlaskClient,
    administrator: Person,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
) -> None:
    instance = shop.look(shop.order(customer, plan_id()))[1]
    orphan = put(
        OrphanKind.WORKLOAD,
        instance.name,
        namespace=instance.namespace,
        instance_label=str(uuid.uuid4()),
        instance_id=instance.id,
        user_id=customer.id,
    )

    answer = client.post(f"{ROOT}/{orphan}/adopt", json={"reason": REASON}, headers=administrator.headers)

    assert data_of(answer)["instanceId"] == str(instance.id)


@pytest.mark.parametrize(
    "path", ["GET ", "POST /look", f"POST /{uuid.UUID(int=7)}/remove", f"POST /{uuid.UUID(int=7)}/adopt"]
)
def test_only_for_administrators(
    client: FlaskClient, customer: Person, administrator: Person, path: str
) -> None:
    method, _, rest = path.partition(" ")

    refused(client.open(ROOT + rest, method=method), 401, "unauthenticated")
    answer = client.open(ROOT + rest, method=method, headers=customer.headers)
    refused(answer, 403, "accounts.staff_only")
    if "-" in rest:
        answer = client.open(
            ROOT + rest, method=method, json={"reason": REASON}, headers=administrator.headers
        )
        assert answer.status_code == 404
