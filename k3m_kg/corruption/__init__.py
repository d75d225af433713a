"""Missing and wrong titles, pictures and triples: a view of a snapshot that is harmed on purpose.

Here: which corruptions there are, whom they meet, the view. Not here: what a model makes of it
(`evaluation`, `robustness`).
"""

from k3m_kg.corruption.kinds import CORRUPTIONS, Corruption, Kind, corruption_of
from k3m_kg.corruption.view import CorruptedSnapshot, corrupt

__all__ = ["CORRUPTIONS", "CorruptedSnapshot", "Corruption", "Kind", "corrupt", "corruption_of"]
