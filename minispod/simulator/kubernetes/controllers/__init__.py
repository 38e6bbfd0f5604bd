"""The controllers that make the simulated cluster live: each turns wishes into objects, level by level.

All of them run in the reactor's thread under the store's lock; a controller reads the store and writes by the
registry, and never keeps what the store already knows.
"""
