"""MinisPod: sell ready-to-use applications from your own K3s cluster."""

__version__ = "0.1.0"
