"""A customer with a running web application, who gives it a domain of their own over the wire."""

import uuid
from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from tests.plugins.app import Person, data_of
from tests.plugins.names import Names
from tests.plugins.shop import Shop

HOST = "shop.example.com"


class Site:
    """One subscription and its domains, as its customer sees them."""

    def __init__(
        self,
        client: FlaskClient,
        shop: Shop,
        owner: Person,
        plan: uuid.UUID,
        headers_now: Callable[[Person], dict[str, str]],
        run_jobs: Callable[[], int],
    ) -> None:
        self.client, self.shop, self.owner, self._headers_now = client, shop, owner, headers_now
        self.run_jobs = run_jobs
        self.id = shop.order(owner, plan)
        self.path = f"/api/v1/subscriptions/{self.id}/domains"

    @property
    def headers(self) -> dict[str, str]:
        """Fresh headers: stories are longer than the life of a token."""
        return self._headers_now(self.owner)

    @property
    def own_host(self) -> str:
        """The host we gave the instance."""
        return self.shop.look(self.id)[1].host

    def post(self, path: str = "", **body: Any) -> Any:
        """Send something to the list of domains."""
        return self.client.post(f"{self.path}{path}", json=body, headers=self.headers)

    def add(self, host: str = HOST) -> dict[str, Any]:
        """Add a domain."""
        domain: dict[str, Any] = data_of(self.post(host=host), 201)["domain"]
        return domain

    def all(self) -> dict[str, Any]:
        """Every address of the instance."""
        found: dict[str, Any] = data_of(self.client.get(self.path, headers=self.headers))
        return found

    def one(self, host: str = HOST) -> dict[str, Any]:
        """One domain of the list."""
        return next(each for each in self.all()["domains"] if each["host"] == host)

    def check(self, host: str = HOST) -> dict[str, Any]:
        """Have a domain looked at and return what is then told of it."""
        data_of(self.post(f"/{self.one(host)['id']}/check"), 202)
        self.run_jobs()
        return self.one(host)

    def choose(self, host: str | None, *, confirm: bool = False) -> Any:
        """Make a domain the primary address."""
        body = {"domainId": host and self.one(host)["id"], "confirmRestart": confirm}
        return self.client.put(f"{self.path}/primary", json=body, headers=self.headers)

    def remove(self, host: str = HOST, *, confirm: bool = False) -> Any:
        """Remove a domain."""
        address = f"{self.path}/{self.one(host)['id']}"
        query = {"confirmRestart": "true"} if confirm else {}
        return self.client.delete(address, query_string=query, headers=self.headers)

    def codes(self, host: str = HOST) -> list[str]:
        """What is wrong with a domain."""
        return [each["code"] for each in self.one(host)["problems"]]


def records(*sites: Site, host: str = HOST) -> list[str]:
    """What the DNS of a host says when each of the sites has set its proof, and the host leads to the first."""
    proofs = [f'_minispod.{host}. TXT "{site.one(host)["records"][0]["value"]}"' for site in sites]
    return [*proofs, f"{host}. CNAME {sites[0].own_host}."]


def prove(names: Names, site: Site, host: str = HOST) -> dict[str, Any]:
    """Add a domain if need be, set its records, and have it looked at."""
    if host not in [each["host"] for each in site.all()["domains"]]:
        site.add(host)
        site.run_jobs()
    names.publish(*records(site, host=host))
    site.shop.clock.advance(seconds=20)
    return site.check(host)
