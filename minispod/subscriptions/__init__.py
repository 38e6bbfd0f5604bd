"""The promise: order, fulfil, renew, expire, cancel, revive.

The only package that knows money, slots and instances together.
"""
