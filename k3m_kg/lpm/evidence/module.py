"""The evidence term of link prediction: what a question sees, weighed for each candidate value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from k3m_kg.config import EvidenceSettings
from k3m_kg.contracts import (
    Candidates,
    Catalog,
    EvidenceTerm,
    Heads,
    ModalityData,
    ProductBatch,
    ReadyFeatures,
)
from k3m_kg.errors import ArtifactError
from k3m_kg.lpm.evidence.counts import Counts, count
from k3m_kg.lpm.evidence.dense import DenseEvidence, FeaturesOf, Sums, add_up
from k3m_kg.lpm.evidence.features import NOTHING, shown_words, triple_numbers
from k3m_kg.lpm.questions import ProductSource, Triples

FILE = "evidence.safetensors"
FEATURES_FILE = "evidence-features.safetensors"
_RANK = 8
"""Of the table that says how much each kind of feature says of each property."""
_MOST_VECTORS = 1 << 16


class Evidence(nn.Module):
    """For a question about property p that sees features f, the score of value v gets

        b_v + sum_f g_f lift_f(v) + sum_f W_fv + <q(c*, p), e_v> + sum_m dense_m(v)

    with n_fv training products that have f and v (in training the asked product is not counted),
    n_f its sum over v, pi_v the share of v among p's values:

        lift_f(v) = log((n_fv + pi_v) / (n_f + 1)) - log pi_v
        g_f = softplus(B[kind of f, p]) sigmoid(g0 + g1 info_f + g2 log(1 + n_f))
        info_f = sum_v share_f(v) lift_f(v),  share_f(v) = (n_fv + pi_v) / (n_f + 1)

    dense_m is what the ready-made features of modality m say: `DenseEvidence`.

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
        self._take(Counts.nothing(), properties=0)

    # -- what is counted

    def fit(
        self,
        catalog: Catalog,
        source: ProductSource,
        modalities: Mapping[str, ModalityData],
        rows: np.ndarray,
        ready_made: FeaturesOf | None = None,
    ) -> None:
        """Count over the training products in `rows`, and add up their ready-made features."""
        self._take(count(catalog, source, modalities, rows), len(catalog.properties))
        if self.settings.features and ready_made is not None:
            values = int(self.row_V.max()) + 1 if len(self.row_V) else 1
            most = self.settings.features

            def rows_of(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
                known = Triples.of(source, part)
                column = self.columns(
                    torch.from_numpy(known.properties), torch.from_numpy(known.values)
                )
                row = self._rows_of(column).numpy()
                owner = np.searchsorted(part, known.rows)
                return owner[row > 0], row[row > 0]

            self._take_features(add_up(ready_made, rows_of, np.sort(rows), values, most))

    def _rows_of(self, columns_N: Tensor) -> Tensor:
        """Rows of the values' own vectors and sums, 0 for values that have none."""
        if not len(self.row_V):
            return torch.zeros_like(columns_N)
        return torch.where(columns_N >= 0, self.row_V[columns_N], 0)

    def _take_features(self, every: Mapping[str, Sums]) -> None:
        name_V, row_V = self.column_V.numpy() >> 32, self.row_V.numpy()
        property_U = np.zeros(int(row_V.max(initial=0)) + 1, np.int64)
        property_U[row_V[row_V > 0]] = name_V[row_V > 0]
        for name, sums in sorted(every.items()):
            drop = self.settings.dropout
            self.dense[name] = DenseEvidence(sums, property_U, self.properties, drop)

    def save(self, folder: Path) -> None:
        """Write what was counted into `folder`."""
        arrays = {item.name: getattr(self._counts, item.name) for item in fields(Counts)}
        save_file(arrays | {"properties": np.array([self.properties])}, folder / FILE)
        if self.settings.features:
            features = {
                f"{name}.{item.name}": np.ascontiguousarray(getattr(dense.sums, item.name))
                for name, dense in self._dense()
                for item in fields(Sums)
            }
            save_file(features, folder / FEATURES_FILE)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; the weights that fit it are not yet those that were trained.

        Raises:
            ArtifactError: missing or damaged.
        """
        path = folder / FILE
        self._take(*_checked(_read(path), str(path)))
        if self.settings.features:
            path = folder / FEATURES_FILE
            values = int(self.row_V.max()) + 1 if len(self.row_V) else 1
            self._take_features(_checked_features(_read(path), self.modalities, values, str(path)))

    def _take(self, counts: Counts, properties: int) -> None:
        self._counts, self.properties = counts, properties
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
        bounds = np.searchsorted(name_V, np.arange(properties + 1))
        self._bounds: list[int] = bounds.tolist()
        self._build(torch.from_numpy(share_V.astype(np.float32)), int(row_V.max(initial=0)) + 1)
        self.dense = nn.ModuleDict()

    def _dense(self) -> list[tuple[str, DenseEvidence]]:
        return list(self.dense.items())  # type: ignore[arg-type]

    def _keep(self, name: str, array: np.ndarray) -> None:
        self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array)), persistent=False)

    def _build(self, share_V: Tensor, vectors: int) -> None:
        """The weights that fit what was counted."""
        settings, kinds, hidden = self.settings, self.properties + 1, self.hidden
        self.bias_V = nn.Parameter(share_V.clamp_min(1e-9).log())
        weights = int(self.weighed_X.max()) + 1 if len(self.weighed_X) and settings.weights else 0
        self.weight_W = nn.Parameter(torch.zeros(weights))
        self.gate_K = nn.Parameter(torch.full((kinds,), -1.0))
        self.gate_P = nn.Parameter(torch.zeros(self.properties))
        self.gate_KR = nn.Parameter(torch.randn(kinds, _RANK) * 0.1)
        self.gate_PR = nn.Parameter(torch.randn(self.properties, _RANK) * 0.1)
        self.gate_3 = nn.Parameter(torch.tensor([0.0, 0.5, 0.0]))
        if not settings.vectors:
            vectors = 0
        self.value_WH = nn.Parameter(torch.randn(vectors, hidden) * 0.02)
        self.property_PH = nn.Parameter(torch.randn(self.properties, hidden) * 0.02)
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
    kind_F: Tensor
    cell_X: Tensor
    place_X: Tensor
    weighed_X: Tensor
    count_X: Tensor
    share_V: Tensor
    row_V: Tensor

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
    ) -> Tensor:
        """(Q, K), of questions about products that see the triples paired with them.

        `question_N`, ascending, and `triple_N` as in `ModelOutputs.aggregate`.
        """
        number_E = self._places(triple_numbers(batch.triple_property_E, batch.triple_value_E))
        triple_QK = _rows(question_N, number_E[triple_N], len(product_Q))
        seen_QK = torch.cat([triple_QK, self._words(batch, product_Q, asked_Q)], 1)
        if self.training and self.settings.drop:
            dropped_QK = torch.rand(seen_QK.shape, device=seen_QK.device) < self.settings.drop
            seen_QK = seen_QK.masked_fill(dropped_QK, NOTHING)
        return seen_QK

    def _words(self, batch: ProductBatch, product_Q: Tensor, asked_Q: Tensor | None) -> Tensor:
        """(Q, N) places of the words that are shown, each once."""
        every = [shown_words(tokens, product_Q, asked_Q) for tokens in batch.modalities.values()]
        parts = [words for words in every if words is not None]
        if not parts:
            return torch.full((len(product_Q), 0), NOTHING, device=batch.device)
        words_QN = torch.cat(parts, 1).sort(1, descending=True).values
        again_QN = torch.zeros_like(words_QN, dtype=torch.bool)
        again_QN[:, 1:] = words_QN[:, 1:] == words_QN[:, :-1]
        words_QN = self._places(words_QN.masked_fill(again_QN, NOTHING))
        return words_QN[:, (words_QN >= 0).any(0)]

    def _places(self, numbers: Tensor) -> Tensor:
        """Of each number its place among the features, -1 where it is none."""
        if not len(self.feature_F):
            return torch.full_like(numbers, NOTHING)
        place = torch.searchsorted(self.feature_F, numbers).clamp_max(len(self.feature_F) - 1)
        return torch.where(self.feature_F[place] == numbers, place, NOTHING)

    def turned(self, ready_made: Mapping[str, ReadyFeatures], size: int) -> Tensor | None:
        """(B, D) where products lie by the features of all modalities; None without features."""
        parts = [dense.turned(ready_made.get(name), size) for name, dense in self._dense()]
        return torch.cat(parts, 1) if parts else None

    # -- what it speaks for

    def columns(self, properties_N: Tensor, values_N: Tensor) -> Tensor:
        """(N,) the column of each value of a property, -1 where training has none."""
        numbers_N = triple_numbers(properties_N, values_N)
        if not len(self.column_V):
            return torch.full_like(numbers_N, NOTHING)
        place_N = torch.searchsorted(self.column_V, numbers_N).clamp_max(len(self.column_V) - 1)
        return torch.where(self.column_V[place_N] == numbers_N, place_N, NOTHING)

    def first(self, properties_N: Tensor) -> tuple[Tensor, Tensor]:
        """The first column of each property, and the one after its last."""
        one = torch.ones_like(properties_N)
        zero = torch.zeros_like(properties_N)
        return (
            torch.searchsorted(self.column_V, triple_numbers(properties_N, zero)),
            torch.searchsorted(self.column_V, triple_numbers(properties_N + one, zero)),
        )

    def spoken_for(
        self, seen_QK: Tensor, property_Q: Tensor, own_QX: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Question, column and sum of lifts and weights, flat, of what is not zero.

        Args:
            seen_QK: as `seen` gives it.
            property_Q: what each asks.
            own_QX: columns that the asked product itself has been counted for, padded -1.
        """
        low_Q, high_Q = self.first(property_Q)
        question_R, slot_R = (seen_QK >= 0).nonzero(as_tuple=True)
        feature_R = seen_QK[question_R, slot_R]
        base_R = feature_R * len(self.column_V)
        start_R = torch.searchsorted(self.cell_X, base_R + low_Q[question_R])
        length_R = torch.searchsorted(self.cell_X, base_R + high_Q[question_R]) - start_R
        rows = len(feature_R)
        row_Y = torch.repeat_interleave(torch.arange(rows, device=seen_QK.device), length_R)
        begin_R = length_R.cumsum(0) - length_R
        within_Y = torch.arange(len(row_Y), device=seen_QK.device) - begin_R[row_Y]
        cell_Y = start_R[row_Y] + within_Y
        column_Y, question_Y = self.place_X[cell_Y], question_R[row_Y]
        with torch.no_grad():
            count_Y = self.count_X[cell_Y]
            if own_QX is not None:
                count_Y = count_Y - (own_QX[question_Y] == column_Y[:, None]).any(1).float()
            share_Y = self.share_V[column_Y].clamp_min(1e-9)
            lift_Y = torch.log1p(count_Y / share_Y)
            total_R = count_Y.new_zeros(rows).index_add_(0, row_Y, count_Y)
            part_Y = (count_Y + share_Y) / (total_R[row_Y] + 1)
            size_R = total_R.log1p()
            info_R = count_Y.new_zeros(rows).index_add_(0, row_Y, part_Y * lift_Y) - size_R
        kind_R, name_R = self.kind_F[feature_R], property_Q[question_R]
        strength_R = (
            self.gate_K[kind_R]
            + self.gate_P[name_R]
            + (self.gate_KR[kind_R] * self.gate_PR[name_R]).sum(1)
        )
        zero, one, two = self.gate_3
        gate_R = F.softplus(strength_R) * torch.sigmoid(zero + one * info_R + two * size_R)
        spoken_Y = gate_R[row_Y] * lift_Y
        if len(self.weight_W):
            weight_Y = self.weighed_X[cell_Y]
            spoken_Y = spoken_Y + self.weight_W[weight_Y] * (weight_Y > 0)
        return question_Y, column_Y, spoken_Y

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

    def by_features(
        self, turned_ND: Tensor, name: int, low: int, high: int, own_NX: Tensor | None = None
    ) -> Tensor | float:
        """(N, C) what features say of the values of some columns, which are of one property.

        `turned_ND` as `turned` gives it, of each question's product; `own_NX` as in `spoken_for`.
        """
        row_C, own_NC = self.row_V[low:high], None
        if own_NX is not None:
            column_C = torch.arange(low, high, device=row_C.device)
            own_NC = (own_NX[:, :, None] == column_C).any(1)
        start, total = 0, 0.0
        for _, dense in self._dense():
            part_NR = turned_ND[:, start : start + dense.width]
            total = total + dense(part_NR, name, row_C, own_NC)
            start += dense.width
        return total

    def of_questions(
        self,
        batch: ProductBatch,
        head_QH: Tensor,
        asked_Q: Tensor,
        question_N: Tensor | None = None,
        triple_N: Tensor | None = None,
        turned_BD: Tensor | None = None,
    ) -> EvidenceTerm:
        """As `EvidenceOf` says, of a batch of training products and `turned` of their features."""
        product_Q, name_Q = batch.triple_product_E[asked_Q], batch.triple_property_E[asked_Q]
        if question_N is None or triple_N is None:
            visible_E = batch.triple_visible_E.nonzero()[:, 0]
            question_N, triple_N = _paired(product_Q, batch.triple_product_E, visible_E)
        seen_QK = self.seen_by(batch, product_Q, question_N, triple_N, asked_Q)
        own_E = self.columns(batch.triple_property_E, batch.triple_value_E)
        answer_QX = batch.answers(asked_Q)
        own_QX = torch.where(answer_QX >= 0, own_E[answer_QX], NOTHING)
        low_Q, high_Q = self.first(name_Q)
        width_Q = high_Q - low_Q
        begin_Q = width_Q.cumsum(0) - width_Q
        question_Y, column_Y, spoken_Y = self.spoken_for(seen_QK, name_Q, own_QX)
        flat = head_QH.new_zeros(int(width_Q.sum()))
        place_Y = begin_Q[question_Y] + column_Y - low_Q[question_Y]
        flat = flat.index_add(0, place_Y, spoken_Y.to(flat.dtype))
        query_QH = self.queries(head_QH, name_Q)

        def term(name: int, chosen_N: Tensor) -> Tensor:
            low, high = self._between(name)
            place_C = torch.arange(high - low, device=flat.device)
            spoken_NC = flat[begin_Q[chosen_N][:, None] + place_C]
            query_NH = None if query_QH is None else query_QH[chosen_N]
            found_NC = spoken_NC + self.prior(low, high, query_NH)
            if turned_BD is None:
                return found_NC
            turned_ND, own_NX = turned_BD[product_Q[chosen_N]], own_QX[chosen_N]
            return found_NC + self.by_features(turned_ND, name, low, high, own_NX)

        return term

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
        if heads.features_ND is not None:
            every_NV = every_NV + self.by_features(heads.features_ND, name, low, high)
        column_C = self.columns(name_N[:1].expand(len(candidates)), candidates.values_C) - low
        known_C = column_C >= 0
        out_NC[:, known_C] = every_NV[:, column_C[known_C]]
        return out_NC


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


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise ArtifactError("no such file", where=str(path)) from None
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"is damaged: {error}", where=str(path)) from None


def _checked_features(
    found: dict[str, np.ndarray], modalities: Sequence[str], values: int, where: str
) -> dict[str, Sums]:
    """What a file says of each modality, if it fits together and the values that are counted."""
    names = {key.partition(".")[0] for key in found} & set(modalities)
    wanted = [item.name for item in fields(Sums)]
    if found.keys() != {f"{name}.{key}" for name in names for key in wanted}:
        raise ArtifactError("is damaged: other arrays than it should hold", where=where)
    sums = {name: Sums(*(found[f"{name}.{key}"] for key in wanted)) for name in names}
    if not all(item.fits(values) for item in sums.values()):
        raise ArtifactError("is damaged: its features do not fit together", where=where)
    return sums


def _checked(found: dict[str, np.ndarray], where: str) -> tuple[Counts, int]:
    """What a file says, if it can be used without reading beside an array."""

    def fits() -> bool:
        if found.keys() != {"properties", *(item.name for item in fields(Counts))}:
            return False
        if any(array.dtype != np.int64 or array.ndim != 1 for array in found.values()):
            return False
        if len(found["properties"]) != 1 or not 0 <= found["properties"][0] < 1 << 30:
            return False
        sizes = {name[-1]: len(array) for name, array in found.items() if name != "properties"}
        if any(len(array) != sizes[name[-1]] for name, array in found.items() if "_" in name):
            return False
        names, properties = found["column_V"] >> 32, found["properties"][0]
        return bool(
            all((np.diff(found[name]) > 0).all() for name in ("column_V", "feature_F", "cell_X"))
            and (found["often_V"] >= 1).all()
            and (found["often_F"] >= 1).all()
            and (found["count_X"] >= 1).all()
            and (names >= 0).all()
            and (names < properties).all()
            and (found["kind_F"] >= 0).all()
            and (found["kind_F"] <= properties).all()
            and (found["feature_F"] >= 0).all()
            and (found["cell_X"] >= 0).all()
            and (found["cell_X"] < sizes["V"] * sizes["F"]).all()
        )

    if not fits():
        raise ArtifactError("is damaged: what it counts does not fit together", where=where)
    counts = Counts(**{item.name: found[item.name] for item in fields(Counts)})
    return counts, int(found["properties"][0])
