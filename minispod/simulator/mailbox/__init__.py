"""A mailbox for demo and tests: an SMTP server that keeps every mail, and a page to read them.

A separate process; it imports nothing of MinisPod and nothing of MinisPod imports it. Start it with
`python -m minispod.simulator.mailbox --smtp-port 0 --http-port 0 --store DIR --ready-file PATH`: the file then
holds `smtp` (host:port), `http` (address of the page) and `lever_token`.

* `GET /` lists the mails, newest first; `?to=` searches by recipient. `GET /messages/<id>` shows one.
* `GET /api/messages?to=&subject=&limit=` answers `{"messages": [...]}`, newest first, with text, HTML, links,
  headers and attachments; `GET /api/messages/<id>` one of them; `GET /api/messages/<id>/raw` its bytes.
* `DELETE /api/messages?to=` and `DELETE /api/messages/<id>` forget.
* `POST /api/levers` (header `Authorization: Bearer <lever_token>`) makes trouble:
  `{"refuse": {"times": 3, "code": 451, "stage": "mail"|"rcpt"|"data", "to": "a@b"?}, "delay_s": 2}`; `DELETE` ends it.
"""
