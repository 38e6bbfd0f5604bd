"""The page at the address of a database: what it is and how one connects. Open to everybody, so it shows no secret.

It is at our own address and not at the database's host: there it would need an Ingress and a certificate for each
database, and would be away with the cluster (docs/adr/0024).
"""

from typing import Any

from flask import Blueprint, Response, render_template, request

from minispod.api.guard import limiter
from minispod.instances import queries
from minispod.instances.exposing import authority_certificates
from minispod.kernel.errors import NotFound
from minispod.ports import current_settings

door = Blueprint("connect", __name__, url_prefix="/connect")


@door.get("/<name>")
@limiter.limit("120 per minute")
def show(name: str) -> Any:
    """Say how to connect to the database of this name, in the visitor's language."""
    facts = queries.connect_page(name)
    language = request.accept_languages.best_match(["en", "id"], default="en")
    page = render_template(
        f"connect/page.{language}.html",
        facts=facts,
        language=language,
        frontend_url=current_settings().web.frontend_url,
    )
    return Response(page, headers={"Vary": "Accept-Language", "Content-Language": language})


@door.get("/ca.crt")
@limiter.limit("120 per minute")
def authority() -> Response:
    """The certificate with which clients check that they speak to the right database."""
    certificates = authority_certificates()
    if not certificates:
        raise NotFound("There is no database here yet.")
    disposition = {"Content-Disposition": "attachment; filename=minispod-ca.crt"}
    return Response(certificates, mimetype="application/x-pem-file", headers=disposition)
