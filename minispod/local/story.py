"""`make story`: one customer's whole way through a running demo, from outside, with the administrator's part in it.

Prints a timeline. Status 0: everything happened as told; 1: it stopped, with the step and the answer. Uses nothing
of MinisPod: what the story sees is what a customer sees in the API, and an administrator in API and pages.
"""

import argparse
import sys
from pathlib import Path

import requests

from minispod.local.chapters import (
    alerts,
    arriving,
    books,
    chargeback,
    coupons,
    database,
    paying,
    refunds,
    running,
    upgrading,
)
from minispod.local.surroundings import DIRECTORY
from minispod.local.timeline import StoryStopped, Timeline
from minispod.local.visit import Visit

# Money is paid, given and taken back while the instance starts, and the books are read while it grows.
CHAPTERS = (
    arriving.arrive,
    arriving.browse,
    paying.top_up,
    chargeback.pay_by_card,
    coupons.make_coupons,
    coupons.order_with_coupon,
    paying.pay_twice,
    refunds.refund_charge,
    refunds.refund_topup,
    chargeback.charge_back,
    alerts.deal_with_alert,
    running.watch_it_start,
    running.use_it,
    upgrading.upgrade,
    books.check_statement,
    books.read_papers,
    running.read_mail,
    upgrading.watch_it_grow,
    database.keep_data,
    running.cancel,
    coupons.put_coupons_away,
    books.prove,
    running.watch_it_go,
    arriving.leave,
)


def main() -> int:
    """Tell the story; the exit status says how it ended."""
    parser = argparse.ArgumentParser(prog="minispod.local.story", description=__doc__)
    parser.add_argument("--state", type=Path, default=DIRECTORY, help="directory of the demo's data")
    directory, timeline = parser.parse_args().state, Timeline(sys.stdout)
    timeline.say("One customer's story\n\n  began      took       step")
    try:
        visit = Visit(arriving.find_shop(directory, timeline), timeline)
        for chapter in CHAPTERS:
            chapter(visit)
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
