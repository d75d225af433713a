"""Files of ours, read back as data: typed, bounded, checked before anything uses them.

Here: the manifest of a folder, whose files are checked by size and hash, and JSON records as typed
models. Not here: writing (`files`), and what a record means (where it is used).
"""

from k3m_kg.manifests.listing import (
    described_files,
    file_hash,
    read_json,
    read_manifest,
    write_json,
)
from k3m_kg.manifests.records import Count, as_record, damage_named, read_record, read_settings

__all__ = [
    "Count",
    "as_record",
    "damage_named",
    "described_files",
    "file_hash",
    "read_json",
    "read_manifest",
    "read_record",
    "read_settings",
    "write_json",
]
