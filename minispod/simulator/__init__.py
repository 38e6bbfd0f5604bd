"""Separate local servers that speak the real wire protocols, for demo and tests. Nothing imports them."""
