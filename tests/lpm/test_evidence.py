"""What speaks for a value: counts of training, weighed by what a question sees of its product."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from k3m_kg.contracts import Candidates, Heads, Questions
from k3m_kg.errors import ArtifactError
from k3m_kg.lpm.choices import ChoiceTable
from k3m_kg.lpm.evidence.features import word_number
from k3m_kg.lpm.evidence.kept_counts import FILE
from k3m_kg.lpm.evidence.module import Evidence
from k3m_kg.lpm.questions import Triples, Visibility, ask
from k3m_kg.lpm.title_leakage import word_spans
from k3m_kg.snapshot import Snapshot
from k3m_kg.use.open_artifact import open_trained
from k3m_kg.use.open_model import OpenModel
from tests.evaluation.shop import shop_snapshot, untrained


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> OpenModel:
    folder = tmp_path_factory.mktemp("evidence")
    snapshot = shop_snapshot(folder)
    path = untrained(snapshot, folder / "artifact", evidence=True)
    return OpenModel.of(open_trained(path, torch.device("cpu")), snapshot)


def evidence_of(opened: OpenModel) -> Evidence:
    found = opened.predictor.evidence
    assert isinstance(found, Evidence)
    return found


def shown(snapshot: Snapshot, row: int) -> set[object]:
    """A product's known triples by name, and the words of its title."""
    product = snapshot.product(row)
    triples = {
        pair for pair, held in zip(product.properties, product.holdout, strict=True) if not held
    }
    title = product.title or ""
    return triples | {title[start:end].lower() for start, end in word_spans(title)}


def numbered(opened: OpenModel, feature: object) -> int:
    catalog = opened.batcher.catalog
    if isinstance(feature, str):
        return word_number(feature)
    name, value = feature
    return catalog.properties.index(name) << 32 | catalog.values.index(value)


def expected_scores(
    opened: OpenModel, seen: set[object], name: str, without: int | None = None
) -> np.ndarray:
    """The formula of `Evidence`, product by product, without what values bring by themselves."""
    evidence, catalog = evidence_of(opened), opened.batcher.catalog
    rows = [shown(opened.snapshot, row) for row in opened.rows("train").tolist()]
    often = Counter(feature for row in rows for feature in row)
    place = catalog.properties.index(name)
    values = [catalog.values[value] for value in catalog.candidates[place]]
    share = catalog.counts[place] / catalog.counts[place].sum()
    gate_3 = evidence.gate_3.tolist()
    total = np.zeros(len(values))
    counted = [row for number, row in enumerate(rows) if number != without]
    for feature in seen:
        if not often[feature]:
            continue
        kind = (
            len(catalog.properties)
            if isinstance(feature, str)
            else catalog.properties.index(feature[0])
        )
        n_v = np.array(
            [
                sum(feature in row and (name, value) in row for row in counted)
                if feature != (name, value)
                else 0
                for value in values
            ]
        )
        n_f = n_v.sum()
        lift = np.log((n_v + share) / (n_f + 1)) - np.log(share)
        info = float(((n_v + share) / (n_f + 1) * lift).sum())
        strength = evidence.gate_K[kind] + evidence.gate_P[place]
        strength = strength + evidence.gate_KR[kind] @ evidence.gate_PR[place]
        inner = gate_3[0] + gate_3[1] * info + gate_3[2] * math.log1p(n_f)
        gate = float(softplus(strength.detach())) / (1 + math.exp(-inner))
        total += gate * (lift + math.log1p(n_f))  # a shift of all values is left out
        number = numbered(opened, feature)
        at = int(np.searchsorted(evidence.feature_F.numpy(), number))
        for c, value in enumerate(values):
            column = int(evidence.columns(torch.tensor([place]), catalog_id(opened, value)))
            cell = at * len(evidence.column_V) + column
            x = int(np.searchsorted(evidence.cell_X.numpy(), cell))
            if x < len(evidence.cell_X) and evidence.cell_X[x] == cell:
                place_of_weight = int(evidence.weighed_X[x])
                assert (place_of_weight > 0) == (often[feature] > 1)
                total[c] += float(evidence.weight_W[place_of_weight].detach()) * (
                    place_of_weight > 0
                )
    return total


def catalog_id(opened: OpenModel, value: str) -> torch.Tensor:
    return torch.tensor([opened.batcher.catalog.values.index(value)])


@pytest.mark.parametrize("name", ["kind", "itemColour", "price"])
def test_scores_are_those_of_the_formula(opened: OpenModel, name: str) -> None:
    evidence, batcher = evidence_of(opened), opened.batcher
    place = batcher.catalog.properties.index(name)
    rows = opened.rows("test")[:6]
    batch = ask(batcher, Triples.each(rows, place), Visibility(cut_title=False))
    with torch.no_grad():
        heads = opened.predictor.eval().asked(batch)
        question, column, spoken = evidence.spoken_for(
            heads.seen_NK, torch.full((len(rows),), place)
        )
    low, high = (int(bound) for bound in evidence.first(torch.tensor([place])))
    found = torch.zeros(len(rows), high - low)
    found.index_put_((question, column - low), spoken, accumulate=True)
    for number, row in enumerate(rows.tolist()):
        seen = {item for item in shown(opened.snapshot, row) if item[0] != name}
        expected = expected_scores(opened, seen, name)
        np.testing.assert_allclose(found[number].numpy(), expected, rtol=1e-4, atol=1e-4)


def test_in_training_the_asked_product_is_not_counted(opened: OpenModel) -> None:
    evidence, batcher = evidence_of(opened), opened.batcher
    evidence.eval()
    rows = opened.rows("train")
    batch = batcher.batch(rows)
    name = batcher.catalog.properties.index("kind")
    asked_Q = (batch.triple_property_E == name).nonzero()[:, 0][:8]
    others = [
        (question, triple)
        for question, asked in enumerate(asked_Q.tolist())
        for triple in range(len(batch.triple_product_E))
        if batch.triple_product_E[triple] == batch.triple_product_E[asked] and triple != asked
    ]
    question_N, triple_N = (torch.tensor(side) for side in zip(*others, strict=True))
    vectors = torch.zeros(len(asked_Q), evidence.hidden)
    choices = ChoiceTable(batcher.catalog).of(
        batch.triple_property_E[asked_Q].numpy(),
        batch.triple_value_E[asked_Q].numpy(),
        (np.empty(0, np.int64), np.empty(0, np.int64)),
    )
    questions = Questions(asked_Q, question_N, triple_N, choices)
    questions.evidence = evidence.found(batch, questions, torch.Generator())
    with torch.no_grad():
        found = evidence.of_questions(questions, vectors, *choices.of_pairs())
        found = found.view(len(asked_Q), -1)
        low, high = (int(bound) for bound in evidence.first(torch.tensor([name])))
        query = evidence.queries(vectors, torch.full((len(asked_Q),), name))
        found = found - evidence.prior(low, high, query)
    for number, asked in enumerate(asked_Q.tolist()):
        product = int(batch.triple_product_E[asked])
        seen = {item for item in shown(opened.snapshot, int(rows[product])) if item[0] != "kind"}
        expected = expected_scores(opened, seen, "kind", without=product)
        np.testing.assert_allclose(found[number].numpy(), expected, rtol=1e-4, atol=1e-4)

    # of some values that were drawn the evidence is what it is of all
    some = ChoiceTable(batcher.catalog).of(
        batch.triple_property_E[asked_Q].numpy(),
        np.full(len(asked_Q), -1),
        (np.empty(0, np.int64), np.empty(0, np.int64)),
        most=2,
        generator=torch.Generator().manual_seed(0),
    )
    assert 0 < some.pairs < choices.pairs
    asking = Questions(asked_Q, question_N, triple_N, some)
    asking.evidence = evidence.found(batch, asking, torch.Generator())
    with torch.no_grad():
        whole_P = evidence.of_questions(questions, vectors, *choices.of_pairs())
        some_P = evidence.of_questions(asking, vectors, *some.of_pairs())
    place_P = choices.pairs_of(some.of_pairs()[0], some.columns_P(*some.of_pairs()))
    torch.testing.assert_close(some_P, whole_P[place_P])


def test_a_question_sees_words_that_were_cut_for_another_one(opened: OpenModel) -> None:
    """Of one title the words of all asked values are cut, but each question lacks only its own."""
    evidence, batcher = evidence_of(opened), opened.batcher
    evidence.eval()
    rows = opened.rows("train")
    row = next(
        row
        for row, product in ((r, opened.snapshot.product(r)) for r in rows.tolist())
        if product.title and len(dict(product.properties)) == len(product.properties) == 4
    )
    batch = batcher.batch(np.array([row]))
    names = [batcher.catalog.properties[n] for n in batch.triple_property_E.tolist()]
    asked_Q = torch.tensor([names.index("itemColour"), names.index("kind")])
    chosen = torch.zeros(len(names), dtype=torch.bool)
    chosen[asked_Q] = True
    batch.cut_values(chosen)
    none = torch.empty(0, dtype=torch.int64)
    both = evidence.seen_by(batch, torch.zeros(2, dtype=torch.int64), none, none, asked_Q)
    numbers = [set(evidence.feature_F[places[places >= 0]].tolist()) for places in both]
    values = dict(opened.snapshot.product(row).properties)
    words = [
        {word_number(word) for word in values[name].split()} for name in ("itemColour", "kind")
    ]
    assert not numbers[0] & words[0]
    assert words[1] <= numbers[0]
    assert not numbers[1] & words[1]
    assert words[0] <= numbers[1]
    # asked without saying what: nothing that was cut is seen
    all_cut = evidence.seen(batch)[0]
    assert not set(evidence.feature_F[all_cut[all_cut >= 0]].tolist()) & (words[0] | words[1])


def test_values_unseen_in_training_get_nothing(opened: OpenModel) -> None:
    evidence = evidence_of(opened)
    heads = Heads(torch.zeros(2, evidence.hidden), torch.tensor([[0], [1]]))
    unseen = Candidates(0, torch.zeros(3), torch.tensor([10_000]), torch.zeros(1, 3))
    assert evidence.scores(heads, unseen).tolist() == [[0.0], [0.0]]
    new = Candidates(99, torch.zeros(3), torch.tensor([0]), torch.zeros(1, 3))
    assert evidence.scores(heads, new).tolist() == [[0.0], [0.0]]


def test_what_was_counted_is_kept_with_the_artifact(opened: OpenModel, tmp_path: Path) -> None:
    evidence = evidence_of(opened)
    evidence.save(tmp_path)
    other = Evidence(evidence.settings, evidence.hidden, ["title", "image"])
    other.load(tmp_path)
    for name in ("column_V", "feature_F", "kind_F", "cell_X", "count_X", "share_V", "row_V"):
        assert torch.equal(getattr(other, name), getattr(evidence, name)), name
    assert {n: p.shape for n, p in other.named_parameters()} == {
        n: p.shape for n, p in evidence.named_parameters()
    }


@pytest.mark.parametrize(
    ("name", "place", "number"),
    [("cell_X", -1, 1 << 40), ("count_X", 0, 0), ("kind_F", 0, 99), ("column_V", 0, 1 << 61)],
)
def test_a_damaged_file_is_one_error(
    opened: OpenModel, tmp_path: Path, name: str, place: int, number: int
) -> None:
    from safetensors.numpy import load_file, save_file

    evidence = evidence_of(opened)
    evidence.save(tmp_path)
    arrays = load_file(tmp_path / FILE)
    arrays[name][place] = number
    save_file(arrays, tmp_path / FILE)
    with pytest.raises(ArtifactError, match="damaged"):
        Evidence(evidence.settings, evidence.hidden, ["title", "image"]).load(tmp_path)
    (tmp_path / FILE).write_bytes(b"nonsense")
    with pytest.raises(ArtifactError, match="damaged"):
        Evidence(evidence.settings, evidence.hidden, ["title", "image"]).load(tmp_path)
