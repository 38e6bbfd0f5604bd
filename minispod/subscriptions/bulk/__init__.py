"""One act on many instances: what would come of it, the batch that is asked for, and how each of them went.

Decides nothing about an instance: each is acted on by the same act as if it was asked for alone (ADR 0045).
"""
