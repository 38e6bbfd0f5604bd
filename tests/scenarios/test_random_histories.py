"""Any history, one act after another, leaves money, months, slots and instances in agreement.

Histories are drawn at random and played through the same acts, jobs and verdicts as in production. What must hold
afterwards does not depend on the history. The same seed plays the same histories.
"""

import pytest

from tests.histories.playing import Player, play_many


@pytest.mark.timeout(0)
def test_any_history_adds_up(player: Player, histories_seed: str, histories_wanted: int) -> None:
    play_many(player.play, number=max(1, histories_wanted * 2 // 5), most_at_once=1, seed=histories_seed)
