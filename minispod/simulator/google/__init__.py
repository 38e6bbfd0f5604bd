"""A stand-in for Google's sign-in, for demo and tests: publishes keys and signs ID tokens with them.

A separate process; it imports nothing of MinisPod and nothing of MinisPod imports it. Start it with
`python -m minispod.simulator.google --port 0 --client-id ID --ready-file PATH`: the file then holds `url`, `keys_url`,
`client_id` and `lever_token`.

* `GET /oauth2/v3/certs` answers the key set as Google does.
* With the header `Authorization: Bearer <lever_token>`: `POST /api/tokens` (claims as JSON; what is missing is filled
  in, null leaves a claim out) answers `{"idToken": "..."}`; `POST /api/rotate` signs with a new key from now on and
  forgets the oldest but one; `POST /api/levers` takes `{"status": 503, "delay_s": 2}` for the key set, and `DELETE`
  ends it.
"""
