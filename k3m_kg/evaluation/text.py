"""What reports of several evaluations say alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k3m_kg.contracts import Verdict


def about_title(report: dict[str, Any]) -> str:
    """What the title shows of what is asked."""
    hidden = report.get("hide_modalities", [])
    if "title" not in report["sees"]:
        return "the model reads no title"
    if hidden:
        return f"without {' and '.join(hidden)}"
    return f"the asked value is {'cut out of' if report['cut_title'] else 'left in'} the title"


def verdict_lines(report: dict[str, Any]) -> Iterator[str]:
    """What limits the baselines, and who is ahead."""
    yield from report.get("baseline_notes", ())
    if "verdict" in report:
        yield f"verdict: {Verdict(**report['verdict']).line()}"


_HARM = {
    "missing": "lost their {part}",
    "wrong": "have another product's {part}",
    "none": "had no {part}",
    "alike": "keep their {part}, as no other product says something else",
}


def corruption_lines(report: dict[str, Any]) -> Iterator[str]:
    """What was corrupted, in how many products; nothing where nothing was."""
    if report.get("corruption") is not None:
        yield from corruption_text(report["corruption"])


def corruption_text(told: dict[str, Any]) -> Iterator[str]:
    """A line per corruption, of what `Snapshot.corruption` tells."""
    for corruption in told["applied"]:
        parts = [
            f"{count:,} {words.format(part=part)}"
            for part, counts in corruption.items()
            if isinstance(counts, dict)
            for key, words in _HARM.items()
            if (count := counts.get(key))
        ]
        yield (
            f"corrupted by {corruption['name']}:{corruption['ratio']:g} (seed {told['seed']}): of "
            f"{told['products']:,} {told['split']} products {'; '.join(parts) or 'nobody'}"
        )
