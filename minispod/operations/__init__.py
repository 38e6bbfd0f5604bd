"""Work in several steps with an instance's data: back up, restore, reset, move, upgrade, leave a dead node."""
