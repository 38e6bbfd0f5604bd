"""Tickets: acts without a door."""
