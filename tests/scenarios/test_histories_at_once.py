"""Any history in which several people, the gateway and the clock act at the same moment leaves everything in agreement.

Customers share plans with few slots and coupons with few uses. Interleavings are the machine's: a failure prints its
history and the seed of the run, and is tried several times while hypothesis makes it smaller.
"""

import pytest

from tests.histories.playing import MOST_AT_ONCE, Player, play_many


@pytest.mark.timeout(0)
def test_any_history_of_many_adds_up(player: Player, histories_seed: str, histories_wanted: int) -> None:
    play_many(
        player.play, number=max(1, histories_wanted * 3 // 5), most_at_once=MOST_AT_ONCE, seed=histories_seed
    )
