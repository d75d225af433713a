"""Snapshots: an immutable, columnar, memory-mapped cut of the graph, named by its content."""

from k3m_kg.snapshot.build import BuiltSnapshot, build_snapshot
from k3m_kg.snapshot.read import Snapshot, SnapshotProduct
from k3m_kg.snapshot.settings import CATEGORY, SnapshotSettings

__all__ = [
    "CATEGORY",
    "BuiltSnapshot",
    "Snapshot",
    "SnapshotProduct",
    "SnapshotSettings",
    "build_snapshot",
]
