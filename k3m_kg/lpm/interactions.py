"""PyKEEN interactions as `LinkScorer`s over real vectors of one width.

`score` is PyKEEN's own interaction. `score_tails` asks one (head, relation) pair against many
tails: every interaction here is a distance or a dot product between a query made of head and
relation and the tail, so no (N, C, H) difference is ever built.

All scores are computed in float32 or better: bfloat16 distances tie too often to rank by.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from k3m_kg.contracts import LinkScorer
from k3m_kg.errors import ConfigError
from k3m_kg.lpm.pykeen_home import keep_home_clean

keep_home_clean()

from pykeen.nn.modules import (  # noqa: E402 (only now)
    ComplExInteraction,
    DistMultInteraction,
    RotatEInteraction,
    TransEInteraction,
)
from pykeen.utils import complex_normalize  # noqa: E402


class _QueryScorer(LinkScorer):
    """A scorer that compares a query (N, H), made of head and relation, with tails."""

    interaction: nn.Module

    @abstractmethod
    def _query(self, head_NH: Tensor, relation_NH: Tensor) -> Tensor:
        """(N, H) what the tail is compared with."""

    @abstractmethod
    def _compare(self, query_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        """(N, C) for tails (N, C, H) or (C, H)."""

    def score(self, head_NH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        """(N,) scores of N triples."""
        with _full_precision(head_NH):
            scores_N: Tensor = self.interaction(
                self._entity(_float(head_NH)),
                self._relation(_float(relation_NH)),
                self._entity(_float(tail_NH)),
            )
        return scores_N

    def score_tails(self, head_NH: Tensor, relation_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        """(N, C) scores of C candidates, (N, C, H) or (C, H) for all."""
        with _full_precision(head_NH):
            query_NH = self._query(_float(head_NH), _float(relation_NH))
            return self._compare(query_NH, _float(tail_NCH))

    def _entity(self, vectors: Tensor) -> Tensor:
        """Head and tail vectors as PyKEEN wants them."""
        return vectors

    def _relation(self, vectors: Tensor) -> Tensor:
        """Relation vectors as PyKEEN wants them."""
        return vectors


class TransEScorer(_QueryScorer):
    """-||h + r - t||_p (Bordes et al. 2013), or its p-th power."""

    def __init__(self, p: int = 2, power_norm: bool = False) -> None:
        super().__init__()
        self.p = p
        self.power_norm = power_norm
        self.interaction = TransEInteraction(p=p, power_norm=power_norm)

    def _query(self, head_NH: Tensor, relation_NH: Tensor) -> Tensor:
        return head_NH + relation_NH

    def _compare(self, query_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        distance_NC = _distance(query_NH, tail_NCH, float(self.p))
        return -(distance_NC**self.p) if self.power_norm else -distance_NC


class DistMultScorer(_QueryScorer):
    """<h, r, t> (Yang et al. 2015)."""

    def __init__(self) -> None:
        super().__init__()
        self.interaction = DistMultInteraction()

    def _query(self, head_NH: Tensor, relation_NH: Tensor) -> Tensor:
        return head_NH * relation_NH

    def _compare(self, query_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        return _dot(query_NH, tail_NCH)


class ComplExScorer(_QueryScorer):
    """Re <h, r, conj(t)> (Trouillon et al. 2016); H reals are H/2 complex numbers.

    Raises:
        ConfigError: H is odd.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        _must_be_even(hidden, "complex")
        self.interaction = ComplExInteraction()

    def _entity(self, vectors: Tensor) -> Tensor:
        return _complex(vectors)

    def _relation(self, vectors: Tensor) -> Tensor:
        return _complex(vectors)

    def _query(self, head_NH: Tensor, relation_NH: Tensor) -> Tensor:
        return _real(_complex(head_NH) * _complex(relation_NH))

    def _compare(self, query_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        return _dot(query_NH, tail_NCH)


class RotatEScorer(_QueryScorer):
    """-||h * r - t||_2 with |r_i| = 1 (Sun et al. 2019); H reals are H/2 complex numbers.

    Of a relation's vector only the phases count: each complex number is scaled to modulus 1.

    Raises:
        ConfigError: H is odd.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        _must_be_even(hidden, "rotate")
        self.interaction = RotatEInteraction()

    def _entity(self, vectors: Tensor) -> Tensor:
        return _complex(vectors)

    def _relation(self, vectors: Tensor) -> Tensor:
        phases: Tensor = complex_normalize(_complex(vectors))
        return phases

    def _query(self, head_NH: Tensor, relation_NH: Tensor) -> Tensor:
        return _real(_complex(head_NH) * self._relation(relation_NH))

    def _compare(self, query_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        return -_distance(query_NH, tail_NCH, 2.0)


def _must_be_even(hidden: int, name: str) -> None:
    if hidden % 2:
        raise ConfigError(
            f"the link scorer {name!r} reads vectors as complex numbers and needs an even width, "
            f"not {hidden}",
            where="model.hidden",
        )


def _float(vectors: Tensor) -> Tensor:
    return vectors if vectors.dtype == torch.float64 else vectors.float()


def _full_precision(vectors: Tensor) -> torch.autocast:
    return torch.autocast(vectors.device.type, enabled=False)


def _complex(vectors: Tensor) -> Tensor:
    """(..., H) reals as (..., H/2) complex numbers: even places real, odd places imaginary."""
    return torch.complex(vectors[..., 0::2], vectors[..., 1::2])


def _real(vectors: Tensor) -> Tensor:
    return torch.view_as_real(vectors).flatten(-2)


def _distance(query_NH: Tensor, tail_NCH: Tensor, p: float) -> Tensor:
    # Without the matrix-product shortcut, which loses half the digits where vectors are close.
    mode = "donot_use_mm_for_euclid_dist"
    if tail_NCH.dim() == 2:
        return torch.cdist(query_NH, tail_NCH, p=p, compute_mode=mode)
    return torch.cdist(query_NH[:, None], tail_NCH, p=p, compute_mode=mode).squeeze(1)


def _dot(query_NH: Tensor, tail_NCH: Tensor) -> Tensor:
    if tail_NCH.dim() == 2:
        return query_NH @ tail_NCH.T
    return torch.einsum("nh,nch->nc", query_NH, tail_NCH)
