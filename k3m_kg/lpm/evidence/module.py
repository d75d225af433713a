"""The evidence term of link prediction: what a question sees, weighed for each candidate value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.config import EvidenceSettings
from k3m_kg.contracts import (
    Candidates,
    Catalog,
    Heads,
    ModalityData,
    ProductBatch,
    Questions,
    ReadyFeatures,
)
from k3m_kg.errors import ArtifactError
from k3m_kg.lpm.evidence.counts import Counts, count
from k3m_kg.lpm.evidence.features import NOTHING, shown_words, triple_numbers
from k3m_kg.lpm.evidence.kept_counts import read_arrays, read_counts, write_counts
from k3m_kg.lpm.evidence.regression import FILE as REGRESSIONS_FILE
from k3m_kg.lpm.evidence.regression import Regressions
from k3m_kg.lpm.evidence.tables import Cells, Tables
from k3m_kg.lpm.questions import ProductSource

_RANK = 8
"""Of the table that says how much each kind of feature says of each property."""
_MOST_VECTORS = 1 << 16


@dataclass(slots=True)
class QuestionCells:
    """What training questions see.

    Attributes:
        cells: what speaks for what.
        name_Q: the property that it asks.
        pair_Y: the (question, candidate) pair of each cell.
    """

    cells: Cells
    name_Q: Tensor
    pair_Y: Tensor


class Evidence(nn.Module):
    """For a question about property p that sees features f, the score of value v gets

        b_v + sum_f g_f lift_f(v) + sum_f W_fv + <q(c*, p), e_v>

    with n_fv training products that have f and v (in training the asked product is not counted),
    n_f its sum over v, pi_v the share of v among p's values:

        lift_f(v) = log((n_fv + pi_v) / (n_f + 1)) - log pi_v
        g_f = softplus(B[kind of f, p]) sigmoid(g0 + g1 info_f + g2 log(1 + n_f))
        info_f = sum_v share_f(v) lift_f(v),  share_f(v) = (n_fv + pi_v) / (n_f + 1)

    What lift and W say of all values alike is left out: it changes no order. A value that training
    has not seen has none of it.

    Args:
        settings: which parts there are, and how much is dropped in training.
        hidden: H of `c*`.
        modalities: names of those that may have features.
    """

    def __init__(
        self, settings: EvidenceSettings, hidden: int, modalities: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.settings, self.hidden = settings, hidden
        self.modalities = tuple(modalities)
        self.regressions: Regressions | None = None
        self._take(Counts.nothing(), properties=0)

    # -- what is counted

    def fit(
        self,
        catalog: Catalog,
        source: ProductSource,
        modalities: Mapping[str, ModalityData],
        rows: np.ndarray,
    ) -> None:
        """Count over the training products in `rows`."""
        self._take(count(catalog, source, modalities, rows), len(catalog.properties))

    def save(self, folder: Path) -> None:
        """Write what was counted into `folder`."""
        write_counts(self._counts, self.properties, folder)
        if self.regressions is not None:
            self.regressions.save(folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; the weights that fit it are not yet those that were trained.

        Raises:
            ArtifactError: missing or damaged.
        """
        self._take(*read_counts(folder))
        if self.settings.regressions:
            path, counts = folder / REGRESSIONS_FILE, self._counts
            sizes = len(counts.column_V), len(counts.feature_F), self.properties
            self.regressions = Regressions.read(read_arrays(path), self.modalities, *sizes)
            if self.regressions is None:
                raise ArtifactError(
                    "is damaged: its regressions do not fit together", where=str(path)
                )

    def _take(self, counts: Counts, properties: int) -> None:
        self._counts, self.properties = counts, properties
        self._held: dict[str, Tensor] = {}
        columns = len(counts.column_V)
        for name in ("column_V", "feature_F", "kind_F", "cell_X"):
            self._keep(name, getattr(counts, name))
        cells = counts.cell_X
        self._keep("place_X", cells % max(1, columns))
        # of a feature that one product has, a weight would learn that product by heart
        weighed_X = counts.often_F[cells // max(1, columns)] > 1
        self._keep("weighed_X", np.where(weighed_X, np.cumsum(weighed_X), 0))
        self._keep("count_X", counts.count_X.astype(np.float32))
        name_V = counts.column_V >> 32
        total_P = np.bincount(name_V, counts.often_V, minlength=properties)
        share_V = counts.often_V / np.maximum(1, total_P[name_V]) if columns else counts.often_V
        self._keep("share_V", share_V.astype(np.float32))
        frequent_V = counts.often_V >= 2
        if frequent_V.sum() > _MOST_VECTORS:
            floor = np.sort(counts.often_V)[-_MOST_VECTORS]
            frequent_V &= counts.often_V > floor
        row_V = np.where(frequent_V, np.cumsum(frequent_V), 0)
        self._keep("row_V", row_V)
        self._host = Tables(**self._held)
        bounds = np.searchsorted(name_V, np.arange(properties + 1))
        self._bounds: list[int] = bounds.tolist()
        self._build(torch.from_numpy(share_V.astype(np.float32)), int(row_V.max(initial=0)) + 1)

    def _keep(self, name: str, array: np.ndarray) -> None:
        held = torch.from_numpy(np.ascontiguousarray(array))
        self._held[name] = held
        self.register_buffer(name, held, persistent=False)

    def _build(self, share_V: Tensor, vectors: int) -> None:
        """The weights that fit what was counted."""
        settings, kinds, hidden = self.settings, self.properties + 1, self.hidden
        self.bias_V = nn.Parameter(share_V.clamp_min(1e-9).log())
        weighed_X = self._held["weighed_X"]
        weights = int(weighed_X.max()) + 1 if len(weighed_X) and settings.weights else 0
        self.weight_W = nn.Parameter(torch.zeros(weights))
        self.gate_K = nn.Parameter(torch.full((kinds,), -1.0))
        self.gate_P = nn.Parameter(torch.zeros(self.properties))
        self.gate_KR = nn.init.normal_(nn.Parameter(torch.empty(kinds, _RANK)), std=0.1)
        self.gate_PR = nn.init.normal_(nn.Parameter(torch.empty(self.properties, _RANK)), std=0.1)
        self.gate_3 = nn.Parameter(torch.tensor([0.0, 0.5, 0.0]))
        if not settings.vectors:
            vectors = 0
        self.value_WH = nn.init.normal_(nn.Parameter(torch.empty(vectors, hidden)), std=0.02)
        self.property_PH = nn.init.normal_(
            nn.Parameter(torch.empty(self.properties, hidden)), std=0.02
        )
        self.query = (
            nn.Sequential(
                nn.Linear(2 * hidden, 2 * hidden),
                nn.GELU(),
                nn.Dropout(settings.dropout),
                nn.Linear(2 * hidden, hidden),
            )
            if vectors
            else None
        )

    column_V: Tensor
    feature_F: Tensor
    row_V: Tensor

    @property
    def _tables(self) -> Tables:
        """What is counted, on the device of the weights."""
        return Tables(**{item.name: getattr(self, item.name) for item in fields(Tables)})

    # -- what questions see

    def seen(self, batch: ProductBatch) -> Tensor:
        """(B, K) places of the features that each product shows, -1 where there are fewer."""
        visible_E = batch.triple_visible_E.nonzero()[:, 0]
        return self.seen_by(
            batch,
            torch.arange(batch.size, device=batch.device),
            batch.triple_product_E[visible_E],
            visible_E,
        )

    def seen_by(
        self,
        batch: ProductBatch,
        product_Q: Tensor,
        question_N: Tensor,
        triple_N: Tensor,
        asked_Q: Tensor | None = None,
        tables: Tables | None = None,
    ) -> Tensor:
        """(Q, K), of questions about products that see the triples paired with them.

        `question_N`, ascending, and `triple_N` as in `ModelOutputs.aggregate`.
        """
        tables = tables or self._tables
        number_E = tables.places(triple_numbers(batch.triple_property_E, batch.triple_value_E))
        triple_QK = _rows(question_N, number_E[triple_N], len(product_Q))
        return torch.cat([triple_QK, _words(tables, batch, product_Q, asked_Q)], 1)

    @property
    def counted(self) -> Counts:
        """What was counted."""
        return self._counts

    def shown(
        self,
        ready_made: Mapping[str, ReadyFeatures],
        shown: Mapping[str, Tensor],
        size: int,
        *,
        whole: bool,
    ) -> Tensor | None:
        """(B, D) `Heads.features_ND`, what regressions read; None without them."""
        if self.regressions is None:
            return None
        return self.regressions.shown(ready_made, shown, size, whole=whole)

    # -- what it speaks for

    def columns(self, properties_N: Tensor, values_N: Tensor) -> Tensor:
        """(N,) the column of each value of a property, -1 where training has none."""
        return self._tables.columns(properties_N, values_N)

    def first(self, properties_N: Tensor) -> tuple[Tensor, Tensor]:
        """The first column of each property, and the one after its last."""
        return self._tables.first(properties_N)

    def spoken_for(self, seen_QK: Tensor, property_Q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Question, column and sum of lifts and weights, flat, of what is not zero.

        Args:
            seen_QK: as `seen` gives it.
            property_Q: what each asks.
        """
        cells = self._tables.cells(seen_QK, property_Q)
        return cells.question_Y, cells.column_Y, self._weighed(cells)

    def _weighed(self, cells: Cells) -> Tensor:
        """(Y,) sum of lift and weight of each cell."""
        strength_R = (
            self.gate_K[cells.kind_R]
            + self.gate_P[cells.name_R]
            + (self.gate_KR[cells.kind_R] * self.gate_PR[cells.name_R]).sum(1)
        )
        zero, one, two = self.gate_3
        level_R = zero + one * cells.info_R + two * cells.size_R
        gate_R = F.softplus(strength_R) * torch.sigmoid(level_R)
        spoken_Y = gate_R[cells.row_Y] * cells.lift_Y
        if len(self.weight_W):
            spoken_Y = spoken_Y + self.weight_W[cells.weight_Y] * (cells.weight_Y > 0)
        return spoken_Y

    def queries(self, vectors_NH: Tensor, property_N: Tensor) -> Tensor | None:
        """(N, H) what the values' own vectors are compared with; None without such vectors."""
        if self.query is None:
            return None
        asked_NH = self.property_PH[property_N] * math.sqrt(self.hidden)
        found: Tensor = self.query(torch.cat([vectors_NH, asked_NH], 1))
        return found

    def prior(self, low: int, high: int, query_NH: Tensor | None) -> Tensor:
        """(1 or N, C) what the values of some columns bring, whatever a question sees."""
        bias_1C = self.bias_V[low:high][None]
        if query_NH is None:
            return bias_1C
        value_CH = self.value_WH[self.row_V[low:high]] * (self.row_V[low:high] > 0)[:, None]
        return bias_1C + query_NH @ value_CH.T

    def found(
        self, batch: ProductBatch, questions: Questions, generator: torch.Generator
    ) -> QuestionCells:
        """What training questions see, on the CPU; the product's own answers are not counted.

        In training mode a share of it is dropped by the generator.
        """
        tables, asked_Q = self._host, questions.asked_Q
        product_Q, name_Q = batch.triple_product_E[asked_Q], batch.triple_property_E[asked_Q]
        question_N, triple_N = questions.question_N, questions.triple_N
        if question_N is None or triple_N is None:
            visible_E = batch.triple_visible_E.nonzero()[:, 0]
            question_N, triple_N = _paired(product_Q, batch.triple_product_E, visible_E)
        seen_QK = self.seen_by(batch, product_Q, question_N, triple_N, asked_Q, tables)
        if self.training and self.settings.drop:
            drawn_QK = torch.rand(seen_QK.shape, generator=generator)
            seen_QK = seen_QK.masked_fill(drawn_QK < self.settings.drop, NOTHING)
        own_E = tables.columns(batch.triple_property_E, batch.triple_value_E)
        answer_QX = batch.answers(asked_Q)
        own_QX = torch.where(answer_QX >= 0, own_E[answer_QX], NOTHING)
        cells = tables.cells(seen_QK, name_Q, own_QX)
        choices = questions.choices
        assert choices is not None
        return QuestionCells(cells, name_Q, choices.pairs_of(cells.question_Y, cells.column_Y))

    def of_questions(
        self, questions: Questions, head_QH: Tensor, question_P: Tensor, candidate_P: Tensor
    ) -> Tensor:
        """As `EvidenceOf` says."""
        found, choices = questions.evidence, questions.choices
        assert isinstance(found, QuestionCells)
        assert choices is not None
        flat_P = head_QH.new_zeros(choices.pairs + 1)  # the last: of values that were not drawn
        flat_P = flat_P.index_add(0, found.pair_Y, self._weighed(found.cells).to(flat_P.dtype))
        column_P = choices.columns_P(question_P, candidate_P)
        flat_P = flat_P[:-1] + self.bias_V.index_select(0, column_P)
        query_QH = self.queries(head_QH, found.name_Q)
        if query_QH is None:
            return flat_P
        row_GC = self.row_V[choices.columns_GC()]
        value_GCH = F.embedding(row_GC, self.value_WH) * (row_GC > 0)[..., None]
        scores_GSC = choices.tiled(query_QH) @ value_GCH.transpose(1, 2)
        return flat_P + choices.flat(scores_GSC, question_P, candidate_P)

    def _between(self, name: int) -> tuple[int, int]:
        low, high = self._bounds[name], self._bounds[name + 1]
        return low, high

    def scores(self, heads: Heads, candidates: Candidates) -> Tensor:
        """(N, C) the term for N questions about one property; 0 for values unseen in training."""
        device = heads.vectors_NH.device
        name = candidates.name
        out_NC = heads.vectors_NH.new_zeros(len(heads), len(candidates))
        if name >= self.properties or heads.seen_NK is None or not len(heads):
            return out_NC
        name_N = torch.full((len(heads),), name, device=device)
        low, high = self._between(name)
        question_Y, column_Y, spoken_Y = self.spoken_for(heads.seen_NK, name_N)
        every_NV = heads.vectors_NH.new_zeros(len(heads), high - low)
        every_NV.index_put_((question_Y, column_Y - low), spoken_Y, accumulate=True)
        every_NV = every_NV + self.prior(low, high, self.queries(heads.vectors_NH, name_N))
        column_C = self.columns(name_N[:1].expand(len(candidates)), candidates.values_C) - low
        known_C = column_C >= 0
        out_NC[:, known_C] = every_NV[:, column_C[known_C]]
        return out_NC

    def mixed(self, scores_NC: Tensor, heads: Heads, candidates: Candidates) -> Tensor:
        """(N, C) all other terms and the regression of the property, weighed."""
        found = self.regressions
        if found is None or not len(heads) or not found.has(candidates.name):
            return scores_NC
        share_NC, mix_N2 = self.shares(heads, candidates)
        return mix_N2[:, :1] * share_NC + mix_N2[:, 1:] * scores_NC

    def shares(self, heads: Heads, candidates: Candidates) -> tuple[Tensor, Tensor]:
        """(N, C) what the property's regression says, and (N, 2) its weight and that of the rest.

        Only where there are regressions of the property.
        """
        found, name, values_C = self.regressions, candidates.name, candidates.values_C
        assert found is not None
        assert heads.seen_NK is not None
        assert heads.features_ND is not None
        column_C = self.columns(torch.full_like(values_C, name), values_C)
        return found.log_shares(heads.seen_NK, heads.features_ND, name, column_C)


def _words(
    tables: Tables, batch: ProductBatch, product_Q: Tensor, asked_Q: Tensor | None
) -> Tensor:
    """(Q, N) places of the words that are shown, each once."""
    every = [shown_words(tokens, product_Q, asked_Q) for tokens in batch.modalities.values()]
    parts = [words for words in every if words is not None]
    if not parts:
        return torch.full((len(product_Q), 0), NOTHING, device=batch.device)
    words_QN = torch.cat(parts, 1).sort(1, descending=True).values
    again_QN = torch.zeros_like(words_QN, dtype=torch.bool)
    again_QN[:, 1:] = words_QN[:, 1:] == words_QN[:, :-1]
    words_QN = tables.places(words_QN.masked_fill(again_QN, NOTHING))
    return words_QN[:, (words_QN >= 0).any(0)]


def _paired(product_Q: Tensor, product_E: Tensor, visible_N: Tensor) -> tuple[Tensor, Tensor]:
    """All pairs of a question and a visible triple of its product: question and triple."""
    owner_N = product_E[visible_N]
    first_Q = torch.searchsorted(owner_N, product_Q)
    count_Q = torch.searchsorted(owner_N, product_Q, right=True) - first_Q
    every_Q = torch.arange(len(product_Q), device=owner_N.device)
    question_P = torch.repeat_interleave(every_Q, count_Q)
    within_P = torch.arange(len(question_P), device=owner_N.device)
    within_P = within_P - (count_Q.cumsum(0) - count_Q)[question_P]
    return question_P, visible_N[first_Q[question_P] + within_P]


def _rows(owner_N: Tensor, items_N: Tensor, count: int) -> Tensor:
    """(count, K) each owner's items, padded -1; owners ascend."""
    length = torch.bincount(owner_N, minlength=count)
    width = int(length.max()) if len(owner_N) else 0
    out = torch.full((count, width), NOTHING, dtype=torch.int64, device=owner_N.device)
    place_N = torch.arange(len(owner_N), device=owner_N.device)
    out[owner_N, place_N - (length.cumsum(0) - length)[owner_N]] = items_N
    return out
