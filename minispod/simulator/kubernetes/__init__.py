"""A Kubernetes API server of our own, for demos and tests, that speaks the real wire protocol.

Started as its own process (see `__main__`); official clients and kubectl talk to it as to a cluster.
It imports nothing from the rest of MinisPod and nothing imports it.
"""
