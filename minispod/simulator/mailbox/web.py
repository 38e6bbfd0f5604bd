"""The page and the JSON API of the mailbox.

HTML of mails is shown in a frame without scripts and without anything from elsewhere. Invariant: nothing that
came by mail is ever run or rendered in the page's own origin.
"""

import hmac
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, abort, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from minispod.simulator.mailbox.drawer import Drawer, Envelope
from minispod.simulator.mailbox.letters import Letter, read_letter
from minispod.simulator.mailbox.levers import BadLever, Levers

STRICT_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
LETTER_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';"
    " style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
PAGE_SIZE = 100
MAX_LISTED = 500


def create_app(drawer: Drawer, levers: Levers, lever_token: str) -> Flask:
    """Assemble the page and the API."""
    app = Flask(__name__, static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    _pages(app, drawer)
    _api(app, drawer)
    _lever_routes(app, levers, lever_token)

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        code, text = error.code or 500, error.description or error.name
        if request.path.startswith("/api/"):
            return make_response(jsonify({"error": text}), code)
        return make_response(render_template("mailbox_message.html", text=text), code)

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", STRICT_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    return app


def _found(drawer: Drawer, id: str) -> tuple[Envelope, bytes]:
    found = drawer.find(id)
    if found is None:
        abort(404, "There is no such mail.")
    return found


def _when(envelope: Envelope) -> str:
    return datetime.fromtimestamp(envelope.received_at, UTC).isoformat().replace("+00:00", "Z")


def _pages(app: Flask, drawer: Drawer) -> None:
    @app.get("/")
    def listing() -> str:
        to = request.args.get("to", "").strip()
        found = drawer.envelopes(to)
        rows = [(one, _when(one), _letter(drawer, one)) for one in found[:PAGE_SIZE]]
        return render_template("mailbox_list.html", rows=rows, to=to, total=len(found))

    @app.get("/messages/<id>")
    def one(id: str) -> str:
        envelope, raw = _found(drawer, id)
        letter = read_letter(raw)
        return render_template("mailbox_letter.html", envelope=envelope, letter=letter, when=_when(envelope))

    @app.get("/messages/<id>/html")
    def html(id: str) -> Response:
        _, raw = _found(drawer, id)
        content = read_letter(raw).html
        if content is None:
            abort(404, "This mail has no HTML part.")
        # Links open beside the mailbox: the frame itself must stay where it is.
        response = make_response('<!doctype html><base target="_blank">' + content)
        response.headers["Content-Security-Policy"] = LETTER_POLICY
        return response

    @app.get("/messages/<id>/attachments/<int:number>")
    def attachment(id: str, number: int) -> Response:
        _, raw = _found(drawer, id)
        attached = read_letter(raw).attachments
        if not 1 <= number <= len(attached):
            abort(404, "There is no such attachment.")
        chosen = attached[number - 1]
        response = make_response(chosen.content)
        response.headers["Content-Type"] = "application/octet-stream"
        response.headers.set("Content-Disposition", "attachment", filename=chosen.name)
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        return response


def _letter(drawer: Drawer, envelope: Envelope) -> Letter | None:
    found = drawer.find(envelope.id)
    return read_letter(found[1]) if found else None


def _as_json(envelope: Envelope, letter: Letter) -> dict[str, Any]:
    return {
        "id": envelope.id,
        "received_at": _when(envelope),
        "mail_from": envelope.mail_from,
        "to": list(envelope.rcpt_to),
        "size": envelope.size,
        **letter.as_json(),
    }


def _api(app: Flask, drawer: Drawer) -> None:
    @app.get("/api/messages")
    def messages() -> Response:
        subject = request.args.get("subject", "").lower()
        limit = min(request.args.get("limit", PAGE_SIZE, type=int), MAX_LISTED)
        listed: list[dict[str, Any]] = []
        for envelope in drawer.envelopes(request.args.get("to")):
            letter = _letter(drawer, envelope)
            if len(listed) >= limit:
                break
            if letter is not None and subject in letter.subject.lower():
                listed.append(_as_json(envelope, letter))
        return jsonify({"messages": listed})

    @app.delete("/api/messages")
    def clear() -> Response:
        ids = [envelope.id for envelope in drawer.envelopes(request.args.get("to"))]
        return jsonify({"deleted": drawer.forget(ids)})

    @app.get("/api/messages/<id>")
    def message(id: str) -> Response:
        envelope, raw = _found(drawer, id)
        return jsonify(_as_json(envelope, read_letter(raw)))

    @app.get("/api/messages/<id>/raw")
    def raw_message(id: str) -> Response:
        _, raw = _found(drawer, id)
        return Response(raw, mimetype="text/plain")

    @app.delete("/api/messages/<id>")
    def delete(id: str) -> Response:
        _found(drawer, id)
        return jsonify({"deleted": drawer.forget([id])})

    @app.get("/api/health")
    def health() -> Response:
        return jsonify({"messages": len(drawer.envelopes())})


def _lever_routes(app: Flask, levers: Levers, lever_token: str) -> None:
    def check_token() -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), lever_token.encode()):
            abort(401, "The lever token is needed.")

    @app.get("/api/levers")
    def state() -> Response:
        check_token()
        return jsonify(levers.state())

    @app.post("/api/levers")
    def pull() -> Response:
        check_token()
        wanted = request.get_json(silent=True)
        if not isinstance(wanted, dict):
            abort(400, "The body must be a JSON object.")
        try:
            levers.pull(wanted)
        except BadLever as refusal:
            abort(400, str(refusal))
        return jsonify(levers.state())

    @app.delete("/api/levers")
    def release() -> Response:
        check_token()
        levers.release()
        return jsonify(levers.state())
