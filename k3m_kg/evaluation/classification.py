"""Item classification from `c*`: a probe on frozen vectors, or fine-tuning of the whole model."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from k3m_kg.batches.batcher import Batcher
from k3m_kg.batches.split_questions import held_out_included
from k3m_kg.contracts import Classes, LinkPredictor, Scores
from k3m_kg.errors import UsageError, unknown_name
from k3m_kg.evaluation.baselines.competitors import MAJORITY, Competitors, called
from k3m_kg.evaluation.comparison import Asked, compare
from k3m_kg.evaluation.measured import Measured
from k3m_kg.lpm.questions import (
    NO_PROPERTY,
    ProductSource,
    PropertyVectors,
    Triples,
    Visibility,
    asked_of,
    device_of,
    heads_of,
    property_ids,
    truth_of,
)
from k3m_kg.progress import Advance, StageAdvance
from k3m_kg.snapshot import CATEGORY
from k3m_kg.snapshot.holdout import is_held_out
from k3m_kg.use.partial import Partial
from k3m_kg.use.vectors.probe import Probe, fit_probe
from k3m_kg.use.vectors.tuning import TuneSettings, heads_to_train, tune

MODES = ("auto", "links", "probe", "finetune")
_NOT_ONE_VALUE = -1


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Products with one label each.

    Attributes:
        rows: (N,) snapshot rows.
        labels: (N,) label ids; those that training never saw are as good as any wrong answer.
    """

    rows: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, slots=True)
class ClassificationData:
    """A target with its labelled products.

    Attributes:
        name: a property, or `category`.
        asked: the property's id, which no product sees, or `NO_PROPERTY`.
        train, validation, test: products with exactly one label.
        skipped: products with none or several, over all splits.
    """

    name: str
    asked: int
    train: LabelledRows
    validation: LabelledRows
    test: LabelledRows
    skipped: int

    @property
    def classes(self) -> np.ndarray:
        """The labels that training has, ascending."""
        found: np.ndarray = np.unique(self.train.labels)
        return found


def classification_data(batcher: Batcher, target: str, test_split: str) -> ClassificationData:
    """The products of a snapshot labelled by a property or by `category`.

    The products' own category wins over a property of that name, which is hidden all the same.

    Raises:
        UsageError: an unknown target, or one that is nothing to learn from.
    """
    catalog, snapshot = batcher.catalog, batcher.snapshot
    texts = snapshot.categories.to_pylist() if target == CATEGORY else []
    by_category = any(texts) or (target == CATEGORY and CATEGORY not in catalog.properties)
    asked = NO_PROPERTY
    if not by_category or CATEGORY in catalog.properties:
        asked = int(property_ids(catalog, [target], "--target", besides=CATEGORY)[0])
    if by_category:
        terms = catalog.values if asked != NO_PROPERTY else sorted({t for t in texts if t})
        number = {text: place for place, text in enumerate(terms)}
        label_N = np.array([number.get(t, _NOT_ONE_VALUE) for t in texts], np.int64)
    else:
        label_N = _single_values(batcher, asked)
    parts = {}
    for split in ("train", "validation", test_split):
        rows = snapshot.rows(split)
        rows = rows[label_N[rows] != _NOT_ONE_VALUE]
        parts[split] = LabelledRows(rows, label_N[rows])
    if len(np.unique(parts["train"].labels)) < 2 or not len(parts[test_split].rows):
        raise UsageError(
            f"{target!r} is no task: train needs two classes, {test_split} a product",
            where="--target",
            hint=f"choose a property with one value per product, or {CATEGORY!r}",
        )
    used = sum(len(snapshot.rows(split)) for split in parts)
    kept = sum(len(part.rows) for part in parts.values())
    return ClassificationData(
        target, asked, parts["train"], parts["validation"], parts[test_split], used - kept
    )


def _single_values(batcher: Batcher, asked: int) -> np.ndarray:
    """Per snapshot row the one value of a property, or -1."""
    snapshot = batcher.snapshot
    label_N = np.full(len(snapshot), _NOT_ONE_VALUE, np.int64)
    truth, _ = truth_of(snapshot, batcher.catalog, np.arange(len(snapshot)))
    mine = truth.about(np.array([asked]))
    counts_N = np.bincount(mine.rows, minlength=len(snapshot))
    single = counts_N[mine.rows] == 1
    label_N[mine.rows[single]] = mine.values[single]
    return label_N


@dataclass(slots=True)
class FittedHead:
    """What was fitted to train and validation products, for other views of the same products.

    Attributes:
        probe: as `probe` fits it, and what it tells.
        links: what `links` tells of validation.
        tuned: a copy of the whole model and its layer, and what `finetune` tells.
    """

    probe: tuple[Probe, dict[str, Any]] | None = None
    links: dict[str, Any] | None = None
    tuned: tuple[LinkPredictor, nn.Linear, dict[str, Any]] | None = None


def probe(
    predictor: LinkPredictor,
    source: ProductSource,
    data: ClassificationData,
    visibility: Visibility,
    *,
    batch_size: int = 256,
    fitted: FittedHead | None = None,
    progress: Advance | None = None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Logistic regression on frozen, standardised `c*`; its strength is chosen on validation.

    Args:
        fitted: is used where it has a probe, and gets one where it has none; so with the others.

    Returns:
        The labels of the test products, and `strength` (scikit-learn's C).
    """

    def vectors(part: LabelledRows) -> np.ndarray:
        questions = Triples.each(part.rows, data.asked)
        blocks = heads_of(
            predictor, source, questions, visibility, batch_size=batch_size, progress=progress
        )
        found = [head_BH.cpu().numpy() for head_BH in blocks]
        return np.concatenate(found) if found else np.empty((0, 0), np.float32)

    fitted = fitted or FittedHead()
    if fitted.probe is None:
        train, validation = vectors(data.train), vectors(data.validation)
        made = fit_probe((train, data.train.labels), (validation, data.validation.labels))
        right = made.labels(validation) == data.validation.labels if len(validation) else []
        more = {"validation_accuracy": float(np.mean(right)) if len(right) else 0.0}
        fitted.probe = made, {"strength": made.strength} | more
    found, told = fitted.probe
    return found.labels(vectors(data.test)), told


def links(
    predictor: LinkPredictor,
    source: ProductSource,
    data: ClassificationData,
    visibility: Visibility,
    *,
    batch_size: int = 256,
    fitted: FittedHead | None = None,
    progress: Advance | None = None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """The value that link prediction ranks first, as any other property's value.

    Returns:
        The labels of the test products, and the share that is right on validation.

    Raises:
        UsageError: the model has not learned to rank the target's values.
    """
    catalog, name = source.catalog, data.asked
    if name == NO_PROPERTY or not len(catalog.candidates[name]):
        raise UsageError(
            f"{data.name!r} is no property that the model was trained on",
            where="--mode links",
            hint="--mode probe, or cut the snapshot anew: categories are triples too by now",
        )
    candidates = PropertyVectors(predictor, source, int(data.test.rows[0]))(name)

    def answers(part: LabelledRows) -> np.ndarray:
        found = []
        for heads in asked_of(
            predictor,
            source,
            Triples.each(part.rows, name),
            visibility,
            batch_size=batch_size,
            progress=progress,
        ):
            with torch.no_grad():
                best = predictor.score(heads, candidates).argmax(1).cpu().numpy()
            found.append(catalog.candidates[name][best])
        return np.concatenate([*found, np.empty(0, np.int64)]).astype(np.int64)

    fitted = fitted or FittedHead()
    if fitted.links is None:
        right = answers(data.validation) == data.validation.labels
        fitted.links = {"validation_accuracy": float(right.mean()) if len(right) else 0.0}
    return answers(data.test), fitted.links


def finetune(
    predictor: LinkPredictor,
    source: ProductSource,
    data: ClassificationData,
    visibility: Visibility,
    settings: TuneSettings,
    *,
    fitted: FittedHead | None = None,
    progress: StageAdvance | None = None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Train a copy of the whole model with a linear layer on `c*`; `predictor` stays as it is.

    Stops early by validation accuracy (by the last epoch where there is no validation product)
    and tests the weights of the best epoch.

    Returns:
        The labels of the test products, and `best_epoch`.
    """
    fitted, classes, device = fitted or FittedHead(), data.classes, device_of(predictor)
    if fitted.tuned is None:
        torch.manual_seed(settings.seed)
        model = copy.deepcopy(predictor)
        with torch.no_grad():
            first = Triples.each(data.train.rows[:1], data.asked)
            hidden = heads_to_train(model.eval(), source, first, visibility).shape[1]
        head = nn.Linear(hidden, len(classes)).to(device)
    else:
        model, head, told = fitted.tuned

    def predict(part: LabelledRows, stage: str) -> np.ndarray:
        blocks = heads_of(
            model,
            source,
            Triples.each(part.rows, data.asked),
            visibility,
            batch_size=4 * settings.batch_size,
            progress=(lambda count: progress(stage, count)) if progress else None,
        )
        with torch.no_grad():
            found = [head(head_BH).argmax(1).cpu().numpy() for head_BH in blocks]
        return classes[np.concatenate(found)] if found else np.empty(0, np.int64)

    def loss(chosen: np.ndarray) -> Tensor:
        questions = Triples.each(data.train.rows[chosen], data.asked)
        logits_BC = head(heads_to_train(model, source, questions, visibility))
        target_B = torch.from_numpy(np.searchsorted(classes, data.train.labels[chosen]))
        return nn.functional.cross_entropy(logits_BC, target_B.to(device))

    def check() -> float | None:
        validation = data.validation
        if not len(validation.rows):
            return None
        return float(np.mean(predict(validation, "validate") == validation.labels))

    if fitted.tuned is None:
        epoch = tune(model, head, len(data.train.rows), loss, check, settings, progress=progress)
        told = {"best_epoch": epoch}
        fitted.tuned = model, head, told
    return predict(data.test, "test"), told


def figures(data: ClassificationData, predicted: np.ndarray) -> dict[str, float]:
    """Accuracy and macro-F1 of predicted test labels, and the accuracy of the commonest label.

    Macro-F1 is the mean over the classes that occur in test; a class never predicted counts 0.
    """
    from sklearn.metrics import f1_score

    truth = data.test.labels
    return {
        "accuracy": float(np.mean(predicted == truth)),
        "macro_f1": float(
            f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0)
        ),
        "majority": float(np.mean(truth == commonest(data))),
    }


def commonest(data: ClassificationData) -> int:
    """The label that most training products have; of several the first, as `rank_by_frequency`."""
    labels, counts = np.unique(data.train.labels, return_counts=True)
    return int(labels[counts.argmax()])


def evaluate_classification(
    predictor: LinkPredictor,
    batcher: Batcher,
    target: str,
    *,
    mode: str = "auto",
    ranks: bool = True,
    split: str = "test",
    hide: Sequence[str] = (),
    cut_title: bool = False,
    batch_size: int = 256,
    finetuning: TuneSettings | None = None,
    without: Sequence[str] = (),
    competitors: Competitors | None = None,
    fitted: FittedHead | None = None,
    progress: StageAdvance | None = None,
) -> Measured:
    """Classify products by a property, which is hidden from the graph, or by their category.

    Args:
        predictor: gives `c*`.
        batcher: of the snapshot.
        target: a property, or `category`.
        mode: `links` asks link prediction, `probe` a linear model on `c*`, `auto` the one of the
            two that is more often right on validation; `finetune` trains the whole model.
        ranks: whether the predictor can rank values.
        split: the products that the figures are of.
        hide: further properties that no product sees.
        cut_title: cut the value's words out of the title; not for `category`.
        batch_size: products in one forward pass.
        finetuning: its settings.
        without: modalities that no product shows.
        competitors: linear models that are asked the same; the report then has `baselines`, by
            name the figures of each, `baseline_notes` and `verdict`.
        fitted: of an earlier call with the same predictor, target and settings, on another view of
            the same products.
        progress: told of products done.

    Raises:
        UsageError: an unknown target, mode or property, or nothing to learn from.
    """
    data = classification_data(batcher, target, split)
    if data.asked == NO_PROPERTY and cut_title:
        raise UsageError("only a property's words can be cut out of the title", where="--cut-title")
    catalog, snapshot = batcher.catalog, batcher.snapshot
    truth, held_E = truth_of(snapshot, catalog, np.arange(len(snapshot)))
    visibility = Visibility(
        property_ids(catalog, hide, "--hide"), truth[is_held_out(held_E)], cut_title
    )
    source = Partial.hiding(batcher, without, "--hide-modality")
    with held_out_included(batcher):
        predicted, more = _run(
            predictor,
            source,
            data,
            visibility,
            mode,
            ranks,
            batch_size,
            finetuning,
            fitted or FittedHead(),
            progress,
        )
    metrics: dict[str, Any] = figures(data, predicted) | more
    counts = {
        "classes": len(data.classes),
        "train": len(data.train.rows),
        "products": len(data.test.rows),
        "skipped": data.skipped,
    }
    report: dict[str, Any] = {
        "task": "classification",
        "mode": mode,
        "target": target,
        "split": split,
        "cut_title": cut_title,
        "hide": list(hide),
        "hide_modalities": list(without),
        "metrics": metrics | counts,
        "per_property": {target: metrics | counts},
    }
    if competitors is not None:
        report |= _beside(predicted, data, batcher, visibility, split, competitors)
    rows, true = data.test.rows, data.test.labels
    every = np.zeros(len(rows), np.int64)
    return Measured(
        report,
        {
            "accuracy": Scores(rows, rows, (predicted == true).astype(float), every),
            "macro_f1": Classes(rows, rows, predicted, true),
        },
    )


def _beside(
    predicted: np.ndarray,
    data: ClassificationData,
    batcher: Batcher,
    visibility: Visibility,
    split: str,
    competitors: Competitors,
) -> dict[str, Any]:
    """What the baselines say of the same products, and who is ahead."""
    train, validation, test = (
        (part.rows, part.labels) for part in (data.train, data.validation, data.test)
    )
    linear, notes = competitors.labels(
        batcher,
        data.asked,
        visibility.hide,
        (train, validation, test),
        cut_title=visibility.cut_title,
    )
    labels = {MAJORITY: np.full(len(test[1]), commonest(data))} | linear
    found = {name: figures(data, given) for name, given in labels.items()}
    verdict = compare(
        predicted == test[1],
        {called(name): given == test[1] for name, given in labels.items()},
        Asked(test[0], np.zeros(len(test[0]), np.int64)),
        what=f"classification by {data.name}",
        split=split,
        measure="accuracy",
        usual=competitors.usual,
    )
    baselines = {
        name: {key: row[key] for key in ("accuracy", "macro_f1")} for name, row in found.items()
    }
    return {"baselines": baselines, "baseline_notes": notes, "verdict": verdict.model_dump()}


def _better(
    predictor: LinkPredictor,
    source: ProductSource,
    data: ClassificationData,
    visibility: Visibility,
    ranks: bool,
    batch_size: int,
    fitted: FittedHead,
    progress: Advance | None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Link prediction or a probe, whichever is more often right on validation."""
    of_probe = probe(
        predictor,
        source,
        data,
        visibility,
        batch_size=batch_size,
        fitted=fitted,
        progress=progress,
    )
    asked = data.asked != NO_PROPERTY and len(source.catalog.candidates[data.asked]) > 1
    if not asked or not ranks:
        return of_probe[0], of_probe[1] | {"chosen": "probe"}
    of_links = links(
        predictor,
        source,
        data,
        visibility,
        batch_size=batch_size,
        fitted=fitted,
        progress=progress,
    )
    scores = [found[1]["validation_accuracy"] for found in (of_links, of_probe)]
    name, found = ("links", of_links) if scores[0] >= scores[1] else ("probe", of_probe)
    return found[0], found[1] | {"chosen": name}


def _run(
    predictor: LinkPredictor,
    source: ProductSource,
    data: ClassificationData,
    visibility: Visibility,
    mode: str,
    ranks: bool,
    batch_size: int,
    finetuning: TuneSettings | None,
    fitted: FittedHead,
    progress: StageAdvance | None,
) -> tuple[np.ndarray, dict[str, Any]]:
    told = (lambda count: progress("encode", count)) if progress else None
    kinds = {"probe": probe, "links": links}
    if mode in kinds:
        found = kinds[mode]
        return found(
            predictor,
            source,
            data,
            visibility,
            batch_size=batch_size,
            fitted=fitted,
            progress=told,
        )
    if mode == "auto":
        return _better(predictor, source, data, visibility, ranks, batch_size, fitted, told)
    if mode == "finetune":
        settings = finetuning or TuneSettings()
        return finetune(
            predictor, source, data, visibility, settings, fitted=fitted, progress=progress
        )
    raise UsageError(unknown_name("mode", mode, MODES), where="--mode")
