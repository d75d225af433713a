"""Conformance tests for a modality, over a small shop and within a small K3M."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from k3m_kg.contracts import Modality, ModalityContext, ModalityData, ModalityTokens
from k3m_kg.snapshot import Snapshot
from k3m_kg.testing.shop import shop_snapshot
from k3m_kg.testing.tasks import unfitted


class ModalityCase:
    """Subclass this and give `build(context) -> Modality`."""

    @abstractmethod
    def build(self, context: ModalityContext) -> Modality:
        """The modality under test."""

    @classmethod
    def snapshot(cls, folder: Path) -> Snapshot:
        """Products of which some have the modality and some have not; by default a small shop."""
        return Snapshot.open(shop_snapshot(folder, 40))

    @pytest.fixture(scope="class")
    @classmethod
    def opened(
        cls, tmp_path_factory: pytest.TempPathFactory
    ) -> tuple[Modality, ModalityData, np.ndarray]:
        """The modality fitted on a shop, its data, and all rows."""
        snapshot = cls.snapshot(tmp_path_factory.mktemp("shop"))
        torch.manual_seed(0)
        modality = cls().build(unfitted(snapshot))
        assert isinstance(modality, Modality)
        data = modality.open(snapshot)
        assert isinstance(data, ModalityData)
        rows = np.arange(len(snapshot))
        modality.fit(data, rows)
        return modality.eval(), data, rows

    @staticmethod
    def encoded(modality: Modality, tokens: ModalityTokens) -> tuple[Tensor, Tensor]:
        """(I, N, H) vectors, and which tokens are there."""
        there = tokens.tokens_BN[tokens.product_I]
        with torch.no_grad():
            vectors: Tensor = modality(tokens.arrays, there)
        return vectors, there

    def test_a_batch_holds_the_products_that_have_it(
        self, opened: tuple[Modality, ModalityData, np.ndarray]
    ) -> None:
        """Whoever is not `has` shows nothing; arrays have a row for each that is encoded."""
        _, data, rows = opened
        tokens, has = data.batch(rows), data.has(rows)
        assert has.any()
        assert not has.all(), "the shop has products without it, or the case shows too little"
        assert (np.diff(tokens.product_I.numpy()) > 0).all()
        for array in tokens.arrays.values():
            assert len(array) == len(tokens.product_I)
        assert torch.equal(tokens.shown_B, torch.from_numpy(has))

    def test_vectors_are_finite_and_do_not_depend_on_company(
        self, opened: tuple[Modality, ModalityData, np.ndarray]
    ) -> None:
        """(I, N, H); a product alone, and twice in one batch, gives what it gives in company."""
        modality, data, rows = opened
        vectors, there = self.encoded(modality, data.batch(rows))
        assert vectors.shape[:2] == there.shape
        assert vectors.isfinite().all(), "also where a token is absent"
        some = rows[data.has(rows)][[0, 3, 0]]
        again, again_there = self.encoded(modality, data.batch(some))
        place = np.searchsorted(data.batch(rows).product_I.numpy(), some)
        for number, row in enumerate(place.tolist()):
            torch.testing.assert_close(
                again[number][again_there[number]],
                vectors[row][there[row]],
                atol=1e-4,
                rtol=1e-4,
            )

    def test_what_a_masked_token_held_is_not_read(
        self, opened: tuple[Modality, ModalityData, np.ndarray]
    ) -> None:
        """With everything masked, products of equally many tokens look the same."""
        modality, data, rows = opened
        tokens = data.batch(rows[data.has(rows)])
        _, there = self.encoded(modality, tokens)
        with torch.no_grad():
            blank = modality(tokens.arrays, there, torch.ones_like(there))
        counts = there.sum(1)
        same = (counts == counts[0]).nonzero()[:, 0]
        assert len(same) > 1, "no two products have equally many tokens"
        for other in same[1:4].tolist():
            torch.testing.assert_close(
                blank[other][there[other]], blank[0][there[0]], atol=1e-4, rtol=1e-4
            )

    def test_names_belong_to_tokens_that_are_there(
        self, opened: tuple[Modality, ModalityData, np.ndarray]
    ) -> None:
        """What a person would call the tokens, if anything, and what to look up."""
        _, data, rows = opened
        for row, has in zip(rows.tolist(), data.has(rows).tolist(), strict=True):
            named = data.named(row)
            if not has:
                assert not named
                continue
            tokens = data.batch(np.array([row]))
            for name, places in named or ():
                assert name
                assert places
                assert tokens.tokens_BN[0, list(places)].all()

    def test_it_is_the_same_after_saving(
        self, opened: tuple[Modality, ModalityData, np.ndarray], tmp_path: Path
    ) -> None:
        """Assets and weights restore it."""
        modality, data, rows = opened
        tokens = data.batch(rows)
        before, there = self.encoded(modality, tokens)
        modality.save_assets(tmp_path)
        other = self.build(unfitted(self.snapshot(tmp_path / "again"), restoring=True))
        other.load_assets(tmp_path)
        other.load_state_dict(modality.state_dict())
        after, _ = self.encoded(other.eval(), tokens)
        torch.testing.assert_close(after[there], before[there])
