"""The house itself: contracts between rooms, inventories, migrations, documents that must match the code."""
