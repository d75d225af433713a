from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from k3m_kg.config import validate_settings
from k3m_kg.errors import ArtifactError, CatalogError, ConfigError, UsageError
from k3m_kg.kge.artifact import KgeArtifact
from k3m_kg.kge.data import from_files, load_data
from k3m_kg.kge.report import evaluate_triples
from k3m_kg.kge.settings import DataSettings, KgeConfig
from k3m_kg.kge.training import Quiet, train
from tests.kge.toy import config, ring, write


class Stop(Exception):
    pass


class StopsAfter(Quiet):
    """A run that dies in the epoch after that many validations."""

    def __init__(self, validations: int) -> None:
        self.left = validations

    def step(self, done: int, total: int, loss: float, rate: float) -> None:
        if self.left <= 0:
            raise Stop

    def validation(self, epoch: int, metrics: dict[str, float]) -> None:
        self.left -= 1


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(KgeArtifact.load(path).model.state_dict())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kge")
    settings = config(write(folder / "data"), folder / "model", training={"epochs": 40})
    return train(settings)


def test_it_learns_and_says_so(trained: Path) -> None:
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["test"]["metrics"]["mrr"] > 0.4  # at random: 0.1
    assert metrics["validation"][-1]["loss"] < metrics["validation"][0]["loss"]
    assert metrics["best_epoch"] == max(metrics["validation"], key=lambda row: row["mrr"])["epoch"]
    assert "complex" in (trained / "README.md").read_text()


def test_an_artifact_loads_with_its_labels_and_gives_the_same_metrics(trained: Path) -> None:
    model = KgeArtifact.load(trained)
    assert "e7" in model.entities
    assert model.relations == ["parity", "plus1", "plus2", "plus3"]
    data = load_data(model.config)
    assert data.id == model.record["data"]
    assert evaluate_triples(model.model.vectors(), data, "test") == model.metrics["test"]
    assert not [
        path for path in trained.iterdir() if path.suffix in (".pt", ".pkl", ".pth", ".bin")
    ]


def test_a_changed_artifact_is_refused(trained: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    text = (copy / "labels.json").read_text()
    (copy / "labels.json").write_text(text.replace("e7", "e9"))
    with pytest.raises(ArtifactError, match="changed"):
        KgeArtifact.load(copy)
    (copy / "labels.json").unlink()
    with pytest.raises(ArtifactError, match="missing"):
        KgeArtifact.load(copy)
    with pytest.raises(ArtifactError, match="no such artifact"):
        KgeArtifact.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": "conve", "dimension": 9},  # weights of its own, dropout
        {"model": "rotate", "inverse_relations": True, "training": {"optimizer": "adagrad"}},
        {"training": {"schedule": "cosine"}},
    ],
)
def test_resuming_gives_the_very_same_weights(changes: dict[str, Any], tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    whole = weights(train(config(data, tmp_path / "whole", **changes)))
    settings = config(data, tmp_path / "cut", **changes)
    with pytest.raises(Stop):
        train(settings, observer=StopsAfter(1))
    with pytest.raises(UsageError, match="--resume"):
        train(settings)
    again = weights(train(settings, resume=True))
    assert whole.keys() == again.keys()
    for name in whole:
        assert torch.equal(whole[name], again[name]), name


def test_another_config_or_other_triples_cannot_be_resumed(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    with pytest.raises(UsageError, match="no checkpoint"):
        train(config(data, tmp_path / "run"), resume=True)
    with pytest.raises(Stop):
        train(config(data, tmp_path / "run"), observer=StopsAfter(1))
    with pytest.raises(UsageError, match="another dimension"):
        train(config(data, tmp_path / "run", dimension=4), resume=True)
    write(data, ring()[:-1])
    with pytest.raises(UsageError, match="triples are others"):
        train(config(data, tmp_path / "run"), resume=True)


def test_a_schedule_follows_from_the_epochs_which_cannot_change_then(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    falling = config(data, tmp_path / "run", training={"schedule": "linear"})
    with pytest.raises(Stop):
        train(falling, observer=StopsAfter(1))
    longer = falling.training.model_copy(update={"epochs": falling.training.epochs + 1})
    with pytest.raises(UsageError, match="another training"):
        train(falling.model_copy(update={"training": longer}), resume=True)
    fallen, constant = (
        weights(train(falling, resume=True)),
        weights(train(config(data, tmp_path / "other"))),
    )
    assert not torch.equal(fallen["entities.weight"], constant["entities.weight"])


def test_training_stops_where_validation_gets_no_better(tmp_path: Path) -> None:
    settings = config(
        write(tmp_path / "data"),
        tmp_path / "run",
        training={"epochs": 60, "patience": 2, "validate_every": 1, "learning_rate": 2.0},
    )
    metrics = json.loads((train(settings) / "metrics.json").read_text())
    assert metrics["epochs"] == metrics["best_epoch"] + 2 < 60


def test_an_output_that_exists_is_left_alone(trained: Path) -> None:
    with pytest.raises(UsageError, match="exists"):
        train(config(trained.parent / "data", trained))


@pytest.mark.parametrize("embedding", [False, True])
def test_frozen_features_are_entities(embedding: bool, tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    labels = from_files(DataSettings(folder=data)).entities
    random = np.random.default_rng(0)
    vectors = random.normal(size=(len(labels) - 1, 5)).astype(np.float32)
    table = pa.table({"id": labels[1:], "vector": list(vectors)})
    pq.write_table(table, tmp_path / "vectors.parquet")
    settings = config(
        data,
        tmp_path / "run",
        model="distmult",
        features={"path": tmp_path / "vectors.parquet", "embedding": embedding},
        training={"epochs": 30},
    )
    path = train(settings)
    (tmp_path / "vectors.parquet").unlink()  # the artifact keeps them
    model = KgeArtifact.load(path).model
    assert (model.entities is not None) is embedding
    torch.testing.assert_close(model.features_EF[1:], torch.from_numpy(vectors))
    assert model.present_E.tolist() == [False] + [True] * len(vectors)
    report = evaluate_triples(model.vectors(), load_data(settings), "test")
    assert report == KgeArtifact.load(path).metrics["test"]
    history = KgeArtifact.load(path).metrics["validation"]
    assert history[-1]["loss"] < history[0]["loss"]


def test_features_of_other_entities_are_a_config_error(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    pq.write_table(pa.table({"id": ["x"], "vector": [[1.0, 2.0]]}), tmp_path / "v.parquet")
    settings = config(data, tmp_path / "run", features={"path": tmp_path / "v.parquet"})
    with pytest.raises(ConfigError, match="no entity has a vector"):
        train(settings)
    (tmp_path / "v.parquet").write_text("nonsense")
    with pytest.raises(ConfigError, match="cannot be read"):
        train(settings)


def test_triples_of_entities_unseen_in_training_are_left_out_and_counted(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    with (data / "test.tsv").open("a") as lines:
        lines.write("nobody\tplus1\te1\ne1\tunknown\te2\n")
    found = from_files(DataSettings(folder=data))
    assert found.unknown == 2
    assert "nobody" not in found.entities
    (note,) = found.notes
    assert note.startswith("test.tsv: 2 of ")
    assert "'nobody'" in note


def test_a_row_of_column_names_is_no_triple(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    plain = from_files(DataSettings(folder=data))
    train = data / "train.tsv"
    rows = train.read_text()
    train.write_text("head\trelation\ttail\n" + rows)
    found = from_files(DataSettings(folder=data))
    assert (found.entities, found.relations) == (plain.entities, plain.relations)
    assert "train.tsv: the first row, head, relation, tail" in found.notes[0]
    train.write_text("s\tp\to\nt\tp\to\n" + rows)  # a relation of that name
    assert "p" in from_files(DataSettings(folder=data)).relations


def test_quotes_and_empty_labels_are_labels(tmp_path: Path) -> None:
    rows = [*ring(), ('5" screen', "plus1", "NULL"), ("NULL", "plus1", '5" screen')]
    found = from_files(DataSettings(folder=write(tmp_path / "data", rows)))
    assert {'5" screen', "NULL"} <= set(found.entities)


@pytest.mark.parametrize("name", ["valid", "validation"])
def test_validation_triples_are_found_by_either_file_name(name: str, tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    (data / "valid.tsv").rename(data / f"{name}.tsv")
    assert len(from_files(DataSettings(folder=data)).validation)


def test_artifacts_from_before_the_key_validation_open(trained: Path, tmp_path: Path) -> None:
    import yaml

    old = yaml.safe_load((trained / "config.yaml").read_text())
    old["triples"]["valid"] = old["triples"].pop("validation")
    old["negatives"]["sampler"] = "uniform"
    assert validate_settings(KgeConfig, old, "old") == KgeArtifact.load(trained).config


def test_bad_triple_files_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="holds no train triples"):
        from_files(DataSettings(folder=tmp_path))
    data = write(tmp_path / "data")
    (data / "train.tsv").write_text("only\ttwo\n")
    with pytest.raises(CatalogError, match="no table of head, relation and tail"):
        from_files(DataSettings(folder=data))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modle": "transe"}, "did you mean 'model'"),
        ({"training": {"epoch": 3}}, "did you mean 'epochs'"),
        ({"snapshot": "x"}, "either triples or a snapshot"),
        ({"triples": {"train": "x"}}, "validation and test are needed"),
        ({"triples": {"train": "x", "valid": "y", "test": "z"}}, "valid"),
        ({"training": {"batch_size": 2}}, "smaller than negatives.shared"),
    ],
)
def test_an_impossible_config_is_one_clear_error(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        config(tmp_path, tmp_path / "out", **changes)


def test_unknown_models_and_losses_name_the_nearest(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    with pytest.raises(UsageError, match="Did you mean 'rotate'"):
        train(config(data, tmp_path / "run", model="rotat"))
    with pytest.raises(UsageError, match="Did you mean 'margin'"):
        train(config(data, tmp_path / "run", loss="margins"))


def test_the_shipped_examples_are_valid() -> None:
    from k3m_kg.config import load_config
    from k3m_kg.kge.model import build_link_scorer
    from k3m_kg.kge.training import build_loss

    folder = Path(__file__).parent.parent.parent / "examples" / "fb15k237"
    found = sorted(folder.glob("*.yaml"))
    assert found
    for path in found:
        settings = load_config(KgeConfig, path)
        assert build_link_scorer(settings)[1] > 0
        assert callable(build_loss(settings))
