"""The category of products that lack one, with honest probabilities.

The category is a target like any other: link prediction ranks it where the snapshot made it a
triple, and a logistic regression reads it off `c*`; of the two the one is taken that is more often
right on one part of validation. The probe is fitted to train products, its strength and the
temperature to that part, and what a precision is promised for is proved on the other part
(`k3m_kg.snapshot.validation_parts`), as for values. None of them sees what a product's category is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from k3m_kg.batches.split_questions import held_out_included
from k3m_kg.contracts import TRIPLES
from k3m_kg.errors import ArtifactError, SnapshotError, UsageError
from k3m_kg.lpm.questions import (
    NO_PROPERTY,
    ProductSource,
    PropertyVectors,
    Triples,
    asked_of,
    heads_of,
)
from k3m_kg.progress import StageAdvance
from k3m_kg.snapshot import CATEGORY, Snapshot
from k3m_kg.snapshot.validation_parts import PROOF, ValidationParts
from k3m_kg.use.calibration.answers import KnownAnswers
from k3m_kg.use.calibration.kept import Calibration, PartSize, PropertyCalibration, fit_temperatures
from k3m_kg.use.completion.proposals import Explanation, Proposal
from k3m_kg.use.completion.proposing import SEE_ALL
from k3m_kg.use.completion.ruled_out import NOTHING_RULED_OUT, RuledOut
from k3m_kg.use.open_model import OpenModel
from k3m_kg.use.partial import Partial
from k3m_kg.use.vectors.probe import Probe, fit_probe

_MOST_EXAMPLES = 50_000
"""Train products, drawn at random: with more the probe takes long and hardly learns."""
_PRODUCTS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Classifier:
    """A model's own classifier of products, ready for any snapshot that it is opened on.

    Attributes:
        names: the categories, K of them, in the order of the logits.
        probe: reads them off `c*`; None: link prediction ranks them.
        calibration: of the one target `category`; nothing is proved where validation has none.
        examples: train products that it was fitted to.
    """

    names: tuple[str, ...]
    probe: Probe | None
    calibration: Calibration
    examples: int

    @classmethod
    def fit(
        cls, opened: OpenModel, *, batch_size: int = 256, progress: StageAdvance | None = None
    ) -> Classifier:
        """Fitted and calibrated on the snapshot that the model was trained on.

        Raises:
            UsageError: a model that only looks products up, or a catalog without two categories.
            ArtifactError: that snapshot is gone.
        """
        if not opened.trained.sees:
            raise UsageError(
                "this model looks products up: it has nothing to say of those it does not know",
                where=str(opened.trained.path),
                hint="use a model of `k3m-kg pretrain`",
            )
        home = _at_home(opened)
        texts = np.array(home.snapshot.categories.to_pylist(), object)
        has_N = texts != np.array(None)
        train, validation = (rows[has_N[rows]] for rows in map(home.snapshot.rows, _SPLITS))
        names = tuple(sorted(set(texts[train])))
        if len(names) < 2:
            raise UsageError(
                f"train products have {len(names)} categories: there is nothing to tell apart",
                where=str(home.snapshot.path),
                hint="`category:` in a mapping file says which column holds it",
            )
        if len(train) > _MOST_EXAMPLES:
            chosen = np.random.default_rng(0).permutation(train)[:_MOST_EXAMPLES]
            train = np.sort(chosen)
            names = tuple(sorted(set(texts[train])))
        number = {name: place for place, name in enumerate(names)}
        labels = [
            np.array([number.get(text, -1) for text in texts[rows]], np.int64)
            for rows in (train, validation)
        ]
        vectors = [
            vectors_of(home, home.batcher, rows, batch_size=batch_size, progress=progress)
            for rows in (train, validation)
        ]
        parts = ValidationParts.of(home.snapshot, validation)
        fold = parts.fold(validation) if len(validation) else np.empty(0, np.int64)
        choosing = fold != PROOF
        checked = vectors[1][choosing] if len(validation) else vectors[0][:0]
        probe = fit_probe((vectors[0], labels[0]), (checked, labels[1][choosing]))
        logits_NK = probe.logits(vectors[1]) if len(validation) else np.empty((0, len(names)))
        right_NK = labels[1][:, None] == probe.classes[None]
        ranked = _ranked_names(home)
        if len(ranked) > 1 and choosing.any():
            of_links_NK = _link_logits(
                home, home.batcher, validation, batch_size=batch_size, progress=progress
            )
            true_NK = texts[validation][:, None] == np.array(ranked, object)[None]
            if _hits(of_links_NK, true_NK, choosing) >= _hits(logits_NK, right_NK, choosing):
                calibration = _calibrated(home, of_links_NK, true_NK, validation, parts, fold)
                return cls(ranked, None, calibration, len(train))
        calibration = _calibrated(home, logits_NK, right_NK, validation, parts, fold)
        return cls(names, probe, calibration, len(train))

    def classify(
        self,
        opened: OpenModel,
        rows: np.ndarray,
        *,
        top_k: int = 3,
        explain: bool = False,
        batch_size: int = 256,
        progress: StageAdvance | None = None,
        ruled_out: RuledOut = NOTHING_RULED_OUT,
    ) -> Iterator[Proposal]:
        """The likeliest categories of products, the best first; all that is known is shown.

        What people rejected for a product is none.

        With `explain` each proposal says what its probability is without a product's triples, its
        title, its picture.
        """
        temperature = self.calibration.temperature(CATEGORY)
        batcher = opened.batcher
        for start in range(0, len(rows), _PRODUCTS_AT_ONCE):
            block = rows[start : start + _PRODUCTS_AT_ONCE]
            logits_NK = self._logits(opened, batcher, block, batch_size, progress)
            rejected = [
                ruled_out.rejected.get((opened.snapshot.ids[row], None), ())
                for row in block.tolist()
            ]
            if any(rejected):
                wrong_NK = [[name in names for name in self.names] for names in rejected]
                logits_NK = np.where(wrong_NK, -np.inf, logits_NK)
            share_NK = _shares(logits_NK, temperature)
            top_NK = np.argsort(-logits_NK, 1, kind="stable")[:, :top_k]
            without = {}
            for kind in opened.trained.sees if explain else ():
                hidden = Partial(batcher, [kind])
                left_NK = _shares(
                    self._logits(opened, hidden, block, batch_size, progress), temperature
                )
                without[kind] = left_NK, _has(opened, kind, block)
            for place, row in enumerate(block.tolist()):
                for label in top_NK[place].tolist():
                    if self.names[label] in rejected[place]:
                        continue
                    explanation = None
                    if explain:
                        left = {
                            kind: float(left_NK[place, label])
                            for kind, (left_NK, has_N) in without.items()
                            if has_N[place]
                        }
                        explanation = Explanation((), left)
                    yield Proposal(
                        opened.snapshot.ids[row],
                        CATEGORY,
                        self.names[label],
                        float(logits_NK[place, label]),
                        float(share_NK[place, label]),
                        explanation=explanation,
                    )

    def _logits(
        self,
        opened: OpenModel,
        source: ProductSource,
        rows: np.ndarray,
        batch_size: int,
        progress: StageAdvance | None,
    ) -> np.ndarray:
        if self.probe is None:
            return _link_logits(opened, source, rows, batch_size=batch_size, progress=progress)
        return self.probe.logits(
            vectors_of(opened, source, rows, batch_size=batch_size, progress=progress)
        )


def _shares(logits_NK: np.ndarray, temperature: float) -> np.ndarray:
    found: np.ndarray = (torch.from_numpy(logits_NK) / temperature).softmax(1).numpy()
    return found


def _hits(logits_NK: np.ndarray, right_NK: np.ndarray, chosen_N: np.ndarray) -> float:
    best_N = logits_NK[chosen_N].argmax(1)
    return float(right_NK[chosen_N][np.arange(len(best_N)), best_N].mean())


def _asked(opened: OpenModel) -> int:
    """The property that says the category, which is hidden; `NO_PROPERTY` where none does."""
    known = opened.batcher.catalog.properties
    return known.index(CATEGORY) if CATEGORY in known else NO_PROPERTY


def _ranked_names(opened: OpenModel) -> tuple[str, ...]:
    """The categories that link prediction ranks, in the order of its scores."""
    asked, catalog = _asked(opened), opened.batcher.catalog
    if asked == NO_PROPERTY or not opened.trained.ranks:
        return ()
    return tuple(catalog.values[value] for value in catalog.candidates[asked].tolist())


def _link_logits(
    opened: OpenModel,
    source: ProductSource,
    rows: np.ndarray,
    *,
    batch_size: int,
    progress: StageAdvance | None,
) -> np.ndarray:
    """(N, K) float32 scores of link prediction."""
    asked = _asked(opened)
    candidates = PropertyVectors(opened.predictor, opened.batcher, 0)(asked)
    told = (lambda count: progress("encode", count)) if progress else None
    with held_out_included(opened.batcher), torch.no_grad():
        found = [
            opened.predictor.score(heads, candidates).float().cpu().numpy()
            for heads in asked_of(
                opened.predictor,
                source,
                Triples.each(rows, asked),
                SEE_ALL,
                batch_size=batch_size,
                progress=told,
            )
        ]
    return np.concatenate(found) if found else np.empty((0, len(candidates)), np.float32)


_SPLITS = ("train", "validation")


def without_category(snapshot: Snapshot, rows: np.ndarray) -> np.ndarray:
    """Those of some rows whose products lack a category."""
    lacking = snapshot.categories.take(rows).is_null().to_numpy(zero_copy_only=False)
    found: np.ndarray = rows[lacking]
    return found


def vectors_of(
    opened: OpenModel,
    source: ProductSource,
    rows: np.ndarray,
    *,
    batch_size: int = 256,
    progress: StageAdvance | None = None,
) -> np.ndarray:
    """(N, H) float32 `c*` of products of which all is shown that `source` has, but the category."""
    told = (lambda count: progress("encode", count)) if progress else None
    with held_out_included(opened.batcher):
        blocks = heads_of(
            opened.predictor,
            source,
            Triples.each(rows, _asked(opened)),
            SEE_ALL,
            batch_size=batch_size,
            progress=told,
        )
        found = [head_BH.cpu().numpy() for head_BH in blocks]
    return np.concatenate(found) if found else np.empty((0, 0), np.float32)


def _has(opened: OpenModel, kind: str, rows: np.ndarray) -> np.ndarray:
    """(N,) bool: which products have triples, or a modality."""
    if kind == TRIPLES:
        offsets = opened.snapshot.triple_offsets
        found: np.ndarray = offsets[rows + 1] > offsets[rows]
        return found
    return opened.batcher.modalities[kind].has(rows)


def _at_home(opened: OpenModel) -> OpenModel:
    """The model on the snapshot that it was trained on: only that says what it has not seen."""
    trained = opened.trained
    if opened.snapshot.id == trained.snapshot_id:
        return opened
    try:
        snapshot = Snapshot.open(trained.snapshot)
    except SnapshotError:
        snapshot = None
    if snapshot is None or snapshot.id != trained.snapshot_id:
        raise ArtifactError(
            "the snapshot that this model was trained on is no longer there: categories are "
            "learned from it",
            where=str(trained.snapshot),
        )
    return OpenModel.of(trained, snapshot)


def _calibrated(
    home: OpenModel,
    logits_NK: np.ndarray,
    right_NK: np.ndarray,
    rows_N: np.ndarray,
    parts: ValidationParts,
    fold_N: np.ndarray,
) -> Calibration:
    """Temperature and proof from validation, as values have them."""
    pooled, properties = 1.0, dict[str, PropertyCalibration]()
    if len(rows_N):
        answers = KnownAnswers(
            CATEGORY,
            torch.from_numpy(logits_NK),
            torch.from_numpy(right_NK.astype(bool)),
            rows_N,
            np.ones(len(rows_N)),
        )
        pooled, properties = fit_temperatures([answers], parts)
    fitting, proof = int((fold_N != PROOF).sum()), int((fold_N == PROOF).sum())
    return Calibration(
        snapshot=home.snapshot.id,
        weights=home.trained.weights,
        fitting=PartSize(products=fitting, questions=fitting),
        proof=PartSize(products=proof, questions=proof),
        pooled=pooled,
        properties=properties,
    )
