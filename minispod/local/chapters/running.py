"""The instance: it starts, answers, is seen live; and it goes when its subscription is cancelled."""

from minispod.local.live_view import LiveView
from minispod.local.timeline import eventually
from minispod.local.visit import SOON_SECONDS, Visit, check


def watch_it_start(visit: Visit) -> None:
    """Wait until it runs, by asking and by listening."""
    told = visit.told
    with told.step("the instance becomes RUNNING and Healthy"):
        visit.until_healthy()
        visit.url = visit.instance()["publicUrl"]
    with told.step("live status says so too"):
        view = LiveView(visit.around.web, "/status", {"token": visit.me.access_token})
        # The one that was called off before may be spoken of too.
        heard = view.hear("instance-status", within=SOON_SECONDS, subscriptionId=visit.subscription)
        view.leave()
        check(heard["status"] == "RUNNING", f"It says {heard}")


def use_it(visit: Visit) -> None:
    """Open its address and read its log."""
    told = visit.told
    with told.step(f"opens {visit.url}"):
        eventually(
            lambda: visit.answers(200), within=SOON_SECONDS * 2, otherwise=f"{visit.url} does not answer 200"
        )
    with told.step("reads its live log"):
        auth = {"token": visit.me.access_token, "subscriptionId": visit.subscription}
        view = LiveView(visit.around.web, "/k8s-logs", auth)
        line = view.hear("log-data", within=SOON_SECONDS)
        view.leave()
        told.remark(f'"{line[:60]}"')


def read_mail(visit: Visit) -> None:
    """Find what was written so far."""
    with visit.told.step("finds welcome, receipt, refund and instance-ready in the mailbox"):
        visit.expect_mail("welcome", "topup_receipt", "refunded", "instance_ready")


def cancel(visit: Visit) -> None:
    """End the subscription."""
    with visit.told.step("cancels"):
        ended = visit.me.call("DELETE", f"/subscriptions/{visit.subscription}")
        check(ended["subscription"]["status"] == "CANCELLED", f"It answered {ended}")
        visit.unmoved()


def watch_it_go(visit: Visit) -> None:
    """See the instance go, and find the confirmation."""
    told = visit.told
    with told.step("the instance is gone"):
        eventually(
            lambda: visit.instance()["status"] == "TERMINATED",
            within=visit.around.patience,
            otherwise="the instance was not removed",
        )
    with told.step("its address answers no more"):
        eventually(
            lambda: visit.answers(404, 503),
            within=SOON_SECONDS * 2,
            otherwise=f"{visit.url} still answers",
        )
    with told.step("finds the confirmation in the mailbox"):
        visit.expect_mail("cancelled")
