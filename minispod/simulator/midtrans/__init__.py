"""A local stand-in for Midtrans ("midsim"): Snap, the used part of the Core API, payment page, webhooks.

It speaks the real wire protocol, so that the official client works against it with only its base addresses
set. A separate process; it imports nothing of MinisPod and nothing of MinisPod imports it. Start it with
`python -m minispod.simulator.midtrans --port 0 --ready-file PATH`: the file then holds `url` and
`admin_token`. Every MIDSIM_<NAME> variable is also an option --<name> (see `config`).

The control API lives below `/sim/api` (header `Authorization: Bearer <admin_token>`, JSON):

* `GET health` (no token), `sessions`, `transactions`, `transactions/<id>`, `deliveries`: inspect; lists
  take `?order_id=`, deliveries also `?state=`. `GET report.csv?from=&to=`: feed for reconciliation.
* `POST sessions/<token>/choose {"method": "bca_va", "device": "mobile"}`: as the customer would.
* `POST transactions/<transaction or order id>/events {"event": "pay"}`: pay, deny, fds_deny, cancel, expire,
  failure, challenge, approve, settle_card, reversal, chargeback, late_pay, refund (`amount`, `refund_key`),
  refund_confirm.
* `POST clock {"advance_s": 900}` or `{"set": "2026-11-20T09:00:00Z"}`: time passes, and what falls due happens.
* `POST run-due {"limit": 5, "parallel": true}`: send the deliveries that are due now, in order unless parallel,
  and answer with their results.
* `POST deliveries/<id>/resend|hold|drop`.
* `GET|POST|DELETE faults`: a rule (`{"where": "api", "action": "delay", "s": 5, "times": 1}`) or
  `{"preset": "storm"}`; see `faults` and `presets`.
* `POST settings {"notification_url": ..., "fixtures": ..., "style_404": "http200"}`: change a running one;
  see `config.CHANGEABLE`.
* `POST reset`: forget everything (settings and their changes stay).

Replaying recorded notifications:

* `POST notify {"fixture": "x.json" | "body": ... | "raw_base64": ..., "status_api": ..., "url": ..., "copies": 20,
  "concurrent": true, "sign": "keep"|"good"|"bad", "headers": {}}` sends those bytes at once, without retries,
  and answers `{"status", "answer", "error", "deliveries"}`. With `status_api` the Status API is prepared
  first: `"mirror"` (the same facts as the body), an object (these values differ; `lookup_by: transaction_id`
  hides it from the order id) or `"404"`. Fixtures come from the folder given by --fixtures.
* `POST status-answers` with the same keys prepares the Status API only.
* `POST orders/seed {"order_id", "gross_amount", "payment_type", "status", "transaction_id"?, "fields"?}` puts a
  living transaction in place, silently, for events to go on from.
"""
