"""Retrieval: a title finds its picture, a picture its title, a value the products that have it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from k3m_kg.api import (
    Competitors,
    Evaluation,
    OpenModel,
    Outcomes,
    Scores,
    StageProgress,
    Triples,
    UsageError,
    about_title,
    figure_lines,
    question_items,
    verdict_lines,
    verdict_of,
)
from k3m_kg_evaluations.ranked import NAMES, by_chance, of_scores
from k3m_kg_evaluations.settings import RetrievalSettings
from k3m_kg_evaluations.sides import IMAGE, TITLE, Both, Sides, simple_sides
from k3m_kg_evaluations.values import SearchSettings, searches

_PICTURE, _TITLE, _VALUE = "title-to-picture", "picture-to-title", "value-to-products"
_CHANCE, _LINEAR, _SEARCH = "an order of chance", "linear models", "a word search"
_KEYS = {_CHANCE: "chance", _LINEAR: "linear", _SEARCH: "word search"}
_QUERIES_AT_ONCE = 512


@dataclass(slots=True)
class _Asked:
    """Queries of one direction, and what became of them: (Q,) by who was asked and figure."""

    items: list[np.ndarray] = field(default_factory=list)
    units: list[np.ndarray] = field(default_factory=list)
    found: dict[str, dict[str, list[np.ndarray]]] = field(default_factory=dict)

    def add(self, who: str, figures: dict[str, np.ndarray]) -> None:
        kept = self.found.setdefault(who, {name: [] for name in NAMES})
        for name in NAMES:
            kept[name].append(figures[name])

    def of(self, who: str, name: str) -> np.ndarray:
        return np.concatenate(self.found[who][name])


_MODEL = "this model"


class Retrieval(Evaluation[OpenModel]):
    """Searches through the products of a split."""

    ranks = False
    splits = ("validation", "test")
    measure = "mrr"

    def __init__(self, settings: RetrievalSettings) -> None:
        self.settings = settings
        self._outcomes: dict[str, Outcomes] = {}
        self._kept: tuple[OpenModel, Sides] | None = None

    def run(self, opened: OpenModel, split: str, progress: StageProgress) -> dict[str, Any]:
        """`metrics`: `mrr`, `recall@1`, `recall@5`, `recall@10`, `ndcg@10`, each the mean over
        directions; `per_direction` the same of each with `queries` and `products`.

        Raises:
            UsageError: nothing to ask, an unknown property, or a model that only looks up.
        """
        asked, trained = self.settings, opened.trained
        if not trained.sees:
            raise UsageError(
                f"this model looks products up and has nothing to say of those of {split}",
                where="--task retrieval",
                hint="use a model of `k3m-kg pretrain`",
            )
        usual = trained.validation
        cut_title = usual.cut_title if asked.cut_title is None else asked.cut_title
        hide = usual.hide if asked.hide is None else asked.hide
        notes: list[str] = []
        per_direction: dict[str, _Asked] = {}
        sizes: dict[str, int] = {}
        per_property: dict[str, dict[str, Any]] = {}
        competitors = Competitors.of(opened, asked.hide_modalities, progress, usual=False)
        both = [name for name in (_PICTURE, _TITLE) if name in asked.directions]
        if both:
            why = self._without_pairs(opened, split)
            if why:
                notes.append(f"not asked for {' and '.join(both)}: {why}")
            else:
                self._sides(opened, split, both, per_direction, sizes, progress)
        if _VALUE in asked.directions:
            chosen = SearchSettings(
                asked.properties,
                tuple(hide),
                cut_title,
                asked.hide_modalities,
                asked.most,
                asked.most_values,
                asked.batch_size,
            )
            try:
                self._values(
                    opened, split, chosen, per_direction, sizes, per_property, competitors, progress
                )
            except UsageError as error:
                if asked.properties or not per_direction:
                    raise
                notes.append(f"not asked for {_VALUE}: {error.message}")
        if not per_direction:
            raise UsageError(
                "nothing to search for: "
                + "; ".join(notes or ["no value is of some products only"]),
                where="--task retrieval",
            )
        report = self._report(per_direction, sizes, split)
        return report | {
            "mode": asked.mode,
            "cut_title": cut_title,
            "hide": list(hide),
            "hide_modalities": list(asked.hide_modalities),
            "per_property": per_property,
            "notes": notes,
        }

    def outcomes(self) -> dict[str, Outcomes]:
        """By query; a query is of one direction, and all directions count alike."""
        return self._outcomes

    def lines(self, report: dict[str, Any]) -> Iterator[str]:
        """The means with their intervals, then a row per direction and who was asked."""
        yield f"retrieval on {report['split']} ({report['mode']}); {about_title(report)}"
        figures = {name: report["metrics"][name] for name in NAMES}
        yield from figure_lines(figures, intervals=report.get("intervals"))
        width = 36
        columns = " ".join(f"{name:>10}" for name in NAMES)
        yield f"\n{'':{width}} {columns}"
        for direction, row in report["per_direction"].items():
            yield f"{direction}: {row['queries']:,} queries, {row['products']:,} products"
            rows = {_MODEL: row} | {
                who: report["baselines"][key]["per_direction"][direction]
                for who, key in _KEYS.items()
                if direction in report["baselines"].get(key, {}).get("per_direction", {})
            }
            for who, cells in rows.items():
                shown = " ".join(f"{cells[name]:>10.4f}" for name in NAMES)
                yield f"  {who:{width - 2}} {shown}"
        yield from report["notes"]
        yield from verdict_lines(report)

    def _without_pairs(self, opened: OpenModel, split: str) -> str:
        """Why title and picture cannot be asked for; empty where they can."""
        lacking = [name for name in (TITLE, IMAGE) if name not in opened.trained.sees]
        if lacking:
            return f"the model sees no {' and no '.join(lacking)}"
        if len(Both.of(opened, split, self.settings.most).rows) < 2:
            return f"fewer than two {split} products have a title and a picture"
        if len(Both.of(opened, "train", self.settings.most).rows) < 2:
            return "fewer than two train products have a title and a picture"
        return ""

    def _sides(
        self,
        opened: OpenModel,
        split: str,
        directions: Sequence[str],
        per_direction: dict[str, _Asked],
        sizes: dict[str, int],
        progress: StageProgress,
    ) -> None:
        asked = self.settings
        parts = {name: Both.of(opened, name, asked.most) for name in ("train", "validation", split)}
        home = opened.whole or opened
        if self._kept is None or self._kept[0] is not home:  # once for all views of a snapshot
            fitted = Sides.fit(home, parts, asked.mode, asked.epochs, asked.batch_size, progress)
            self._kept = home, fitted
        sides = {_MODEL: self._kept[1].of(opened, parts[split], asked.batch_size, progress)}
        if asked.baselines:
            simple = simple_sides(opened, parts, split, progress)
            if simple is not None:
                sides[_LINEAR] = simple
        rows, same_NN = parts[split].rows, parts[split].same_NN
        for direction in directions:
            forth = direction == _PICTURE
            tally = per_direction[direction] = _Asked()
            sizes[direction] = len(rows)
            tally.items.append((4 * rows + (1 if forth else 2)).astype(np.uint64))
            tally.units.append(rows.astype(np.uint64))
            for start in range(0, len(rows), _QUERIES_AT_ONCE):
                part = slice(start, start + _QUERIES_AT_ONCE)
                right_QN = same_NN[part]
                for who, (titles, pictures) in sides.items():
                    query, thing = (titles, pictures) if forth else (pictures, titles)
                    tally.add(who, of_scores(query[part] @ thing.T, right_QN, start))
                count_Q = right_QN.sum(1)
                tally.add(_CHANCE, by_chance(count_Q, np.full(len(count_Q), len(rows))))

    def _values(
        self,
        opened: OpenModel,
        split: str,
        chosen: SearchSettings,
        per_direction: dict[str, _Asked],
        sizes: dict[str, int],
        per_property: dict[str, dict[str, Any]],
        competitors: Competitors,
        progress: StageProgress,
    ) -> None:
        catalog, tally = opened.batcher.catalog, _Asked()
        wanted = competitors if self.settings.baselines else None
        seen: set[int] = set()
        for search in searches(opened, split, chosen, wanted, progress):
            names = np.full(len(search.values), search.name)
            keys = question_items(catalog, Triples(0 * search.values, names, search.values))
            tally.items.append(keys)
            tally.units.append(keys)
            seen |= {*search.rows.tolist()}
            mine = of_scores(search.scores_QN, search.right_QN)
            tally.add(_MODEL, mine)
            count_Q = search.right_QN.sum(1)
            chance = by_chance(count_Q, np.full(len(count_Q), len(search.rows)))
            tally.add(_CHANCE, chance)
            if wanted is not None:
                linear = search.simple.get("linear")
                found = chance if linear is None else of_scores(linear, search.right_QN)
                tally.add(_LINEAR, found)
                tally.add(_SEARCH, of_scores(search.simple["word search"], search.right_QN))
            figures = {name: float(mine[name].mean()) for name in NAMES}
            counts = {"queries": len(search.values), "products": len(search.rows)}
            per_property[catalog.properties[search.name]] = figures | counts
        if tally.items:
            per_direction[_VALUE], sizes[_VALUE] = tally, len(seen)

    def _report(
        self, per_direction: dict[str, _Asked], sizes: dict[str, int], split: str
    ) -> dict[str, Any]:
        """Figures of all who were asked; a competitor that one direction lacks is there chance."""
        everybody = [
            who
            for who in (_MODEL, _LINEAR, _SEARCH, _CHANCE)
            if any(who in tally.found for tally in per_direction.values())
        ]
        every = {
            who: {
                name: Scores(
                    np.concatenate([i for t in per_direction.values() for i in t.items]),
                    np.concatenate([u for t in per_direction.values() for u in t.units]),
                    np.concatenate(
                        [
                            t.of(who if who in t.found else _CHANCE, name)
                            for t in per_direction.values()
                        ]
                    ),
                    np.concatenate(
                        [
                            np.full(len(t.of(_MODEL, name)), place)
                            for place, t in enumerate(per_direction.values())
                        ]
                    ),
                )
                for name in NAMES
            }
            for who in everybody
        }
        self._outcomes = {**every[_MODEL]}
        rows = {
            who: {
                direction: {name: float(tally.of(who, name).mean()) for name in NAMES}
                for direction, tally in per_direction.items()
                if who in tally.found
            }
            for who in everybody
        }
        report: dict[str, Any] = {
            "metrics": {name: found.figure() for name, found in every[_MODEL].items()}
            | {"queries": sum(len(i) for t in per_direction.values() for i in t.items)},
            "per_direction": {
                direction: row
                | {"queries": len(per_direction[direction].of(_MODEL, "mrr"))}
                | {"products": sizes[direction]}
                for direction, row in rows[_MODEL].items()
            },
            "baselines": {
                _KEYS[who]: {name: found.figure() for name, found in every[who].items()}
                | {"per_direction": rows[who]}
                for who in everybody
                if who != _MODEL
            },
        }
        verdict = verdict_of(
            every[_MODEL]["mrr"],
            {who: every[who]["mrr"] for who in everybody if who != _MODEL},
            what="retrieval",
            split=split,
            measure="mean MRR over directions",
        )
        return report | {"verdict": verdict.model_dump()}
