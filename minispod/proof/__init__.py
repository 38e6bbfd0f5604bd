"""The proof that money adds up: named checks over one snapshot, their runs, and the repairs that are safe."""
