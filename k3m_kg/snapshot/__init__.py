"""Snapshots: an immutable, columnar, memory-mapped cut of the graph, named by its content."""

from k3m_kg.snapshot.build import BuiltSnapshot, build_snapshot
from k3m_kg.snapshot.read import Snapshot, SnapshotProduct
from k3m_kg.snapshot.settings import SnapshotSettings

__all__ = ["BuiltSnapshot", "Snapshot", "SnapshotProduct", "SnapshotSettings", "build_snapshot"]
