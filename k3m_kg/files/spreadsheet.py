"""Cells of CSV that a spreadsheet would take for a formula.

Excel, LibreOffice and Google Sheets run a cell that begins with one of a few characters when
somebody opens the file; a catalog's texts may begin so. An apostrophe before it makes it text, and
is shown nowhere but in the file (OWASP, CSV Injection). Numbers stay: `-5` can do nothing.
"""

from __future__ import annotations

import re
from typing import Any

_FORMULA = re.compile("[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?")


def inert(cell: Any) -> Any:
    """The cell as a spreadsheet shows it without running it; what is no text stays as it is."""
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell
