"""What says of two products whether they are one: a linear model on features of the pair, the model
itself fine-tuned, or its text encoder reading both texts as one (a cross-encoder, as in Ditto,
Li et al. 2020).

N pairs, H numbers of a product.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from k3m_kg.api import (
    TRIPLES,
    LinkPredictor,
    OpenModel,
    Partial,
    ProductPairs,
    StageProgress,
    TextEncoder,
    Triples,
    TuneSettings,
    UsageError,
    Visibility,
    counted_stages,
    heads_to_train,
    shown_titles,
    spoken,
    tune,
)

_TOKENS = 60
"""Of each product's text, in the cross-encoder."""


class Shown:
    """Which training pairs an epoch shows: all, or the right ones and some wrong ones in turn."""

    def __init__(self, same_N: np.ndarray, keep: int) -> None:
        self._yes, no = np.flatnonzero(same_N), np.flatnonzero(~same_N)
        self._no = np.random.default_rng(0).permutation(no)
        self._each = len(no) if not keep else min(len(no), keep * len(self._yes))
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._yes) + self._each

    def next_epoch(self) -> None:
        """The next wrong ones."""
        self._epoch += 1

    def of(self, chosen: np.ndarray) -> np.ndarray:
        """The pairs at some places, 0 up to the length."""
        wrong = chosen - len(self._yes)
        place = (self._epoch * self._each + wrong) % max(1, len(self._no))
        turned = self._no[place] if len(self._no) else place
        return np.where(wrong < 0, self._yes[np.minimum(chosen, len(self._yes) - 1)], turned)


class PairHead(nn.Module):
    """The log-odds of pairs from two vectors each.

    Args:
        width: H.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(2 * width),
            nn.Dropout(0.1),
            nn.Linear(2 * width, 64),
            nn.ReLU(),
            nn.Linear(64, 1),
        )

    def forward(self, left_NH: Tensor, right_NH: Tensor) -> Tensor:
        """(N,)."""
        both = torch.cat([(left_NH - right_NH).abs(), left_NH * right_NH], 1)
        found: Tensor = self.layers(both)[:, 0]
        return found


Learned = Callable[[OpenModel, ProductPairs], np.ndarray]
"""Gives the log-odds of pairs as a view of the snapshot shows their products."""


def finetuned(
    opened: OpenModel,
    without: tuple[str, ...],
    train: ProductPairs,
    validation: ProductPairs,
    settings: TuneSettings,
    keep: int,
    progress: StageProgress,
) -> Learned:
    """A copy of the model trained to tell pairs apart; gives the log-odds of pairs."""
    torch.manual_seed(settings.seed)
    model: LinkPredictor = copy.deepcopy(opened.predictor)
    seen = Visibility(cut_title=False)

    def vectors(shown: OpenModel, rows: np.ndarray) -> Tensor:
        source = Partial.hiding(shown.batcher, without, "--hide-modality")
        return heads_to_train(model, source, Triples.each(rows), seen)

    with torch.no_grad():
        width = vectors(opened, train.left[:1]).shape[1]
    head = PairHead(width).to(opened.trained.device)

    def logits(shown: OpenModel, pairs: ProductPairs) -> Tensor:
        rows, inverse = np.unique(np.concatenate([pairs.left, pairs.right]), return_inverse=True)
        left, right = torch.from_numpy(inverse).to(opened.trained.device).chunk(2)
        found = vectors(shown, rows)
        return head(found[left], found[right])  # type: ignore[no-any-return]

    return _trained(opened, model, head, logits, train, validation, settings, keep, progress)


def crossed(
    opened: OpenModel,
    without: tuple[str, ...],
    train: ProductPairs,
    validation: ProductPairs,
    settings: TuneSettings,
    keep: int,
    progress: StageProgress,
) -> Learned:
    """A copy of the text encoder trained to read two products' texts as one.

    A product's text is its title, then its properties and values, as far as they are shown.

    Raises:
        UsageError: a model that reads no words.
    """
    encoder = opened.trained.text_encoder
    if not isinstance(encoder, TextEncoder):
        raise UsageError(
            "this model has no text encoder", where="--set mode=cross", hint="--set mode=probe"
        )
    torch.manual_seed(settings.seed)
    device = opened.trained.device
    model = encoder.unfrozen().to(device)
    between = model.prepare(["|"])[0].ids
    known = _texts(opened, model, without, (train, validation))

    with torch.no_grad():
        probe = torch.ones(1, 1, dtype=torch.long, device=device)
        width = model(probe, probe.bool()).shape[2]
    head = PairHead(2 * width).to(device)

    def logits(shown: OpenModel, pairs: ProductPairs) -> Tensor:
        mine = shown is opened and {*pairs.left.tolist(), *pairs.right.tolist()} <= known.keys()
        ids = known if mine else _texts(shown, model, without, (pairs,))
        sides = [
            (ids[a], ids[b]) for a, b in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)
        ]
        longest = max(len(a) + len(b) for a, b in sides) + len(between)
        ids_NT = torch.zeros(len(sides), longest, dtype=torch.long)
        side_NT = torch.full((len(sides), longest), -1)
        for place, (a, b) in enumerate(sides):
            line = [*a, *between, *b]
            ids_NT[place, : len(line)] = torch.tensor(line)
            side_NT[place, : len(line)] = 2
            side_NT[place, : len(a)] = 0
            side_NT[place, len(line) - len(b) : len(line)] = 1
        ids_NT, side_NT = ids_NT.to(device), side_NT.to(device)
        read_NTH = model(ids_NT, side_NT >= 0)
        means = [_mean(read_NTH, side_NT == side) for side in (0, 1)]
        both = torch.cat(means, 1)
        return head(both, torch.cat(means[::-1], 1))  # type: ignore[no-any-return]

    return _trained(opened, model, head, logits, train, validation, settings, keep, progress)


def _mean(read_NTH: Tensor, there_NT: Tensor) -> Tensor:
    count_N1 = there_NT.sum(1, keepdim=True).clamp_min(1)
    return (read_NTH * there_NT[..., None]).sum(1) / count_N1


def _texts(
    opened: OpenModel,
    encoder: TextEncoder,
    without: tuple[str, ...],
    of: tuple[ProductPairs | np.ndarray, ...],
) -> dict[int, list[int]]:
    """Token ids by row."""
    parts = [
        np.concatenate([some.left, some.right]) if isinstance(some, ProductPairs) else some
        for some in of
    ]
    rows = np.unique(np.concatenate(parts))
    texts = shown_titles(opened, rows, without)
    if TRIPLES in opened.trained.sees and TRIPLES not in without:
        catalog = opened.batcher.catalog
        for place, name, value in zip(
            *(part.tolist() for part in opened.batcher.triples(rows)), strict=True
        ):
            texts[place] += f" {spoken(catalog.properties[name])} {catalog.values[value]}"
    prepared = encoder.prepare(texts)
    return {row: tokens.ids[:_TOKENS] for row, tokens in zip(rows.tolist(), prepared, strict=True)}


def _trained(
    opened: OpenModel,
    model: nn.Module,
    head: nn.Module,
    logits: Callable[[OpenModel, ProductPairs], Tensor],
    train: ProductPairs,
    validation: ProductPairs,
    settings: TuneSettings,
    keep: int,
    progress: StageProgress,
) -> Learned:
    shown = Shown(train.same, keep)

    @torch.no_grad()
    def asked(view: OpenModel, pairs: ProductPairs) -> np.ndarray:
        found = []
        for start in range(0, len(pairs), 4 * settings.batch_size):
            some = np.arange(start, min(len(pairs), start + 4 * settings.batch_size))
            found.append(logits(view, pairs[some]).cpu().numpy())
        return np.concatenate([*found, np.empty(0)]).astype(float)

    def loss(chosen: np.ndarray) -> Tensor:
        pairs = train[shown.of(chosen)]
        found_N = logits(opened, pairs)
        same_N = torch.from_numpy(pairs.same.astype(np.float32)).to(found_N.device)
        return nn.functional.binary_cross_entropy_with_logits(found_N, same_N)

    def check() -> float | None:
        from sklearn.metrics import average_precision_score

        shown.next_epoch()
        if len(np.unique(validation.same)) < 2:
            return None
        return float(average_precision_score(validation.same, asked(opened, validation)))

    tune(model, head, len(shown), loss, check, settings, progress=counted_stages(progress))
    return asked
