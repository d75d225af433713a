"""What reports of several evaluations say alike."""

from __future__ import annotations

from typing import Any


def about_title(report: dict[str, Any]) -> str:
    """What the title shows of what is asked."""
    if "title" not in report["sees"]:
        return "the model reads no title"
    return f"the asked value is {'cut out of' if report['cut_title'] else 'left in'} the title"
