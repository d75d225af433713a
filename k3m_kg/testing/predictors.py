"""Conformance tests for a model that predicts links of products."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from k3m_kg.batches.split_questions import questions_of
from k3m_kg.contracts import TRIPLES, Candidates, LinkPredictor, ProductBatch, TrainedPredictor
from k3m_kg.evaluation.link_prediction import evaluate_link_prediction
from k3m_kg.lpm.link_ranks import rank_questions
from k3m_kg.lpm.questions import Triples, Visibility, answerable, ask
from k3m_kg.snapshot import Snapshot
from k3m_kg.testing.shop import shop_snapshot
from k3m_kg.use.open_model import OpenModel
from k3m_kg.use.partial import Partial

_CLOSE = 1e-4


class LinkPredictorCase:
    """Subclass this and give `build(folder, snapshot) -> TrainedPredictor`."""

    @abstractmethod
    def build(self, folder: Path, snapshot: Snapshot) -> TrainedPredictor:
        """The model under test, trained on `snapshot`, if only a little; `folder` is empty."""

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, tmp_path_factory: pytest.TempPathFactory) -> OpenModel:
        """The model at work on a small shop, some of whose triples are held out."""
        folder = tmp_path_factory.mktemp("shop")
        cut = shop_snapshot(folder, 60, holdout=0.15, validation=0.2, test=0.2)
        snapshot = Snapshot.open(cut)
        (folder / "model").mkdir()
        torch.manual_seed(0)
        return OpenModel.of(cls().build(folder / "model", snapshot), snapshot)

    @staticmethod
    def close(a: Tensor, b: Tensor) -> None:
        """Equal up to rounding."""
        torch.testing.assert_close(a, b, atol=_CLOSE, rtol=_CLOSE)

    def test_it_says_what_it_was_trained_on(self, opened: OpenModel) -> None:
        """Weights and snapshot are named; candidates are the training triples' values."""
        trained, snapshot = opened.trained, opened.snapshot
        assert trained.weights
        assert trained.snapshot_id == snapshot.id
        catalog = trained.catalog
        candidates, counts = snapshot.candidates()
        assert len(catalog.candidates) == len(catalog.counts) == len(catalog.properties)
        for name, expected, often in zip(snapshot.properties, candidates, counts, strict=True):
            if not len(expected):
                continue
            place = catalog.properties.index(name)
            ids = catalog.candidates[place]
            assert (np.diff(ids) > 0).all()
            told = {catalog.values[i]: n for i, n in zip(ids, catalog.counts[place], strict=True)}
            texts = map(snapshot.value_text, expected.tolist())
            assert told == dict(zip(texts, often.tolist(), strict=True))

    def test_one_vector_each(self, opened: OpenModel) -> None:
        """(B, H) of products, one row per property and per value, all finite, none with weights."""
        batch = opened.batcher.batch(opened.rows("train")[:5])
        with torch.no_grad():
            head_BH = opened.predictor.heads(batch)
            relation_NH = opened.predictor.relations(batch, torch.tensor([1, 0, 1]))
            tail_NH = opened.predictor.tails(batch, torch.tensor([2, 0, 1, 2]))
        assert (len(head_BH), len(relation_NH), len(tail_NH)) == (5, 3, 4)
        for vectors in (head_BH, relation_NH, tail_NH):
            assert vectors.dim() == 2
            assert vectors.isfinite().all()
        self.close(relation_NH[0], relation_NH[2])
        self.close(tail_NH[0], tail_NH[3])

    def test_vectors_do_not_depend_on_company(self, opened: OpenModel) -> None:
        """A product alone, in any order and with any others has the same vector; so have terms."""
        rows = opened.rows()[:12]
        whole = self._answers(opened.predictor, opened.batcher.batch(rows))
        turned = self._answers(opened.predictor, opened.batcher.batch(rows[::-1].copy()))
        self.close(turned.flip(0), whole)
        alone = [
            self._answers(opened.predictor, opened.batcher.batch(rows[i : i + 1]))
            for i in range(12)
        ]
        self.close(torch.cat(alone), whole)
        one, other = opened.batcher.batch(rows[:1]), opened.batcher.batch(rows[5:])
        values = torch.arange(len(opened.batcher.catalog.values))
        with torch.no_grad():
            every = opened.predictor.tails(one, values)
            self.close(opened.predictor.tails(other, values.flip(0)).flip(0), every)

    def test_asking_twice_gives_the_same(self, opened: OpenModel) -> None:
        """In evaluation mode nothing is drawn."""
        batch = opened.batcher.batch(opened.rows("test")[:4])
        assert torch.equal(
            self._heads(opened.predictor, batch), self._heads(opened.predictor, batch)
        )

    def test_ranks_are_those_of_the_scores_of_single_triples(self, opened: OpenModel) -> None:
        """Asked one triple at a time, all candidates rank as the evaluator ranks them."""
        catalog, predictor = opened.batcher.catalog, opened.predictor
        questions, truth, never = questions_of(opened.batcher, "test")
        questions = questions[np.lexsort((questions.rows, questions.properties))][:40]
        seen = Visibility(never=never)
        ranks = rank_questions(
            predictor, opened.batcher, questions, seen, truth=truth, batch_size=7
        )
        found = np.concatenate([part.realistic_Q for part in ranks.ranks])
        known = set(truth.keys(catalog).tolist())
        for number in range(len(questions)):
            one = questions[np.array([number])]
            name, value = int(one.properties[0]), int(one.values[0])
            ids = catalog.candidates[name]
            if value not in ids:
                continue
            batch = ask(opened.batcher, one, seen)
            with torch.no_grad():
                asked = predictor.asked(batch)
                relation_H = predictor.relations(batch, torch.tensor([name]))[0]
                scores = np.array(
                    [
                        predictor.score(
                            asked,
                            Candidates(name, relation_H, value, predictor.tails(batch, value)),
                        ).item()
                        for value in torch.split(torch.from_numpy(ids), 1)
                    ]
                )
            mine = scores[int(np.searchsorted(ids, value))]
            rivals = [
                score
                for candidate, score in zip(ids.tolist(), scores.tolist(), strict=True)
                if candidate != value
                and int(Triples(one.rows, one.properties, np.array([candidate])).keys(catalog)[0])
                not in known
            ]
            above = sum(score > mine + _CLOSE for score in rivals)
            level = sum(score > mine - _CLOSE for score in rivals)
            assert 1 + above <= found[number] <= 1 + level

    def test_the_figures_do_not_depend_on_the_batches(self, opened: OpenModel) -> None:
        """Evaluated in small and in large batches."""
        reports = [
            evaluate_link_prediction(opened.predictor, opened.batcher, batch_size=size).report
            for size in (3, 500)
        ]
        for key, value in reports[0]["metrics"].items():
            if isinstance(value, float):
                assert reports[1]["metrics"][key] == pytest.approx(value, abs=1e-3, nan_ok=True)

    def test_hidden_triples_are_not_read(self, opened: OpenModel) -> None:
        """Whatever value a hidden triple has, in the graph or in the knowledge text."""
        rows = opened.rows("train")[:8]
        name = int(answerable(opened.batcher.catalog)[0])
        one, other = (
            ask(opened.batcher, Triples.each(rows, name), Visibility(cut_title=False))
            for _ in range(2)
        )
        hidden_E = ~other.triple_visible_E
        assert hidden_E.any()
        _replace_values(other, hidden_E)
        self.close(self._answers(opened.predictor, other), self._answers(opened.predictor, one))

    def test_hidden_equals_absent(self, opened: OpenModel, tmp_path: Path) -> None:
        """A property whose triples are hidden leaves no trace: as if no product had it."""
        for name in ("kind", "itemColour"):
            bare = Snapshot.open(shop_snapshot(tmp_path / name, 60, without=name))
            without = OpenModel.of(opened.trained, bare)
            rows = opened.rows("test")  # none of whose triples are held out
            asked = opened.batcher.catalog.properties.index(name)
            hidden = ask(opened.batcher, Triples.each(rows, asked), Visibility(cut_title=False))
            places = bare.row_of([opened.snapshot.ids[row] for row in rows.tolist()])
            found = self._answers(without.predictor, without.batcher.batch(places))
            self.close(found, self._answers(opened.predictor, hidden))

    def test_cut_words_and_absent_pictures_are_not_read(self, opened: OpenModel) -> None:
        """Whatever stands in their place."""
        rows = opened.rows("train")[:8]
        one, other = (opened.batcher.batch(rows) for _ in range(2))
        for batch in (one, other):
            for name, tokens in batch.modalities.items():
                if name == "title":
                    tokens.tokens_BN[:, ::2] = False
                else:
                    tokens.present_B[:] = False
        for name, tokens in other.modalities.items():
            if name == "title":
                tokens.arrays["ids"][~tokens.tokens_BN[tokens.product_I]] = 1
            else:
                tokens.arrays = {key: array.flip(0) for key, array in tokens.arrays.items()}
        self.close(self._answers(opened.predictor, other), self._answers(opened.predictor, one))

    def test_it_sees_what_it_says_it_sees(self, opened: OpenModel) -> None:
        """Taking triples, titles or pictures away changes vectors where it says so, else never."""
        rows = opened.rows("train")
        whole = self._heads(opened.predictor, opened.batcher.batch(rows))
        for part in (TRIPLES, *opened.batcher.modalities):
            without = Partial(opened.batcher, {part})
            found = self._heads(opened.predictor, without.batch(rows))
            changed = not torch.allclose(found, whole, atol=1e-6)
            assert changed == (part in opened.trained.sees), part

    def test_a_product_without_anything_has_a_vector(self, opened: OpenModel) -> None:
        """No title, no picture, no triple."""
        bare = Partial.only(opened.batcher, ())
        assert self._heads(opened.predictor, bare.batch(opened.rows()[:3])).isfinite().all()

    def test_new_products_and_terms_are_welcome(self, opened: OpenModel, tmp_path: Path) -> None:
        """On a snapshot that it was not trained on, it ranks what it learnt."""
        other = Snapshot.open(shop_snapshot(tmp_path, 20, prefix="new", stuff=True, test=0.5))
        fresh = OpenModel.of(opened.trained, other)
        assert self._heads(fresh.predictor, fresh.batcher.batch(fresh.rows())).isfinite().all()
        batch = fresh.batcher.batch(fresh.rows()[:1])
        terms = torch.arange(len(fresh.batcher.catalog.values))
        with torch.no_grad():
            assert fresh.predictor.tails(batch, terms).isfinite().all()
        report = evaluate_link_prediction(fresh.predictor, fresh.batcher).report
        assert 0 <= report["metrics"]["mrr"] <= 1

    @classmethod
    def _answers(cls, predictor: LinkPredictor, batch: ProductBatch) -> Tensor:
        """(B, H + candidates of all properties): vectors, and the scores of all questions."""
        catalog, predictor = batch.catalog, predictor.eval()
        with torch.no_grad():
            asked = predictor.asked(batch)
            scores = [asked.vectors_NH]
            for name in answerable(catalog).tolist():
                values_C = torch.from_numpy(catalog.candidates[name])
                relation_H = predictor.relations(batch, torch.tensor([name]))[0]
                tails_CH = predictor.tails(batch, values_C)
                scores.append(
                    predictor.score(asked, Candidates(name, relation_H, values_C, tails_CH))
                )
        return torch.cat(scores, 1)

    @staticmethod
    def _heads(predictor: LinkPredictor, batch: ProductBatch) -> Tensor:
        with torch.no_grad():
            return predictor.eval().heads(batch)


def _replace_values(batch: ProductBatch, chosen_E: Tensor) -> None:
    """Give the chosen triples another value, in the knowledge text other words too."""
    count = len(batch.catalog.values)
    batch.triple_value_E[chosen_E] = (batch.triple_value_E[chosen_E] + 1) % count
    if batch.knowledge is not None:
        text = batch.knowledge
        mine_BK = text.present_BK & text.is_value_BK & chosen_E[text.triple_BK]
        text.ids_BK[mine_BK] = 1
