"""Categories as administrators keep them, over the wire."""

import uuid
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.api.catalog.conftest import Office
from tests.plugins.app import data_of

PlanFinder = Callable[..., uuid.UUID]
CATEGORIES = "/api/admin/categories"

pytestmark = pytest.mark.usefixtures("catalog")


def test_categories_lie_within_one_another_but_never_in_themselves(
    office: Office, client: FlaskClient, ids: Callable[[str], str]
) -> None:
    top = office.post(CATEGORIES, name="Everything", slug="everything")["category"]
    databases, cms = ids("databases"), ids("cms")
    office.put(f"{CATEGORIES}/{databases}", parentId=top["id"])
    office.put(f"{CATEGORIES}/{cms}", parentId=databases)

    for path, parent in ((top["id"], cms), (top["id"], top["id"]), (databases, cms)):
        office.refused(400, "catalog.category_cycle", "PUT", f"{CATEGORIES}/{path}", parentId=parent)
    office.refused(404, "catalog.no_such_category", "PUT", f"{CATEGORIES}/{cms}", parentId=str(uuid.uuid4()))
    listed = {each["slug"]: each for each in data_of(client.get("/api/catalog/categories"))}
    assert listed["everything"]["_count"]["services"] == listed["databases"]["_count"]["services"] == 5
    assert listed["cms"]["parentId"] == databases
    found = data_of(client.get("/api/catalog/categories/everything/services"))["services"]
    assert {each["category"]["slug"] for each in found} == {"databases", "cms"}
    assert len(data_of(client.get("/api/catalog/search?category=databases"))["services"]) == 5
    assert office.put(f"{CATEGORIES}/{databases}", parentId="")["category"]["parentId"] is None


def test_categories_are_kept(office: Office, client: FlaskClient, ids: Callable[[str], str]) -> None:
    made = office.post(CATEGORIES, name="Games", slug="games", description="", parentId=None)["category"]
    path = f"{CATEGORIES}/{made['id']}"

    assert "games" not in {each["slug"] for each in data_of(client.get("/api/catalog/categories"))}
    staff = client.get("/api//catalog/categories", headers=office.headers)
    assert "games" in {each["slug"] for each in data_of(staff)}
    office.refused(409, "catalog.category_taken", "POST", CATEGORIES, name="Games", slug="games2")
    office.refused(409, "catalog.category_taken", "PUT", path, slug="cms")
    office.refused(400, "catalog.nothing_given", "PUT", path)
    office.refused(400, "request.invalid", "POST", CATEGORIES, name="  ", slug="x y")
    office.refused(409, "catalog.category_in_use", "DELETE", f"{CATEGORIES}/{ids('cms')}")
    assert office.get(path)["category"]["name"] == "Games"
    [found] = office.get(f"{CATEGORIES}?search=game")["categories"]
    assert found["_count"] == {"services": 0, "children": 0}
    office.delete(path)
    office.refused(404, "catalog.no_such_category", "GET", path)
