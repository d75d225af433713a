"""What evidence counts, adds up and fits over the training products, once, before training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from k3m_kg.batches.batcher import Batcher
from k3m_kg.contracts import Catalog, ModalityData, ProductBatch
from k3m_kg.lpm.evidence.fitting import Fitting, Seen, basis_of, drawn, word_weights
from k3m_kg.lpm.evidence.module import Evidence
from k3m_kg.lpm.evidence.regression import Basis, Regressions
from k3m_kg.lpm.questions import Triples, Visibility, answerable, ask
from k3m_kg.model.k3m import K3M
from k3m_kg.progress import Progress

_TOGETHER = 256
_SAMPLE = 20_000
"""Products whose features say which directions there are."""
_DIRECTIONS = 512
_MOST_WIDE = 4096
"""Features of a modality beyond which their covariance would not fit: they are left out."""


def fit_evidence(
    model: K3M,
    batcher: Batcher,
    opened: Mapping[str, ModalityData],
    rows: np.ndarray,
    *,
    checked: np.ndarray | None = None,
    hide: np.ndarray | None = None,
    progress: Progress | None = None,
    until: float | None = None,
) -> int:
    """Fit the model's evidence; nothing where it has none.

    Args:
        model: on the device that training uses.
        batcher: of the training snapshot.
        opened: its modalities.
        rows: the training products.
        checked: products by which the strength of regressions is chosen.
        hide: properties that no question will see.
        progress: told of the regressions that are fitted.
        until: when no further regression is begun, by `time.monotonic`.

    Returns:
        How many properties, those with the fewest triples, have none for want of time.
    """
    if model.evidence is None:
        return 0
    device = next(model.parameters()).device
    model.evidence.fit(batcher.catalog, batcher, opened, rows)
    model.evidence.to(device)
    if not model.evidence.settings.regressions:
        return 0
    nothing = np.empty(0, np.int64)
    asking = _Asking(model, model.evidence, batcher, nothing if hide is None else hide)
    model.evidence.regressions, left_out = asking.fitted(
        np.sort(rows), nothing if checked is None else checked, progress, until
    )
    return left_out


@dataclass(frozen=True, slots=True)
class _Asking:
    """Fits regressions to questions as the model will be asked them.

    Attributes:
        model, evidence: hold what was counted.
        batcher: of the training snapshot.
        hide: properties that no question will see.
    """

    model: K3M
    evidence: Evidence
    batcher: Batcher
    hide: np.ndarray

    def fitted(
        self,
        rows: np.ndarray,
        checked: np.ndarray,
        progress: Progress | None,
        until: float | None,
    ) -> tuple[Regressions, int]:
        """Those of the training products in `rows`, and for how many properties there are none."""
        catalog: Catalog = self.batcher.catalog
        names = list(self.model.views())
        counted = self.evidence.counted
        words_F = counted.kind_F == len(catalog.properties)
        idf_F = word_weights(counted.often_F, words_F, len(rows))
        empty = Regressions(names, self._bases(rows), [], idf_F)
        fitting = Fitting(
            into=empty,
            patterns=patterns_of(len(names)),
            show=lambda questions, patterns: self._show(empty, questions, patterns),
            triple_F=~words_F,
            columns=self._columns,
            least=Fitting.least_of(len(rows)),
        )
        asked = answerable(catalog)
        examples = drawn(Triples.of(self.batcher, rows), asked.tolist())
        done = [0]

        def told(count: int) -> None:
            done[0] += count
            if progress:
                progress(done[0], len(examples))

        every = fitting.fit(examples, Triples.of(self.batcher, checked), told, until)
        return Regressions(names, empty.bases, every, idf_F), len(examples) - done[0]

    def _columns(self, name: int, values: np.ndarray) -> np.ndarray:
        names = torch.full((len(values),), name)
        device = self.evidence.column_V.device
        found: np.ndarray = (
            self.evidence.columns(names.to(device), torch.from_numpy(values).to(device))
            .cpu()
            .numpy()
        )
        return found

    def _bases(self, rows: np.ndarray) -> dict[str, Basis]:
        some = np.sort(np.random.default_rng(0).permutation(rows)[:_SAMPLE])
        kept: dict[str, list[np.ndarray]] = {}
        for start in range(0, len(some), _TOGETHER):
            batch = self.batcher.batch(some[start : start + _TOGETHER])
            for name, found in self.model.ready_made(batch.to(self._device)).items():
                kept.setdefault(name, []).append(found.values_BF[found.has_B].float().cpu().numpy())
        bases = {}
        for name, parts in kept.items():
            values_NF = np.concatenate(parts)
            if values_NF.shape[1] <= _MOST_WIDE:
                basis = basis_of(values_NF, _DIRECTIONS)
                if basis is not None:
                    bases[name] = basis
        return bases

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def _show(self, into: Regressions, questions: Triples, patterns: Sequence[int]) -> list[Seen]:
        """What questions see, of each pattern."""
        names = list(self.model.views())
        seen: list[list[np.ndarray]] = [[] for _ in patterns]
        shown: list[list[np.ndarray]] = [[] for _ in patterns]
        for cut in (True, False):
            places = [
                place for place, hidden in enumerate(patterns) if cut == (not hidden & into.whole)
            ]
            visibility = Visibility(hide=self.hide, cut_title=cut)
            for start in range(0, len(questions) if places else 0, _TOGETHER):
                part = questions[start : start + _TOGETHER]
                every = ask(self.batcher, part, visibility).to(self._device)
                for place in places:
                    hidden = patterns[place]
                    batch = without(every, [n for bit, n in enumerate(names) if hidden >> bit & 1])
                    seen[place].append(self.evidence.seen(batch).cpu().numpy())
                    tokens = {name: batch.modalities[name].shown_B for name in names}
                    made = self.model.ready_made(batch)
                    found = into.shown(made, tokens, batch.size, whole=not cut)
                    shown[place].append(found.cpu().numpy())
        return [
            (_padded(parts), np.concatenate([*more, np.empty((0, into.width), np.float32)]))
            for parts, more in zip(seen, shown, strict=True)
        ]


def without(batch: ProductBatch, names: Sequence[str]) -> ProductBatch:
    """The same products without some modalities."""
    return replace(
        batch,
        modalities={
            name: tokens.absent() if name in names else tokens
            for name, tokens in batch.modalities.items()
        },
    )


def patterns_of(modalities: int) -> list[int]:
    """Which modalities may be missing together: none, each, all; and the first ones once more for
    titles of which nothing is cut, as completion reads them.
    """
    every, whole = (1 << modalities) - 1, 1 << modalities
    some = [0, *(1 << bit for bit in range(modalities))]
    return list(dict.fromkeys([*some, every, *(whole | one for one in some if one != every)]))


def _padded(parts: list[np.ndarray]) -> np.ndarray:
    width = max((part.shape[1] for part in parts), default=0)
    padded = [
        np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=-1) for part in parts
    ]
    return np.concatenate([*padded, np.empty((0, width), np.int64)]).astype(np.int64)
