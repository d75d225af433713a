"""Link-prediction questions about products: asked so that nothing gives the answer away.

One question, one row of a batch: the asked triple is invisible there, and with it the triples of
the properties to hide and all held-out triples; its words may be cut out of the title.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts import Candidates, Catalog, Heads, LinkPredictor, ProductBatch
from k3m_kg.engine.precision import computing
from k3m_kg.errors import UsageError, unknown_name
from k3m_kg.progress import Advance
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.holdout import UNTRUE

WHOLE_PROPERTY = -1
"""In place of an asked value: every triple of the asked property is the asked one."""

NO_PROPERTY = -1
"""In place of an asked property: nothing is asked, so everything is seen."""

_TAILS_AT_ONCE = 1 << 10
_TAILS_KEPT = 1 << 17


class ProductSource(Protocol):
    """Where batches come from: `k3m_kg.batches.batcher.Batcher`."""

    @property
    def catalog(self) -> Catalog:
        """The terms that all ids refer to."""
        ...

    def batch(self, rows: np.ndarray) -> ProductBatch:
        """The products in `rows`, which may repeat, on the CPU."""
        ...

    def triples(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Product (index into `rows`), property id and value id of their triples, int64."""
        ...


@dataclass(frozen=True, slots=True)
class Triples:
    """Some products' triples, or questions about them; all int64, ids of a catalog.

    Attributes:
        rows: the products' rows.
        properties: property ids.
        values: value ids, or `WHOLE_PROPERTY`.
    """

    rows: np.ndarray
    properties: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: slice | np.ndarray) -> Triples:
        return Triples(self.rows[chosen], self.properties[chosen], self.values[chosen])

    @classmethod
    def of(cls, source: ProductSource, rows: np.ndarray) -> Triples:
        """All triples that `source` knows of products."""
        product, properties, values = source.triples(rows)
        return cls(rows[product], properties, values)

    @classmethod
    def each(cls, rows: np.ndarray, name: int = NO_PROPERTY) -> Triples:
        """One question per product, about all of a property, or about nothing."""
        return cls(rows, np.full(len(rows), name, np.int64), np.full(len(rows), WHOLE_PROPERTY))

    @classmethod
    def none(cls) -> Triples:
        """No triples."""
        nothing = np.empty(0, np.int64)
        return cls(nothing, nothing, nothing)

    def about(self, asked: np.ndarray) -> Triples:
        """Those of the asked properties."""
        return self[np.isin(self.properties, asked)]

    def keys(self, catalog: Catalog) -> np.ndarray:
        """One int64 per triple, equal for equal triples."""
        width = len(catalog.values) + 1
        pairs = self.rows * len(catalog.properties) + self.properties
        keys: np.ndarray = pairs * width + self.values
        return keys


@dataclass(frozen=True, slots=True)
class Visibility:
    """What a question may see.

    Attributes:
        hide: ids of properties whose triples are invisible in every question.
        never: further triples that are invisible in every question (held-out ones).
        cut_title: cut the words of the asked value out of the title.
    """

    hide: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    never: Triples = field(default_factory=Triples.none)
    cut_title: bool = True


def property_ids(
    catalog: Catalog, names: Iterable[str], where: str, *, besides: str | None = None
) -> np.ndarray:
    """The ids of properties by name, int64.

    Args:
        besides: a name that `where` takes, too, and that is no property.

    Raises:
        UsageError: an unknown property; names the nearest.
    """
    known = {name: index for index, name in enumerate(catalog.properties)}
    for name in (names := list(names)):
        if name not in known:
            choices = {*catalog.properties, *filter(None, [besides])}
            text = unknown_name("property", name, choices)
            raise UsageError(text, where=where)
    return np.array([known[name] for name in names], np.int64)


def answerable(catalog: Catalog) -> np.ndarray:
    """The ids of the properties that take at least two values in training, int64."""
    sizes = np.array([len(values) for values in catalog.candidates], np.int64)
    found: np.ndarray = np.flatnonzero(sizes > 1)
    return found


def ask(source: ProductSource, questions: Triples, visibility: Visibility) -> ProductBatch:
    """A batch with one row per question, in which no question sees its answer."""
    batch = source.batch(questions.rows)
    catalog = batch.catalog
    property_B, value_B = (
        torch.from_numpy(ids).to(batch.device) for ids in (questions.properties, questions.values)
    )
    own_E = batch.triple_product_E
    asked_E = batch.triple_property_E == property_B[own_E]
    value_E = value_B[own_E]
    its_E = (batch.triple_value_E == value_E) | (value_E == WHOLE_PROPERTY)
    asked_E &= its_E if batch.triple_untrue_E is None else its_E | batch.triple_untrue_E
    if visibility.cut_title:
        batch.cut_values(asked_E)
    hidden_E = asked_E | torch.isin(
        batch.triple_property_E, torch.from_numpy(visibility.hide).to(batch.device)
    )
    if len(visibility.never):
        shown = Triples(
            questions.rows[own_E.cpu().numpy()],
            batch.triple_property_E.cpu().numpy(),
            batch.triple_value_E.cpu().numpy(),
        )
        never = np.isin(shown.keys(catalog), visibility.never.keys(catalog))
        hidden_E |= torch.from_numpy(never).to(batch.device)
    batch.triple_visible_E = batch.triple_visible_E & ~hidden_E
    batch.hide_stated()
    return batch


def heads_of(
    predictor: LinkPredictor,
    source: ProductSource,
    questions: Triples,
    visibility: Visibility,
    *,
    batch_size: int,
    progress: Advance | None = None,
) -> Iterator[Tensor]:
    """The head vectors (B, H) of the questions, `batch_size` at a time, in order.

    The predictor is put into evaluation mode for each batch and back again.
    """
    for heads in asked_of(
        predictor, source, questions, visibility, batch_size=batch_size, progress=progress
    ):
        yield heads.vectors_NH


@torch.no_grad()
def asked_of(
    predictor: LinkPredictor,
    source: ProductSource,
    questions: Triples,
    visibility: Visibility,
    *,
    batch_size: int,
    progress: Advance | None = None,
) -> Iterator[Heads]:
    """As `heads_of`, with all that the predictor answers the questions from."""
    device = device_of(predictor)
    for start in range(0, len(questions), batch_size):
        part = questions[start : start + batch_size]
        batch = ask(source, part, visibility)
        batch.plan = batch.planned()  # here, where nobody waits for a device
        batch = batch.to(device)
        training = predictor.training
        predictor.eval()
        try:
            with computing(predictor.precision, device):
                asked = predictor.asked(batch)
        finally:
            predictor.train(training)
        if progress:
            progress(len(part))
        yield replace(asked, vectors_NH=asked.vectors_NH.float())


class PropertyVectors:
    """Properties' candidates, encoded when first asked for and kept.

    Args:
        predictor: encodes them.
        source: its catalog has the words.
        row: any product: a batch carries the catalog.
        keep: at most so many vectors are kept, the ones asked last; always one property's.
    """

    def __init__(
        self, predictor: LinkPredictor, source: ProductSource, row: int, keep: int = _TAILS_KEPT
    ) -> None:
        self._predictor = predictor
        self._catalog = source.catalog
        self._batch = source.batch(np.array([row], np.int64)).to(device_of(predictor))
        self._keep = keep
        self._kept: OrderedDict[int, Candidates] = OrderedDict()

    @torch.no_grad()
    def __call__(self, name: int) -> Candidates:
        """All values that the property takes in training."""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        training = self._predictor.training
        self._predictor.eval()
        try:
            self._kept[name] = self._encode(name)
        finally:
            self._predictor.train(training)
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self._keep:
            self._kept.popitem(last=False)
        return self._kept[name]

    def _encode(self, name: int) -> Candidates:
        device = device_of(self._predictor)
        name_1 = torch.tensor([name], device=device)
        candidates = torch.from_numpy(self._catalog.candidates[name]).to(device)
        with computing(self._predictor.precision, device):
            relation_1H = self._predictor.relations(self._batch, name_1)
            tails = [
                self._predictor.tails(self._batch, part).float()
                for part in torch.split(candidates, _TAILS_AT_ONCE)
            ]
        relation_H = relation_1H[0].float()
        tails_CH = torch.cat(tails) if tails else relation_H.new_zeros(0, len(relation_H))
        return Candidates(name, relation_H, candidates, tails_CH)


def truth_of(snapshot: Snapshot, catalog: Catalog, rows: np.ndarray) -> tuple[Triples, np.ndarray]:
    """All that is true of products, held out or not, in the catalog's ids.

    Returns:
        The triples, and for each 0 known, 1 held out for validation, 2 for test, 3 shown to nobody.
    """
    triples, marks = stated_of(snapshot, catalog, rows)
    true = marks != UNTRUE
    return (triples, marks) if true.all() else (triples[true], marks[true])


def stated_of(snapshot: Snapshot, catalog: Catalog, rows: np.ndarray) -> tuple[Triples, np.ndarray]:
    """As `truth_of`, also what a corruption states of products that is not true: marked 4."""
    starts = snapshot.triple_offsets[rows]
    counts = snapshot.triple_offsets[rows + 1] - starts
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    index = np.repeat(starts, counts) + within
    position = {name: place for place, name in enumerate(catalog.properties)}
    properties = np.array([position[name] for name in snapshot.properties], np.int64)
    used, inverse = np.unique(snapshot.triple_value[index], return_inverse=True)
    position = {text: place for place, text in enumerate(catalog.values)}
    values = np.array([position[snapshot.value_text(value)] for value in used.tolist()], np.int64)
    triples = Triples(
        np.repeat(rows, counts),
        properties[snapshot.triple_property[index]],
        values[inverse] if len(used) else np.empty(0, np.int64),
    )
    return triples, snapshot.triple_holdout[index]


def device_of(predictor: LinkPredictor) -> torch.device:
    """Where a predictor's weights are."""
    for tensor in chain(predictor.parameters(), predictor.buffers()):
        return tensor.device
    return torch.device("cpu")
