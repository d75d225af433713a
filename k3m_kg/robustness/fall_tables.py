"""Falls from the whole catalog as text: how far each model falls, and which of two falls less."""

from __future__ import annotations

import math

from k3m_kg.corruption import CORRUPTIONS
from k3m_kg.robustness.falls import FallDifference
from k3m_kg.robustness.results import Results

FALLS = {"less": "falls less", "level": "cannot tell", "more": "falls more"}
"""Outcomes of a comparison of falls, in words."""
FALL_DIFFERENCE = "whose fall is smaller: below 0 the model falls less than the other"


def falls_of(results: Results, task: str) -> tuple[list[str], list[list[str]]]:
    """How far models fall from the whole catalog, with the most products of each corruption met.

    Returns:
        Head and body, as text, the smallest fall of a corruption with a star at its end.
    """
    ratio = max(results.settings.ratios)
    rows = [row for row in results.rows if row.task == task and row.fall is not None]
    rows = [row for row in rows if row.ratio == ratio]
    body = []
    for corruption in dict.fromkeys(row.corruption for row in rows):
        here = [row for row in rows if row.corruption == corruption]
        least = min(row.fall for row in here if row.fall is not None)
        for row in here:
            assert row.fall is not None
            ends = _interval(row.fall_low, row.fall_high)
            star = "*" * (row.fall == least)
            clean, now = f"{100 * (row.mean + row.fall):.1f}", f"{100 * row.mean:.1f}"
            body.append([corruption, row.model, clean, now, f"{_points(row.fall)}{ends}{star}"])
    return ["corruption", "model", "clean", f"at {100 * ratio:g} %", "fall (points)"], body


def fall_differences_of(results: Results, task: str) -> tuple[list[str], list[list[str]]]:
    """Whose fall is smaller: head and body, as text."""
    body = []
    for found in results.falls:
        if found.task == task:
            ends = _interval(found.low, found.high)
            body.append(
                [
                    found.corruption,
                    found.model,
                    found.against,
                    _kind(found),
                    f"{_points(found.difference)}{ends}",
                    "-" if found.outcome is None else FALLS[found.outcome],
                ]
            )
    head = ["corruption", "model", "against", "which is", "difference of falls (points)", "verdict"]
    return head, body


def fall_texts(results: Results) -> list[str]:
    """Where a model falls less than the best other, and than itself without a part, in words."""
    found: dict[tuple[str, str, str, str], dict[str, list[str]]] = {}
    told = [fall for fall in results.falls if fall.outcome is not None]
    for fall in sorted(told, key=lambda fall: not fall.best):
        if fall.best or fall.variant or fall.without_knowledge:
            pair = fall.task, fall.model, fall.against, _kind(fall)
            states = found.setdefault(pair, {outcome: [] for outcome in FALLS})
            states[str(fall.outcome)].append(CORRUPTIONS[fall.corruption].summary)
    ratio = max(results.settings.ratios)
    several = len(results.tasks) > 1
    return [
        f"{f'{task}: ' if several else ''}{model} against {other} ({kind}), clean to "
        f"{100 * ratio:g} %: "
        + "; ".join(
            f"{FALLS[outcome]} with {', '.join(names)}"
            for outcome, names in states.items()
            if names
        )
        for (task, model, other, kind), states in found.items()
    ]


def _kind(found: FallDifference) -> str:
    if found.variant:
        alone = found.against.startswith(f"{found.model}-")  # and no other part differs
        own = "it" if alone else "a variant of it"
        return f"{own}, without knowledge" if found.without_knowledge else "a variant of it"
    kinds = ["the best other"] * found.best + ["without knowledge"] * found.without_knowledge
    return ", ".join(kinds) or "another model"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-0.0", "+0.0")


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None or math.isnan(low):
        return ""
    return f" [{_points(low)}, {_points(high)}]"
