"""Conformance tests for plugins."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from k3m_kg.contracts import (
    Fusion,
    ImageEncoder,
    LinkScorer,
    ModelContext,
    TextEncoder,
)
from k3m_kg.records import CatalogRecord, ProductRecord

HIDDEN = 16


class _ModuleCase:
    """What holds for every component with weights."""

    @abstractmethod
    def build(self, context: ModelContext) -> Any:
        """The component under test, for H = `context.hidden`."""

    def made(self) -> Any:
        """A fresh component in evaluation mode."""
        torch.manual_seed(0)
        component = self.build(ModelContext(hidden=HIDDEN, seed=0))
        assert isinstance(component, nn.Module)
        return component.eval()

    @staticmethod
    def close(a: Tensor, b: Tensor) -> None:
        """Equal up to rounding."""
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


class FusionCase(_ModuleCase):
    """Subclass this and give `build(context) -> Fusion`."""

    def inputs(self, tokens: int) -> tuple[Tensor, Tensor, Tensor]:
        """Individual and interactive features of 3 products, some tokens absent."""
        torch.manual_seed(1)
        present = torch.ones(3, tokens, dtype=torch.bool)
        present[1, tokens // 2 :] = False
        present[2] = False
        return torch.randn(3, tokens, HIDDEN), torch.randn(3, tokens, HIDDEN), present

    def test_takes_any_number_of_tokens(self) -> None:
        """(B, N, H) in, (B, N, H) out."""
        fusion: Fusion = self.made()
        for tokens in (0, 1, 7):
            individual, interactive, present = self.inputs(tokens)
            assert fusion(individual, interactive, present).shape == individual.shape

    def test_absent_stays_absent(self) -> None:
        """Rows of absent tokens are zero, whatever they hold."""
        fusion: Fusion = self.made()
        individual, interactive, present = self.inputs(6)
        out = fusion(individual, interactive, present)
        assert not out[~present].any()
        individual[~present] = 99.0
        self.close(fusion(individual, interactive, present), out)

    def test_products_do_not_influence_each_other(self) -> None:
        """A product alone gives what it gives in company."""
        fusion: Fusion = self.made()
        individual, interactive, present = self.inputs(6)
        alone = fusion(individual[:1], interactive[:1], present[:1])
        self.close(alone, fusion(individual, interactive, present)[:1])

    def test_gradients_reach_the_interactive_features(self) -> None:
        """Training must be able to pass through."""
        fusion: Fusion = self.made().train()
        individual, interactive, present = self.inputs(6)
        interactive.requires_grad_()
        fusion(individual, interactive, present).square().sum().backward()
        assert interactive.grad is not None
        assert interactive.grad.isfinite().all()
        assert interactive.grad.any()


class TextEncoderCase(_ModuleCase):
    """Subclass this and give `build(context) -> TextEncoder`."""

    texts = ("red mug", "a blue cotton shirt", "mug", "", "größe 42 \U0001f600 连衣裙")

    def fitted(self) -> TextEncoder:
        """The encoder, fitted on a small corpus."""
        encoder: TextEncoder = self.made()
        corpus = ["red mug", "a blue cotton shirt", "blue mug with handle"] * 3
        encoder.fit(corpus, ["colour", "red", "blue", "dark blue"])
        return encoder.eval()

    def padded(self, encoder: TextEncoder, texts: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        """Ids and presence of texts."""
        prepared = [tokens.ids for tokens in encoder.prepare(texts)]
        width = max(1, *(len(ids) for ids in prepared))
        ids = torch.zeros(len(texts), width, dtype=torch.long)
        present = torch.zeros(len(texts), width, dtype=torch.bool)
        for row, tokens in enumerate(prepared):
            ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
            present[row, : len(tokens)] = True
        return ids, present

    def test_odd_text_never_fails(self) -> None:
        """Empty, emoji, foreign scripts, lone surrogates."""
        encoder = self.fitted()
        prepared = encoder.prepare([*self.texts, "\ud800 x", "\x00", "a" * 5000])
        assert len(prepared) == len(self.texts) + 3
        assert prepared[3].ids == []
        for tokens in prepared:
            assert len(tokens.ids) == len(tokens.spans)
            assert all(0 <= token < encoder.vocab_size for token in tokens.ids)

    def test_spans_name_the_characters_of_each_token(self) -> None:
        """The words of a value can be found among the tokens."""
        text = "red mug"
        tokens = self.fitted().prepare([text])[0]
        covered = "".join(text[start:end] for start, end in tokens.spans)
        assert covered.replace(" ", "") == "redmug"

    def test_padding_never_influences_a_result(self) -> None:
        """(B, T, H), the same alone and padded."""
        encoder = self.fitted()
        ids, present = self.padded(encoder, self.texts[:3])
        out = encoder(ids, present)
        assert out.shape == (*ids.shape, HIDDEN)
        for row in range(3):
            length = int(present[row].sum())
            alone = encoder(ids[row : row + 1, :length], present[row : row + 1, :length])
            self.close(out[row, :length], alone[0])

    def test_a_text_without_tokens_is_finite(self) -> None:
        """An absent title must not poison the batch."""
        encoder = self.fitted()
        ids, present = self.padded(encoder, self.texts)
        present[0] = False
        assert encoder(ids, present).isfinite().all()

    def test_a_cut_token_leaves_no_gap(self) -> None:
        """Positions count present tokens only."""
        encoder = self.fitted()
        ids, present = self.padded(encoder, ("red mug",))
        if ids.shape[1] < 2:
            return
        present[0, 0] = False
        cut = encoder(ids, present)[0, 1:]
        self.close(cut, encoder(ids[:, 1:], present[:, 1:])[0])

    def test_is_the_same_after_saving(self, tmp_path: Path) -> None:
        """Assets and weights restore it."""
        encoder = self.fitted()
        encoder.save_assets(tmp_path)
        other = self.build(ModelContext(hidden=HIDDEN, seed=0, restoring=True)).eval()
        other.load_assets(tmp_path)
        other.load_state_dict(encoder.state_dict())
        other.eval()
        ids, present = self.padded(encoder, self.texts)
        assert [t.ids for t in other.prepare(self.texts)] == [
            t.ids for t in encoder.prepare(self.texts)
        ]
        self.close(other(ids, present)[present], encoder(ids, present)[present])


class ImageEncoderCase(_ModuleCase):
    """Subclass this and give `build(context) -> ImageEncoder`."""

    def pictures(self) -> dict[str, Tensor]:
        """Eight pictures of several sizes and modes, prepared and stacked."""
        from PIL import Image

        random = np.random.default_rng(0)
        encoder: ImageEncoder = self.made()
        prepared = []
        for number in range(8):
            size = (20 + 13 * number, 90 - 7 * number, 3)
            pixels = random.integers(0, 256, size, dtype=np.uint8)
            prepared.append(encoder.prepare(Image.fromarray(pixels)))
        shapes = [{name: array.shape for name, array in item.items()} for item in prepared]
        assert all(shape == shapes[0] for shape in shapes), "shapes must not depend on the picture"
        return {
            name: torch.from_numpy(np.stack([item[name] for item in prepared]))
            for name in prepared[0]
        }

    def fitted(self) -> tuple[ImageEncoder, dict[str, Tensor]]:
        """The encoder fitted on the pictures."""
        encoder, arrays = self.made(), self.pictures()
        encoder.fit(arrays)
        return encoder.eval(), arrays

    def test_regions_describe_what_forward_encodes(self) -> None:
        """(B, R, H), boxes in [0, 1], targets that are distributions."""
        encoder, arrays = self.fitted()
        regions, encoded = encoder.regions(arrays), encoder(arrays)
        assert encoded.shape == (*regions.present_BR.shape, HIDDEN)
        assert regions.present_BR.dtype == torch.bool
        assert regions.boxes_BR5.shape == (*regions.present_BR.shape, 5)
        assert regions.boxes_BR5.amin() >= 0
        assert regions.boxes_BR5.amax() <= 1
        if encoder.num_targets:
            assert regions.targets_BRC is not None
            assert regions.targets_BRC.shape[-1] == encoder.num_targets
            total = regions.targets_BRC.sum(-1)
            self.close(total, torch.ones_like(total))

    def test_pictures_do_not_influence_each_other(self) -> None:
        """A picture alone gives what it gives in company."""
        encoder, arrays = self.fitted()
        alone = encoder({name: array[:1] for name, array in arrays.items()})
        self.close(alone, encoder(arrays)[:1])

    def test_a_masked_region_changes_the_encoding(self) -> None:
        """Masking must do something."""
        encoder, arrays = self.fitted()
        masked = torch.zeros_like(encoder.regions(arrays).present_BR)
        masked[:, 0] = True
        assert not torch.allclose(encoder(arrays, masked), encoder(arrays))

    def test_everything_masked_hides_the_picture(self) -> None:
        """With all features zeroed, two pictures look the same."""
        encoder, arrays = self.fitted()
        masked = torch.ones_like(encoder.regions(arrays).present_BR)
        out = encoder(arrays, masked)
        self.close(out[0], out[1])

    def test_augmenting_keeps_shapes_and_repeats_with_the_seed(self) -> None:
        """All randomness comes from the generator."""
        encoder, arrays = self.fitted()
        one = encoder.augment(arrays, torch.Generator().manual_seed(3))
        two = encoder.augment(arrays, torch.Generator().manual_seed(3))
        for name, array in arrays.items():
            assert one[name].shape == array.shape
            assert torch.equal(one[name], two[name])

    def test_the_cache_key_is_a_file_name(self) -> None:
        """Prepared pictures are kept under it."""
        key = self.made().cache_key()
        assert key
        assert "/" not in key


class LinkScorerCase:
    """Subclass this and give `build(hidden) -> LinkScorer`."""

    @abstractmethod
    def build(self, hidden: int) -> LinkScorer:
        """The scorer under test."""

    def test_tails_are_scored_as_triples_are(self) -> None:
        """`score_tails` is `score` for every candidate, in both of its forms."""
        torch.manual_seed(0)
        scorer = self.build(HIDDEN).eval()
        head, relation = torch.randn(4, HIDDEN), torch.randn(4, HIDDEN)
        tails = torch.randn(4, 5, HIDDEN)
        one_by_one = torch.stack([scorer.score(head, relation, tails[:, c]) for c in range(5)], 1)
        torch.testing.assert_close(
            scorer.score_tails(head, relation, tails), one_by_one, atol=1e-4, rtol=1e-4
        )
        shared = scorer.score_tails(head, relation, tails[0])
        spread = scorer.score_tails(head, relation, tails[:1].expand(4, -1, -1))
        torch.testing.assert_close(shared, spread, atol=1e-4, rtol=1e-4)

    def test_query_vectors_are_what_candidates_are_compared_with(self) -> None:
        """Where there is a query vector, on either side, its scores are those of `score`."""
        torch.manual_seed(0)
        scorer = self.build(HIDDEN).eval()
        given, relation, others = (torch.randn(4, HIDDEN) for _ in range(3))
        grid = [
            [scorer.score(h[None], r[None], t[None]) for t in others]
            for h, r in zip(given, relation, strict=True)
        ]
        if query := scorer.tail_query(given, relation):
            expected = torch.stack([torch.cat(row) for row in grid])
            torch.testing.assert_close(query.scores(others), expected, atol=1e-4, rtol=1e-4)
        grid = [
            [scorer.score(h[None], r[None], t[None]) for h in others]
            for r, t in zip(relation, given, strict=True)
        ]
        if query := scorer.head_query(relation, given):
            expected = torch.stack([torch.cat(row) for row in grid])
            torch.testing.assert_close(query.scores(others), expected, atol=1e-4, rtol=1e-4)

    def test_candidates_in_groups_are_scored_as_triples_are(self) -> None:
        """`score_tail_groups` and `score_head_groups` are `score` for what a group shares."""
        torch.manual_seed(0)
        scorer = self.build(HIDDEN).eval()
        given, relation = (torch.randn(2, 3, HIDDEN) for _ in range(2))
        others = torch.randn(2, 4, HIDDEN)
        spread = [
            part[:, :, None].expand(-1, -1, 4, -1).flatten(0, 2) for part in (given, relation)
        ]
        each = others[:, None].expand(-1, 3, -1, -1).flatten(0, 2)
        torch.testing.assert_close(
            scorer.score_tail_groups(given, relation, others).flatten(),
            scorer.score(spread[0], spread[1], each),
            atol=1e-3,
            rtol=1e-3,
        )
        torch.testing.assert_close(
            scorer.score_head_groups(others, relation, given).flatten(),
            scorer.score(each, spread[1], spread[0]),
            atol=1e-3,
            rtol=1e-3,
        )

    def test_gradients_reach_all_three(self) -> None:
        """Head, relation and tail all learn."""
        scorer = self.build(HIDDEN)
        torch.manual_seed(0)
        parts = [torch.randn(3, HIDDEN, requires_grad=True) for _ in range(3)]
        torch.autograd.backward(scorer.score(*parts).sum())
        for part in parts:
            assert part.grad is not None
            assert part.grad.isfinite().all()
            assert part.grad.any()


class ReaderCase:
    """Subclass this and give `build()` and `sample(folder) -> (path, mapping or None)`."""

    @abstractmethod
    def build(self) -> Any:
        """The reader under test."""

    @abstractmethod
    def sample(self, folder: Path) -> tuple[Path, Path | None]:
        """Write a valid source of at least two products into `folder`."""

    def test_recognises_its_own_format(self, tmp_path: Path) -> None:
        """`sniff` says yes to a valid source."""
        path, _ = self.sample(tmp_path)
        assert self.build().sniff(path, path.read_bytes()[:65536])

    def test_streams_records_with_ids_and_lines(self, tmp_path: Path) -> None:
        """Ids are non-empty, lines ascend, nothing missing is an empty string."""
        path, mapping = self.sample(tmp_path)
        records = list(self.build().read(path, mapping))
        products = [record for record in records if isinstance(record, ProductRecord)]
        assert len(products) >= 2
        assert all(isinstance(record, CatalogRecord) for record in records)
        lines = [record.line for record in records]
        assert lines == sorted(lines)
        for product in products:
            assert product.id
            assert product.title != ""
            assert product.category != ""
            assert all(name and value for name, value in product.properties)

    def test_reads_the_same_twice(self, tmp_path: Path) -> None:
        """Content decides, nothing else."""
        path, mapping = self.sample(tmp_path)
        reader = self.build()
        assert list(reader.read(path, mapping)) == list(reader.read(path, mapping))
