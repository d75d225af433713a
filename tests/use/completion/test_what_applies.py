"""What completion writes under a promise applies, too: the whole way, with a knowing model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from k3m_kg.contracts import ProductBatch
from k3m_kg.use.calibration.acceptance import Acceptor, thresholds
from k3m_kg.use.calibration.kept import Calibration, calibrate, load_calibration
from k3m_kg.use.completion.lacking import what_applies
from k3m_kg.use.completion.proposals import Proposal
from k3m_kg.use.completion.proposing import CompletionSettings, complete, everything_applies
from k3m_kg.use.open_model import OpenModel, open_model
from tests.evaluation.shop import untrained
from tests.lpm.tiny_links import Tattler
from tests.presence.kinds import KINDS, kinds_snapshot, lacking, truly

NAMES = sorted({name for kind in KINDS.values() for name in kind})


class Knowing(Tattler):
    """Is sure of the right value of whatever is asked; of what does not apply, of one of them."""

    def __init__(self, opened: OpenModel) -> None:
        super().__init__()
        place = {text: n for n, text in enumerate(opened.batcher.catalog.values)}
        self.right_NV = torch.zeros(len(opened.snapshot), len(place))
        for row, title in enumerate(opened.snapshot.titles.to_pylist()):
            number = int(title.split()[-1]) // (2 * len(KINDS)) % 2
            for kind in KINDS.values():
                for name, values in kind.items():
                    if name != "colour" or title.split()[1] == _kind_of(kind):
                        self.right_NV[row, place[values[number]]] = 20

    def heads(self, batch: ProductBatch) -> Tensor:
        return self.right_NV[batch.rows_B]


def _kind_of(properties: dict[str, tuple[str, ...]]) -> str:
    return next(kind for kind, found in KINDS.items() if found is properties)


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> OpenModel:
    folder = tmp_path_factory.mktemp("knowing")
    snapshot = kinds_snapshot(folder / "snapshots", 3000)
    opened = open_model(untrained(snapshot, folder / "artifact"), None, device="cpu")
    return replace(opened, predictor=Knowing(opened))


@pytest.fixture(scope="module")
def calibration(knowing: OpenModel) -> Calibration:
    calibrate(knowing)
    found = load_calibration(knowing.trained)
    assert found is not None
    return found


def accepted(
    opened: OpenModel, calibration: Calibration, precision: float, *, ask_all: bool = False
) -> list[Proposal]:
    proposals = complete(
        opened.predictor,
        opened.batcher,
        np.arange(len(opened.snapshot)),
        CompletionSettings(top_k=1),
        applies=everything_applies if ask_all else what_applies(opened),
        temperature=calibration.temperature,
    )
    return list(Acceptor(thresholds(calibration, precision))(proposals))


def test_nothing_that_does_not_apply_is_proposed_and_much_of_what_is_missing_is(
    knowing: OpenModel, calibration: Calibration
) -> None:
    snapshot = knowing.snapshot
    missing, true = lacking(snapshot, NAMES), truly(snapshot, NAMES)
    found = accepted(knowing, calibration, 0.9)
    place = {name: n for n, name in enumerate(NAMES)}
    rows = snapshot.row_of([item.product for item in found])
    applies = [true[row, place[item.property]] for row, item in zip(rows, found, strict=True)]
    assert all(applies)
    assert len(found) > 0.25 * (missing & true).sum()


def test_a_model_that_is_asked_everything_writes_what_does_not_apply(
    knowing: OpenModel, calibration: Calibration
) -> None:
    """As it was: sure of its value, so above every threshold."""
    true = truly(knowing.snapshot, NAMES)
    found = accepted(knowing, calibration, 0.9, ask_all=True)
    assert len(found) > (~true).sum()


def test_products_that_lack_a_property_are_asked_and_counted(calibration: Calibration) -> None:
    for name, item in calibration.properties.items():
        assert item.lacking, name
        assert len(item.lacking) == len(item.applies or ()) > 0, name
        assert all(low <= high + 1e-6 for low, high in zip(item.lacking, item.applies, strict=True))
        assert len(item.probability) == len(item.right) > 0
    found = thresholds(calibration, 0.9)
    assert all(item.reached and 0.9 < item.applies <= 1 for item in found.values())
