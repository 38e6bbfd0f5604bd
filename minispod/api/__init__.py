"""The JSON door, /api/v1: parse, resolve the actor, read the clock once, open the unit of work, answer."""
