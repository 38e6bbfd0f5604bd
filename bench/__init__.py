"""Figures of MinisPod: reported, not asserted. `make bench`, with ARGS for more."""
