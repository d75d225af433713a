"""An embedding model: a link scorer and the vectors that it compares."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from k3m_kg.contracts import LinkScorer
from k3m_kg.errors import ConfigError
from k3m_kg.kge.rows import RowTable
from k3m_kg.kge.settings import KgeConfig
from k3m_kg.lpm.triple_ranks import TripleVectors
from k3m_kg.plugin.hookspecs import LinkScorerPlugin
from k3m_kg.plugin.registry import registry

Features = tuple[np.ndarray, np.ndarray]
_ROWS_AT_ONCE = 1 << 14


class KgeModel(nn.Module):
    """Entities and relations by number.

    Attributes:
        scorer: compares them.
        entities: the entities' own vectors; none where features alone say what an entity is.
        relations: the relations' vectors, then those of their inverses where there are any.
        features_EF: frozen vectors of entities, zero where absent.
        project: features to an entity's vector.
        absent: the vector of an entity that has no features and no vector of its own.
    """

    features_EF: Tensor
    present_E: Tensor

    def __init__(
        self,
        scorer: LinkScorer,
        entities: Tensor | int,
        relations: Tensor,
        *,
        relation_count: int,
        width: int,
        optimizer: str,
        learning_rate: float,
        unit: bool = False,
        features: Features | None = None,
    ) -> None:
        super().__init__()
        self.scorer = scorer
        self.relation_count = relation_count
        self.width = width
        self.entities: RowTable | None = None
        if isinstance(entities, Tensor):
            self.entities = RowTable(entities, optimizer, learning_rate, unit=unit)
        self.relations = RowTable(relations, optimizer, learning_rate)
        self.project: nn.Linear | None = None
        if features is not None:
            vectors, present = features
            self.register_buffer("features_EF", torch.from_numpy(vectors), persistent=False)
            self.register_buffer("present_E", torch.from_numpy(present), persistent=False)
            self.project = nn.Linear(vectors.shape[1], width)
            self.absent = nn.Parameter(torch.zeros(width))

    @property
    def inverse(self) -> bool:
        """Whether inverse relations have vectors of their own."""
        return len(self.relations.weight) > self.relation_count

    def settle(self) -> None:
        """Bring the tables up to the last step."""
        for table in (self.entities, self.relations):
            if table is not None:
                table.settle()

    def dense_parameters(self) -> list[nn.Parameter]:
        """What is no table: the scorer's weights and the map of features."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def mapped(self, ids_N: Tensor) -> Tensor | None:
        """(N, W) what the features say of entities, or None without features."""
        if self.project is None:
            return None
        vectors_NW: Tensor = self.project(self.features_EF[ids_N])
        present_N1 = self.present_E[ids_N, None]
        return torch.where(present_N1, vectors_NW, self.absent)

    @torch.no_grad()
    def vectors(self) -> TripleVectors:
        """All of it, for ranking."""
        self.settle()
        own = self.entities.weight if self.entities is not None else None
        if self.project is not None:
            ids = torch.arange(len(self.features_EF), device=self.features_EF.device)
            parts = [self.mapped(part) for part in torch.split(ids, _ROWS_AT_ONCE)]
            mapped = torch.cat([part for part in parts if part is not None])
            own = mapped if own is None else own + mapped
        assert own is not None
        relations = self.relations.weight
        inverse = relations[self.relation_count :] if self.inverse else None
        return TripleVectors(self.scorer, own, relations[: self.relation_count], inverse)


def build_model(
    config: KgeConfig, entities: int, relations: int, features: Features | None = None
) -> KgeModel:
    """A fresh model; all randomness is torch's own.

    Raises:
        ConfigError: unknown scorer, or it cannot be built of that dimension.
        UsageError: unknown scorer.
    """
    scorer, entity_width, relation_width = build_link_scorer(config)
    own: Tensor | int = entities
    if config.features is None or config.features.embedding:
        own = _uniform(entities, entity_width)
    if config.features is not None and features is None:
        raise ConfigError("the features are missing", where="features")
    if config.training.unit_entities and isinstance(own, Tensor):
        own = nn.functional.normalize(own, dim=-1)
    return KgeModel(
        scorer,
        own,
        _uniform(relations * (2 if config.inverse_relations else 1), relation_width),
        relation_count=relations,
        width=entity_width,
        optimizer=config.training.optimizer,
        learning_rate=config.training.learning_rate,
        unit=config.training.unit_entities,
        features=features,
    )


def build_link_scorer(config: KgeConfig) -> tuple[LinkScorer, int, int]:
    """The scorer, and how wide the vectors of entities and relations are.

    A scorer that does not say how much it reads gets vectors of one width, the dimension.
    """
    record = registry().get(LinkScorerPlugin, config.model.name)
    settings = registry().settings("link-scorer", config.model, "model")
    factory = record.for_dimension or record.factory
    scorer = factory(settings, config.dimension)
    widths = (scorer.entity_width, scorer.relation_width)
    entity, relation = (config.dimension if w is None else max(1, w) for w in widths)
    return scorer, entity, relation


def _uniform(rows: int, width: int) -> Tensor:
    bound = math.sqrt(3 / width)  # PyKEEN's xavier_uniform_ of embeddings
    return torch.empty(rows, width).uniform_(-bound, bound)


def scores_of_queries(
    model: KgeModel,
    asked: list[tuple[Tensor, Tensor, bool]],
    others: Tensor,
) -> Tensor | None:
    """(G, S, K) scores of candidates (G, K, W) where one vector says what they are compared with.

    `asked` has given and relation vectors (g, S, W) and whether tails are asked, group after group.
    None where the scorer has no such vector, each of its scores has a term of its own, or heads
    are compared in another way than tails.
    """
    scorer = model.scorer
    queries = []
    for given, relation, as_tails in asked:
        find = (
            scorer.tail_query(given, relation) if as_tails else scorer.head_query(relation, given)
        )
        if find is None or find.bias is not None:
            return None
        queries.append(find)
    if len({(query.norm, query.power) for query in queries}) > 1:
        return None
    vectors = torch.cat([query.vectors for query in queries])
    return replace(queries[0], vectors=vectors).scores(others, fast=True)
