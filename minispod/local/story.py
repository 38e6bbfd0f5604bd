"""`make story`: one customer's whole way through a running demo, from outside, through the public API only.

Prints a timeline. Status 0: everything happened as told; 1: it stopped, with the step and the answer. Uses nothing
of MinisPod: what the story sees is what a customer sees.
"""

import argparse
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from minispod.local import payment_page
from minispod.local.bystanders import Gateway, Mailbox
from minispod.local.live_view import LiveView
from minispod.local.shopper import Shopper, Unexpected
from minispod.local.surroundings import DIRECTORY, Surroundings
from minispod.local.timeline import StoryStopped, Timeline, eventually

TOP_UP = 100_000
SERVICE, PLAN = "n8n-automation", "BASIC"
PASSWORD = "a story needs a password"  # noqa: S105 - of an account that lives as long as the story
READY_SECONDS = 60.0
SOON_SECONDS = 60.0


class Story:
    """The chapters, in order; each leaves behind what the next one needs."""

    def __init__(self, around: Surroundings, timeline: Timeline) -> None:
        self._around = around
        self._told = timeline
        self._me = Shopper(around)
        self._email = f"story-{uuid.uuid4().hex[:12]}@example.com"
        self._plan: dict[str, Any] = {}
        self._order_id = ""
        self._subscription = ""
        self._url = ""

    @property
    def chapters(self) -> tuple[Callable[[], None], ...]:
        """The whole story."""
        return (
            self._arrive,
            self._browse,
            self._order_without_credit,
            self._top_up,
            self._repeat_the_notice,
            self._order,
            self._watch_it_start,
            self._use_it,
            self._read_the_mail,
            self._check_the_statement,
            self._order_twice,
            self._cancel,
            self._leave,
        )

    def _arrive(self) -> None:
        with self._told.step("the shop is ready"):
            eventually(
                self._is_ready,
                within=READY_SECONDS,
                otherwise="/readyz does not answer 200; is there a demo? Start one with 'make demo'",
            )
        with self._told.step(f"registers as {self._email}"):
            form = {"name": "Budi Santoso", "email": self._email, "password": PASSWORD}
            user = self._me.call("POST", "/auth/register", form, status=201)["user"]
            self._told.remark(f"account {user['id']}")
        with self._told.step("signs in"):
            self._me.keep(self._me.call("POST", "/auth/login", {"email": self._email, "password": PASSWORD}))
        with self._told.step("gets fresh tokens for the old ones"):
            spent = self._me.refresh_token
            self._me.keep(self._me.call("POST", "/auth/refresh-token", {"refreshToken": spent}))
            _check(self._me.refresh_token != spent, "The refresh token was not replaced.")
        with self._told.step("changes the profile"):
            self._me.call("PUT", "/user/profile", {"name": "Budi S.", "phone": "", "avatar": ""})
            user = self._me.call("GET", "/user/profile")["user"]
            _check((user["name"], user["email"]) == ("Budi S.", self._email), f"The profile shows {user}")

    def _is_ready(self) -> bool | None:
        try:
            return self._me.send("GET", "/readyz").status_code == 200 or None
        except StoryStopped:
            return None

    def _browse(self) -> None:
        with self._told.step("looks through the catalogue"):
            services = self._me.call("GET", "/catalog/services")["services"]
            by_slug = {each["slug"]: each for each in services}
            _check(SERVICE in by_slug, f"{SERVICE} is not for sale, only {sorted(by_slug)}")
            found = by_slug[SERVICE]
            self._plan = next(plan for plan in found["plans"] if plan["planType"] == PLAN)
            self._told.remark(
                f"{len(services)} services; {found['name']} {self._plan['name']} at {self._price:,}"
            )

    @property
    def _price(self) -> int:
        return int(self._plan["monthlyPrice"])

    def _order_without_credit(self) -> None:
        with self._told.step("has an empty wallet"):
            self._expect_credit(0)
        with self._told.step("cannot order without credit"):
            sentence = self._me.refused(
                "POST",
                "/subscriptions",
                {"planId": self._plan["id"]},
                status=400,
                code="wallet.insufficient_credit",
            )
            self._told.remark(sentence)

    def _top_up(self) -> None:
        with self._told.step(f"asks to top up {TOP_UP:,}"):
            asked = {"amount": TOP_UP, "paymentMethod": "QRIS"}
            opened = self._me.call("POST", "/wallet/topup", asked, status=201)["transaction"]
        with self._told.step("pays by QRIS on the payment page"):
            said = payment_page.pay(opened["redirectUrl"])
            _check(said["transaction_status"] == "settlement", f"The payment page ended with {said}")
            self._order_id = said["order_id"]
            self._told.remark(f"order {self._order_id}")
        with self._told.step("the credit arrives"):
            eventually(lambda: self._credit() == TOP_UP, within=SOON_SECONDS, otherwise="no credit arrived")

    def _repeat_the_notice(self) -> None:
        with self._told.step("a repeated notice credits nothing"):
            if not (self._around.midtrans and self._around.lever_token):
                self._told.remark("left out: only the simulated gateway can be asked to repeat one")
                return
            gateway = Gateway(self._around.midtrans, self._around.lever_token)
            status = gateway.repeat_notice(self._order_id)
            _check(status == 200, f"The repeated notice was answered with {status}.")
            self._expect_credit(TOP_UP)
            self._told.remark(f"answered {status}")
        with self._told.step("a forged notice is refused"):
            forged = {
                "order_id": self._order_id,
                "transaction_id": str(uuid.uuid4()),
                "payment_type": "qris",
                "status_code": "200",
                "gross_amount": f"{TOP_UP}.00",
                "transaction_status": "settlement",
                "signature_key": "0" * 128,
            }
            answer = self._me.send("POST", "/wallet/webhook/midtrans", forged)
            if answer.status_code != 403:
                raise Unexpected("POST", "/wallet/webhook/midtrans", 403, answer)
            self._expect_credit(TOP_UP)
            self._told.remark(f"answered {answer.status_code}")

    def _order(self) -> None:
        with self._told.step(f"orders {SERVICE} {self._plan['name']}"):
            wish = {"planId": self._plan["id"]}
            placed = self._me.call("POST", "/subscriptions", wish, status=201)
            self._subscription = placed["subscription"]["id"]
            _check(placed["finalAmount"] == self._price, f"{placed['finalAmount']} was charged")
            self._expect_credit(TOP_UP - self._price)
            self._told.remark(f"subscription {self._subscription}")

    def _watch_it_start(self) -> None:
        seen: list[str] = []

        def is_up() -> bool:
            instance = self._instance()
            if instance["status"] not in seen[-1:]:
                seen.append(instance["status"])
            _check(instance["status"] != "ERROR", f"The instance failed: {instance['healthStatus']}")
            return bool(instance["status"] == "RUNNING" and instance["healthStatus"] == "Healthy")

        with self._told.step("the instance becomes RUNNING and Healthy"):
            eventually(is_up, within=self._around.patience, every=0.25, otherwise="it did not start")
            self._url = self._instance()["publicUrl"]
            self._told.remark(" > ".join(seen))
        with self._told.step("live status says so too"):
            view = LiveView(self._around.web, "/status", {"token": self._me.access_token})
            told = view.hear("instance-status", within=SOON_SECONDS)
            view.leave()
            _check(told["subscriptionId"] == self._subscription, f"It spoke of another one: {told}")
            _check(told["status"] == "RUNNING", f"It says {told}")

    def _use_it(self) -> None:
        with self._told.step(f"opens {self._url}"):
            eventually(
                lambda: self._answers(200),
                within=SOON_SECONDS * 2,
                otherwise=f"{self._url} does not answer 200",
            )
        with self._told.step("reads its live log"):
            auth = {"token": self._me.access_token, "subscriptionId": self._subscription}
            view = LiveView(self._around.web, "/k8s-logs", auth)
            line = view.hear("log-data", within=SOON_SECONDS)
            view.leave()
            self._told.remark(f'"{line[:60]}"')

    def _read_the_mail(self) -> None:
        with self._told.step("finds welcome, receipt and instance-ready in the mailbox"):
            self._expect_mail({"welcome", "topup_receipt", "instance_ready"})

    def _check_the_statement(self) -> None:
        with self._told.step("checks the statement"):
            rows = self._me.call("GET", "/wallet/transactions")["transactions"]
            shown = sorted((row["type"], row["amount"], row["status"]) for row in rows)
            wanted = [("SUBSCRIPTION", self._price, "COMPLETED"), ("TOP_UP", TOP_UP, "COMPLETED")]
            _check(shown == wanted, f"The statement shows {shown}")

    def _order_twice(self) -> None:
        with self._told.step("cannot order the same service twice"):
            self._told.remark(
                self._me.refused("POST", "/subscriptions", {"planId": self._plan["id"]}, status=409)
            )

    def _cancel(self) -> None:
        with self._told.step("cancels"):
            ended = self._me.call("DELETE", f"/subscriptions/{self._subscription}")
            _check(ended["subscription"]["status"] == "CANCELLED", f"It answered {ended}")
            self._expect_credit(TOP_UP - self._price)
        with self._told.step("the instance is gone"):
            eventually(
                lambda: self._instance()["status"] == "TERMINATED",
                within=self._around.patience,
                otherwise="the instance was not removed",
            )
        with self._told.step("its address answers no more"):
            eventually(
                lambda: self._answers(404, 503),
                within=SOON_SECONDS * 2,
                otherwise=f"{self._url} still answers",
            )
        with self._told.step("finds the confirmation in the mailbox"):
            self._expect_mail({"cancelled"})

    def _leave(self) -> None:
        with self._told.step("signs out"):
            token = {"refreshToken": self._me.refresh_token}
            self._me.call("POST", "/auth/logout", token)
            self._me.refused("POST", "/auth/refresh-token", token, status=401)

    def _credit(self) -> int:
        return int(self._me.call("GET", "/wallet/info")["wallet"]["creditBalance"])

    def _expect_credit(self, wanted: int) -> None:
        credit = self._credit()
        _check(credit == wanted, f"The wallet shows {credit:,} instead of {wanted:,}.")

    def _instance(self) -> dict[str, Any]:
        shown = self._me.call("GET", f"/subscriptions/{self._subscription}")["subscription"]
        instance: dict[str, Any] = shown["instances"][0]
        return instance

    def _answers(self, *statuses: int) -> bool:
        answer = self._me.visit(self._url)
        return answer is not None and answer.status_code in statuses

    def _expect_mail(self, kinds: set[str]) -> None:
        if not self._around.mailbox:
            self._told.remark("left out: this demo has no mailbox")
            return
        mailbox = Mailbox(self._around.mailbox)
        eventually(
            lambda: kinds <= mailbox.kinds_for(self._email),
            within=SOON_SECONDS,
            otherwise=f"not all of these mails came: {sorted(kinds)}",
        )


def _check(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise StoryStopped(otherwise)


def main() -> int:
    """Tell the story; the exit status says how it ended."""
    parser = argparse.ArgumentParser(prog="minispod.local.story", description=__doc__)
    parser.add_argument("--state", type=Path, default=DIRECTORY, help="directory of the demo's data")
    around = Surroundings.look_around(directory=parser.parse_args().state)
    timeline = Timeline(sys.stdout)
    timeline.say(f"One customer's story, at {around.web}\n\n  began      took       step")
    try:
        for chapter in Story(around, timeline).chapters:
            chapter()
    except (StoryStopped, requests.RequestException) as reason:
        return _stopped(timeline, str(reason))
    except (LookupError, TypeError, ValueError) as surprise:
        return _stopped(timeline, f"An answer has another shape than agreed: {surprise!r}")
    timeline.say(f"\nThe story ends well after {timeline.elapsed:.1f} s.")
    return 0


def _stopped(timeline: Timeline, reason: str) -> int:
    timeline.say(f"\nThe story stopped after {timeline.elapsed:.1f} s: {reason}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
