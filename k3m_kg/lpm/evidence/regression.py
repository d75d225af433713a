"""Regressions: per property one converged linear model of what a question sees, for each set of
modalities that may be missing, and for titles of which the answer's words were cut or not.

What training by small steps reaches slowly, a convex fit has at once: words (TF-IDF), the other
triples and the modalities' ready-made features, as the linear models that K3M is measured against.
A product without picture is answered by a model that was fitted to products whose picture was
hidden, not by one that misses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from torch import Tensor

from k3m_kg.contracts import ReadyFeatures
from k3m_kg.files import usual_mode

FILE = "evidence-regressions.safetensors"
WORDS = 2.0
"""Length of all words of a question together, beside triples of length 1 each."""
DENSE = 4.0
"""Root mean square length of a modality's features."""
_UNFITTED = 0.5
"""Of a training triple: how probable a value is that a regression has no weights for."""
USUAL_MIX = (0.7, 0.3)
"""Weights of regression and of everything else, where no validation tells."""


@dataclass(frozen=True, slots=True)
class Basis:
    """From the features of a modality to R directions, uncorrelated, `DENSE` long in the mean.

    Attributes:
        mean_F: of the features.
        turn_FR: the directions.
    """

    mean_F: np.ndarray
    turn_FR: np.ndarray


@dataclass(frozen=True, slots=True)
class Regression:
    """A regression of K classes on F features.

    Attributes:
        hidden: the modalities that it does without, a bit for each; one bit more where nothing was
            cut out of texts.
        name: the property.
        examples: how many it was fitted to.
        column_K: the columns of its classes in the counts, ascending.
        place_F: the places of its features in the counts, ascending.
        weight_DK: a row for each feature, then for each number of the modalities that it is shown,
            then the bias.
    """

    hidden: int
    name: int
    examples: int
    column_K: np.ndarray
    place_F: np.ndarray
    weight_DK: np.ndarray


@dataclass(slots=True)
class _Ready:
    """`Regression` on the device that is asked."""

    examples: int
    column_K: Tensor
    place_F: Tensor
    weight_DK: Tensor


class Regressions:
    """All of them, and how they are mixed with everything else.

    Args:
        modalities: names, in order; the place of each is its bit.
        bases: of those that have features.
        every: the models; the mixture asks by `hidden` and `name`.
        idf_F: how much a word counts, 0 for features that are no words.
        mix: by (hidden, name): weights of the regression and of all other terms.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        bases: Mapping[str, Basis],
        every: Sequence[Regression],
        idf_F: np.ndarray,
        mix: Mapping[tuple[int, int], tuple[float, float]] | None = None,
    ) -> None:
        self.modalities, self.bases = tuple(modalities), dict(bases)
        self.every = {(item.hidden, item.name): item for item in every}
        self.hidden = sorted({item.hidden for item in every})
        self.idf_F = idf_F
        self.mix = dict(mix or {})
        self._ready: dict[object, _Ready] = {}
        self._tensors: dict[object, Tensor] = {}

    # -- what questions show

    @property
    def width(self) -> int:
        """Numbers that `shown` gives."""
        return sum(self._widths()) + 1

    @property
    def whole(self) -> int:
        """The bit of a pattern that says that nothing was cut out of texts."""
        return 1 << len(self.modalities)

    def _widths(self) -> list[int]:
        return [
            1 + (self.bases[name].turn_FR.shape[1] if name in self.bases else 0)
            for name in self.modalities
        ]

    def shown(
        self,
        ready_made: Mapping[str, ReadyFeatures],
        shown: Mapping[str, Tensor],
        size: int,
        *,
        whole: bool,
    ) -> Tensor:
        """(B, D): of each modality whether products show it, and its features' directions; at last
        whether any is shown, and that whole.

        Args:
            ready_made: what modalities have ready-made.
            shown: (B,) bool of each modality.
            size: B.
            whole: nothing was cut out of texts.
        """
        parts = []
        for name, width in zip(self.modalities, self._widths(), strict=True):
            shown_B = shown[name]
            device = shown_B.device
            part_BR = torch.zeros(size, width, device=device)
            part_BR[:, 0] = shown_B.float()
            found = ready_made.get(name)
            if width > 1 and found is not None:
                basis = self.bases[name]
                if found.values_BF.shape[1] == len(basis.mean_F):
                    mean_F = self._on(device, (name, "mean"), basis.mean_F)
                    turn_FR = self._on(device, (name, "turn"), basis.turn_FR)
                    place_BR = (found.values_BF.float() - mean_F) @ turn_FR
                    part_BR[:, 1:] = place_BR * (found.has_B & shown_B)[:, None]
            parts.append(part_BR)
        if not parts:
            return torch.zeros(size, 1)
        some_B = torch.stack([shown[name] for name in self.modalities]).any(0)
        return torch.cat([*parts, (some_B & whole).float()[:, None]], 1)

    def pattern(self, shown_ND: Tensor) -> Tensor:
        """(N,) which modalities each lacks, a bit for each; of those that were fitted."""
        place, hidden_N = 0, torch.zeros(len(shown_ND), dtype=torch.long, device=shown_ND.device)
        for bit, width in enumerate(self._widths()):
            hidden_N = hidden_N | ((shown_ND[:, place] == 0).long() << bit)
            place += width
        hidden_N = hidden_N | ((shown_ND[:, place] != 0).long() * self.whole)
        if not self.hidden:
            return hidden_N
        known = torch.tensor(
            [self._nearest(bits) for bits in range(2 * self.whole)],
            device=shown_ND.device,
        )
        return known[hidden_N]

    def _nearest(self, hidden: int) -> int:
        """The pattern that does without all that is hidden, and without as little else.

        One for whole texts where it is there; where the text is hidden it makes no difference.
        """
        for wanted in (hidden, hidden & ~self.whole):
            fitting = [one for one in self.hidden if one & wanted == wanted]
            if fitting:
                return min(fitting, key=int.bit_count)
        return self.hidden[-1]

    def dense_columns(self, hidden: int) -> np.ndarray:
        """Which of the numbers of `shown` a pattern reads."""
        starts = np.cumsum([0, *self._widths()])
        kept = [
            np.arange(starts[bit], starts[bit + 1])
            for bit in range(len(self.modalities))
            if not hidden >> bit & 1
        ]
        return np.concatenate([*kept, np.empty(0, np.int64)]).astype(np.int64)

    def weighed(self, seen_QK: Tensor) -> Tensor:
        """(Q, K) how much each feature counts that questions see: triples 1, words by TF-IDF."""
        idf_F = self._on(seen_QK.device, "idf", self.idf_F)
        there_QK = seen_QK >= 0
        idf_QK = idf_F[seen_QK.clamp_min(0)] * there_QK if len(idf_F) else seen_QK * 0.0
        length_Q1 = idf_QK.square().sum(1, keepdim=True).sqrt().clamp_min(1e-9)
        return torch.where(idf_QK > 0, WORDS * idf_QK / length_Q1, there_QK.to(idf_QK.dtype))

    # -- what they say

    def has(self, name: int) -> bool:
        """Whether there are any for a property."""
        return any((hidden, name) in self.every for hidden in self.hidden)

    def log_shares(
        self, seen_NK: Tensor, shown_ND: Tensor, name: int, column_C: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(N, C) logarithms of how probable values of a property are, and (N, 2) their mixture.

        Args:
            seen_NK: places of the features that each question sees, -1 for none.
            shown_ND: as `shown` gives it.
            name: the property.
            column_C: the values' columns, -1 where training has none.
        """
        pattern_N = self.pattern(shown_ND)
        out_NC = shown_ND.new_zeros(len(seen_NK), len(column_C))
        mix_N2 = shown_ND.new_zeros(len(seen_NK), 2)
        weight_NK = self.weighed(seen_NK)
        for hidden in sorted(set(pattern_N.tolist())):
            mine = (pattern_N == hidden).nonzero()[:, 0]
            fitted = hidden
            if (fitted, name) not in self.every:  # titles do not spell its values
                fitted &= ~self.whole
            mix = self.mix.get((hidden, name), self.mix.get((fitted, name), USUAL_MIX))
            if (fitted, name) not in self.every:
                mix = (0.0, 1.0)
            else:
                ready = self._of(fitted, name, shown_ND.device)
                logits = self._logits(ready, fitted, seen_NK[mine], weight_NK[mine], shown_ND[mine])
                share_IK = logits.log_softmax(1)
                place_C = torch.searchsorted(ready.column_K, column_C)
                place_C = place_C.clamp_max(len(ready.column_K) - 1)
                known_C = ready.column_K[place_C] == column_C
                floor = float(np.log(_UNFITTED / (ready.examples + 1)))
                out_NC[mine] = torch.where(known_C, share_IK[:, place_C], floor)
            mix_N2[mine] = mix_N2.new_tensor(mix)
        return out_NC, mix_N2

    def _logits(
        self, ready: _Ready, hidden: int, seen_IK: Tensor, weight_IK: Tensor, shown_ID: Tensor
    ) -> Tensor:
        logits = ready.weight_DK[-1].expand(len(seen_IK), -1)
        features = len(ready.place_F)
        if features and seen_IK.shape[1]:
            place_IK = torch.searchsorted(ready.place_F, seen_IK).clamp_max(features - 1)
            known_IK = (ready.place_F[place_IK] == seen_IK) & (seen_IK >= 0)
            weights = (weight_IK * known_IK).to(ready.weight_DK.dtype)
            logits = logits + F.embedding_bag(
                place_IK, ready.weight_DK[:features], per_sample_weights=weights, mode="sum"
            )
        columns = self._on(shown_ID.device, ("columns", hidden), self.dense_columns(hidden))
        if len(columns):
            logits = logits + shown_ID[:, columns] @ ready.weight_DK[features:-1]
        return logits

    def _of(self, hidden: int, name: int, device: torch.device) -> _Ready:
        key = (hidden, name, device)
        if key not in self._ready:
            item = self.every[hidden, name]
            arrays = (item.column_K, item.place_F, item.weight_DK)
            tensors = [torch.from_numpy(array).to(device) for array in arrays]
            self._ready[key] = _Ready(item.examples, *tensors)
        return self._ready[key]

    def _on(self, device: torch.device, key: object, array: np.ndarray) -> Tensor:
        if (key, device) not in self._tensors:
            self._tensors[key, device] = torch.from_numpy(array).to(device)
        return self._tensors[key, device]

    # -- the file

    def save(self, folder: Path) -> None:
        """Write them into `folder`."""
        every = list(self.every.values())
        sizes = [
            (item.hidden, item.name, item.examples, len(item.column_K), len(item.place_F))
            for item in every
        ]
        mix = sorted(self.mix.items())
        arrays = {
            "size_Y5": np.array(sizes, np.int64).reshape(-1, 5),
            "column_C": _flat([item.column_K for item in every], np.int64),
            "place_F": _flat([item.place_F for item in every], np.int64),
            "weight_W": _flat([item.weight_DK.ravel() for item in every], np.float32),
            "idf_F": self.idf_F,
            "mixed_X2": np.array([key for key, _ in mix], np.int64).reshape(-1, 2),
            "mix_X2": np.array([pair for _, pair in mix], np.float32).reshape(-1, 2),
        }
        for name, basis in self.bases.items():
            arrays |= {
                f"basis.{name}.{item.name}": np.ascontiguousarray(getattr(basis, item.name))
                for item in fields(Basis)
            }
        with usual_mode(folder / FILE):
            save_file(arrays, folder / FILE)

    @classmethod
    def read(
        cls,
        arrays: Mapping[str, np.ndarray],
        modalities: Sequence[str],
        columns: int,
        features: int,
        properties: int,
    ) -> Regressions | None:
        """What `save` wrote, if it fits the counts; None where it does not fit together."""
        bases = {}
        names = ["size_Y5", "column_C", "place_F", "weight_W", "idf_F", "mixed_X2", "mix_X2"]
        for name in modalities:
            keys = [f"basis.{name}.{item.name}" for item in fields(Basis)]
            if any(key in arrays for key in keys):
                if not all(key in arrays for key in keys):
                    return None
                bases[name] = Basis(*(arrays[key] for key in keys))
                names += keys
        if arrays.keys() != set(names) or not _shaped(arrays, bases, features):
            return None
        found = cls(modalities, bases, [], arrays["idf_F"])
        ends = np.zeros(3, np.int64)
        every = []
        for hidden, name, examples, classes, seen in arrays["size_Y5"].tolist():
            if not (
                0 <= hidden < 2 * found.whole
                and 0 <= name < properties
                and examples >= 1
                and 1 <= classes <= columns
                and 0 <= seen <= features
            ):
                return None
            rows = seen + len(found.dense_columns(hidden)) + 1
            starts, ends = ends, ends + np.array([classes, seen, rows * classes])
            parts = [
                arrays[key][start:end]
                for key, start, end in zip(
                    ("column_C", "place_F", "weight_W"), starts, ends, strict=True
                )
            ]
            if len(parts[2]) != rows * classes or len(parts[0]) != classes or len(parts[1]) != seen:
                return None
            ordered = all((np.diff(part) > 0).all() for part in parts[:2])
            within = all(
                not len(part) or (part[0] >= 0 and part[-1] < most)
                for part, most in zip(parts[:2], (columns, features), strict=True)
            )
            if not (ordered and within):
                return None
            weight_DK = parts[2].reshape(rows, classes)
            every.append(Regression(hidden, name, examples, parts[0], parts[1], weight_DK))
        if [len(arrays[key]) for key in ("column_C", "place_F", "weight_W")] != ends.tolist():
            return None
        pairs = zip(arrays["mixed_X2"].tolist(), arrays["mix_X2"].tolist(), strict=True)
        mix = {(hidden, name): (one, other) for (hidden, name), (one, other) in pairs}
        return cls(modalities, bases, every, arrays["idf_F"], mix)


def _flat(arrays: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([*arrays, np.empty(0, kind)]).astype(kind)


def _shaped(arrays: Mapping[str, np.ndarray], bases: Mapping[str, Basis], features: int) -> bool:
    whole = {"size_Y5": 5, "mixed_X2": 2}
    flat = ("column_C", "place_F")
    single = ("weight_W", "idf_F")
    return bool(
        all(
            arrays[key].dtype == np.int64
            and arrays[key].ndim == 2
            and arrays[key].shape[1] == width
            for key, width in whole.items()
        )
        and all(arrays[key].dtype == np.int64 and arrays[key].ndim == 1 for key in flat)
        and all(arrays[key].dtype == np.float32 and arrays[key].ndim == 1 for key in single)
        and arrays["mix_X2"].dtype == np.float32
        and arrays["mix_X2"].shape == arrays["mixed_X2"].shape
        and all(
            np.isfinite(arrays[key]).all() and (key == "weight_W" or (arrays[key] >= 0).all())
            for key in ("weight_W", "idf_F", "mix_X2")
        )
        and len(arrays["idf_F"]) == features
        and all(
            array.dtype == np.float32 and np.isfinite(array).all()
            for basis in bases.values()
            for array in (basis.mean_F, basis.turn_FR)
        )
        and all(
            basis.mean_F.ndim == 1
            and basis.turn_FR.ndim == 2
            and basis.turn_FR.shape[1] >= 1
            and len(basis.mean_F) == len(basis.turn_FR)
            for basis in bases.values()
        )
    )
