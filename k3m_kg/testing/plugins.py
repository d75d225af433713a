"""Conformance tests for plugins."""

from __future__ import annotations

import math
from abc import abstractmethod
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from k3m_kg.contracts import (
    Fusion,
    ImageEncoder,
    Interactor,
    LinkScorer,
    ModelContext,
    StructureAggregation,
    TextEncoder,
    initialise,
)

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


class InteractorCase(_ModuleCase):
    """Subclass this and give `build(context) -> Interactor`."""

    names: tuple[str, ...] = ("title", "image", "numbers")

    def made(self) -> Any:
        """A fresh interactor for three modalities, in evaluation mode."""
        torch.manual_seed(0)
        context = ModelContext(hidden=HIDDEN, seed=0, modalities=self.names)
        interactor = self.build(context)
        assert isinstance(interactor, Interactor)
        interactor.reset_parameters()
        return interactor.eval()

    def inputs(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Tokens of 4 products: all there, some missing, one modality missing, nothing there."""
        torch.manual_seed(1)
        tokens, present = {}, {}
        for number, name in enumerate(self.names):
            count = 5 - number
            tokens[name] = torch.randn(4, count, HIDDEN)
            present[name] = torch.ones(4, count, dtype=torch.bool)
            present[name][1, count // 2 :] = False
            present[name][3] = False
        present[self.names[0]][2] = False
        return tokens, present

    def test_the_same_modalities_and_tokens_come_out(self) -> None:
        """(B, N, H) each, finite, also where a modality has no token at all."""
        interactor, (tokens, present) = self.made(), self.inputs()
        for empty in (None, self.names[0]):
            if empty is not None:
                tokens[empty], present[empty] = tokens[empty][:, :0], present[empty][:, :0]
            out = interactor(tokens, present)
            assert list(out) == list(tokens)
            for name, vectors in out.items():
                assert vectors.shape == tokens[name].shape
                assert vectors.isfinite().all(), "also where a token is absent"

    def test_what_is_absent_influences_nothing(self) -> None:
        """Whatever stands at an absent token, those that are there stay as they are."""
        interactor, (tokens, present) = self.made(), self.inputs()
        before = interactor(tokens, present)
        other = {
            name: torch.where(present[name][..., None], vectors, 99.0)
            for name, vectors in tokens.items()
        }
        after = interactor(other, present)
        for name in tokens:
            self.close(after[name][present[name]], before[name][present[name]])

    def test_an_absent_modality_is_as_good_as_none(self) -> None:
        """All of its tokens absent, or no token at all: the others come out the same."""
        interactor, (tokens, present) = self.made(), self.inputs()
        first = self.names[0]
        present[first] = torch.zeros_like(present[first])
        hidden = interactor(tokens, present)
        without = interactor(
            tokens | {first: tokens[first][:, :0]}, present | {first: present[first][:, :0]}
        )
        for name in self.names[1:]:
            self.close(hidden[name][present[name]], without[name][present[name]])

    def test_products_do_not_influence_each_other(self) -> None:
        """A product alone gives what it gives in company."""
        interactor, (tokens, present) = self.made(), self.inputs()
        whole = interactor(tokens, present)
        alone = interactor(
            {name: vectors[1:2] for name, vectors in tokens.items()},
            {name: shown[1:2] for name, shown in present.items()},
        )
        for name in tokens:
            shown = present[name][1]
            self.close(alone[name][0][shown], whole[name][1][shown])


class StructureCase(_ModuleCase):
    """Subclass this and give `build(context) -> StructureAggregation`."""

    def made(self) -> Any:
        """A fresh aggregation in evaluation mode."""
        structure = super().made()
        assert isinstance(structure, StructureAggregation)
        structure.reset_parameters()
        return structure

    def inputs(self) -> dict[str, Tensor]:
        """Three products with three, two and no triples."""
        torch.manual_seed(1)
        return {
            "c_BH": torch.randn(3, HIDDEN),
            "product_E": torch.tensor([0, 0, 0, 1, 1]),
            "property_EH": torch.randn(5, HIDDEN),
            "value_EH": torch.randn(5, HIDDEN),
        }

    def test_no_triple_leaves_the_product_as_it_is(self) -> None:
        """`c* = c`, for a question without triples and for a batch without any."""
        structure, given = self.made(), self.inputs()
        messages = structure.messages(**given)
        every = torch.arange(3)
        out = structure(given["c_BH"], messages, given["product_E"], torch.arange(5))
        assert out.shape == (3, HIDDEN)
        assert torch.equal(out[2], given["c_BH"][2])
        none = torch.zeros(0, dtype=torch.long)
        assert torch.equal(structure(given["c_BH"][every], messages, none, none), given["c_BH"])
        bare = (
            given
            | {"product_E": none}
            | dict.fromkeys(("property_EH", "value_EH"), torch.zeros(0, HIDDEN))
        )
        assert torch.equal(
            structure(given["c_BH"], structure.messages(**bare), none, none), given["c_BH"]
        )

    def test_a_triple_that_is_not_paired_has_no_influence(self) -> None:
        """Hidden from a question, it is as if it were not there."""
        structure, given = self.made(), self.inputs()
        question, triple = torch.tensor([0, 0, 1]), torch.tensor([0, 2, 3])
        before = structure(given["c_BH"], structure.messages(**given), question, triple)
        for name in ("property_EH", "value_EH"):
            given[name] = given[name].clone()
            given[name][[1, 4]] = 99.0
        after = structure(given["c_BH"], structure.messages(**given), question, triple)
        self.close(after, before)

    def test_the_order_of_triples_does_not_matter(self) -> None:
        """A product's triples are a set."""
        structure, given = self.made(), self.inputs()
        question = given["product_E"]
        before = structure(given["c_BH"], structure.messages(**given), question, torch.arange(5))
        turned = torch.tensor([2, 0, 1, 4, 3])
        for name in ("property_EH", "value_EH"):
            given[name] = given[name][turned]
        after = structure(given["c_BH"], structure.messages(**given), question, torch.arange(5))
        self.close(after, before)


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

    def test_special_ids_are_no_words(self) -> None:
        """The mask is one of them, and no text is ever made of them alone by `prepare`."""
        encoder = self.fitted()
        special = set(encoder.special_ids)
        assert encoder.mask_id in special
        assert all(0 <= token < encoder.vocab_size for token in special)
        for tokens in encoder.prepare(("red mug", "a blue cotton shirt")):
            assert not set(tokens.ids) <= special

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
        texts = ("red mug", "a blue cotton shirt", "mug")
        for text, tokens in zip(texts, self.fitted().prepare(texts), strict=True):
            covered = "".join(text[start:end] for start, end in tokens.spans)
            assert covered.replace(" ", "") == text.replace(" ", "")

    def test_different_texts_get_different_vectors(self) -> None:
        """And a text gets the same ones, in whatever company."""
        encoder = self.fitted()
        ids, present = self.padded(encoder, ("red mug", "a blue cotton shirt", "red mug"))
        one, other, again = encoder(ids, present)[:, 0]
        self.close(one, again)
        assert not torch.allclose(one, other)

    def test_an_untrained_encoder_knows_no_word_better_than_another(self) -> None:
        """The loss of masked words starts near ln V, a guess among all words.

        The output weights are the token embeddings, so their scale is that of the scores: the
        N(0, 1) of a plain `nn.Embedding` starts far above, 33 where ln V was 8.3. Initialise with
        a standard deviation of 0.02, as BERT does.
        """
        encoder = self.fitted()
        texts = ("red mug", "a blue cotton shirt", "blue mug with handle", "a red mug")
        ids, present = self.padded(encoder, texts)
        embedding_VW = encoder.embedding_VH.detach().float()
        torch.manual_seed(0)
        transform = nn.Sequential(
            nn.Linear(HIDDEN, embedding_VW.shape[1]), nn.GELU(), nn.LayerNorm(embedding_VW.shape[1])
        )
        initialise(transform)
        masked = torch.where(present, encoder.mask_id, ids)
        scores_NV = transform(encoder(masked, present)[present]) @ embedding_VW.T
        loss = float(nn.functional.cross_entropy(scores_NV.detach(), ids[present]))
        assert loss < math.log(encoder.vocab_size) + 2, "see `k3m_kg.contracts.TextEncoder`"

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
        for text in ("red mug", "a blue cotton shirt"):
            ids, present = self.padded(encoder, (text,))
            if ids.shape[1] < 2:
                continue
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
        """Eight pictures of several sizes, prepared."""
        encoder: ImageEncoder = self.made()
        prepared = encoder.prepare(*self.sources())
        assert all(len(array) == 8 for array in prepared.values()), "a row for each picture"
        return {name: torch.from_numpy(array) for name, array in prepared.items()}

    def sources(self) -> tuple[list[Any], list[str]]:
        """Pictures and their hashes."""
        from PIL import Image

        random = np.random.default_rng(0)
        images = []
        for number in range(8):
            size = (20 + 13 * number, 90 - 7 * number, 3)
            images.append(Image.fromarray(random.integers(0, 256, size, dtype=np.uint8)))
        return images, [sha256(image.tobytes()).hexdigest() for image in images]

    def fitted(self) -> tuple[ImageEncoder, dict[str, Tensor]]:
        """The encoder fitted on the pictures."""
        encoder, arrays = self.made(), self.pictures()
        encoder.fit(arrays)
        return encoder.eval(), arrays

    def test_regions_describe_what_forward_encodes(self) -> None:
        """(B, R, H), boxes in [0, 1], targets that are distributions."""
        encoder, arrays = self.fitted()
        regions, encoded = encoder.describe(arrays), encoder(arrays)
        assert encoded.shape == (*regions.tokens_IN.shape, HIDDEN)
        assert regions.tokens_IN.dtype == torch.bool
        if regions.boxes_IN5 is not None:
            assert regions.boxes_IN5.shape == (*regions.tokens_IN.shape, 5)
            assert regions.boxes_IN5.amin() >= 0
            assert regions.boxes_IN5.amax() <= 1
        if encoder.num_targets:
            targets = encoder.targets(arrays)
            assert targets is not None
            assert targets.shape == (*regions.tokens_IN.shape, encoder.num_targets)
            total = targets.sum(-1)
            self.close(total, torch.ones_like(total))

    def test_preparing_does_not_depend_on_company(self) -> None:
        """A picture prepared alone, or among others in any order, is prepared the same."""
        encoder, (images, hashes) = self.made(), self.sources()
        together = encoder.prepare(images, hashes)
        for number in (0, 7):
            alone = encoder.prepare(images[number : number + 1], hashes[number : number + 1])
            for name, array in alone.items():
                np.testing.assert_allclose(array[0], together[name][number], atol=1e-3)

    def test_is_the_same_after_saving(self, tmp_path: Path) -> None:
        """Assets and weights restore it."""
        encoder, arrays = self.fitted()
        encoder.save_assets(tmp_path)
        other = self.build(ModelContext(hidden=HIDDEN, seed=0, restoring=True)).eval()
        other.load_assets(tmp_path)
        other.load_state_dict(encoder.state_dict())
        self.close(other.eval()(arrays), encoder(arrays))

    def test_pictures_do_not_influence_each_other(self) -> None:
        """A picture alone gives what it gives in company."""
        encoder, arrays = self.fitted()
        alone = encoder({name: array[:1] for name, array in arrays.items()})
        self.close(alone, encoder(arrays)[:1])

    def test_a_masked_region_changes_the_encoding(self) -> None:
        """Masking must do something."""
        encoder, arrays = self.fitted()
        masked = torch.zeros_like(encoder.describe(arrays).tokens_IN)
        masked[:, 0] = True
        assert not torch.allclose(encoder(arrays, masked), encoder(arrays))

    def test_everything_masked_hides_the_picture(self) -> None:
        """With all features zeroed, two pictures look the same."""
        encoder, arrays = self.fitted()
        masked = torch.ones_like(encoder.describe(arrays).tokens_IN)
        out = encoder(arrays, masked)
        self.close(out[0], out[1])

    def test_augmenting_keeps_shapes_and_repeats_with_the_seed(self) -> None:
        """All randomness comes from the generator."""
        encoder, arrays = self.fitted()
        one = encoder.unpack(encoder.augment(arrays, torch.Generator().manual_seed(3)))
        two = encoder.unpack(encoder.augment(arrays, torch.Generator().manual_seed(3)))
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
