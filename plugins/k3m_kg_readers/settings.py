"""Settings of these formats: what a file cannot tell of itself."""

from __future__ import annotations

from k3m_kg.api import Settings


class TableSettings(Settings):
    """Settings of a format of delimited text.

    Attributes:
        encoding: of the text.
    """

    encoding: str = "utf-8"
