"""Nodes as the cluster tells of them."""

from typing import Any

from minispod.cluster.port import NodeSighting


def worker(name: str = "worker-1", *, memory_mb: int = 32_768, **facts: Any) -> NodeSighting:
    """A worker with 12 CPU that runs nothing yet."""
    known = {
        "is_ready": True,
        "is_schedulable": True,
        "is_control_plane": False,
        "cpu_allocatable": 12_000,
        "memory_allocatable": memory_mb,
        "cpu_capacity": 12_000,
        "memory_capacity": memory_mb,
        "pods_allocatable": 110,
        "cpu_requested": 0,
        "memory_requested": 0,
        "pods_running": 0,
        "cpu_used": None,
        "memory_used": None,
        "version": "v1.36.2",
    }
    return NodeSighting(name=name, **(known | facts))
