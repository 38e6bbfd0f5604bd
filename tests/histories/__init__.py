"""Histories of a small shop: what can be done in it, by whom, and what must hold afterwards whatever was done."""
