"""All that a plugin author imports.

Hook markers, records and settings cost nothing to import; the contracts and building blocks that
need torch are loaded when first touched, so that listing plugins and reading catalogs stay fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from k3m_kg.errors import (
    ArtifactError,
    CatalogError,
    ConfigError,
    K3MError,
    MappingNeeded,
    PluginError,
    UsageError,
    unknown_name,
)
from k3m_kg.plugin.catalog_reader import CatalogReader, Confidence
from k3m_kg.plugin.hookspecs import (
    CommandPlugin,
    EvaluationPlugin,
    FusionPlugin,
    ImageEncoderPlugin,
    InteractorPlugin,
    LinkLossPlugin,
    LinkPredictorPlugin,
    LinkScorerPlugin,
    ModalityPlugin,
    NegativeSamplerPlugin,
    ReaderPlugin,
    StructurePlugin,
    TaskPlugin,
    TextEncoderPlugin,
    hookimpl,
)
from k3m_kg.plugin.made import made_by
from k3m_kg.plugin.written_back import (
    ChangedRow,
    ChangeWriter,
    ProductChange,
    Unwritten,
    WrittenForm,
)
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow, ValueRecord

if TYPE_CHECKING:
    from k3m_kg.batches.image import ImageModality
    from k3m_kg.batches.title import TitleModality
    from k3m_kg.config import Component, LinkScorerComponent, NoSettings, Settings
    from k3m_kg.contracts import (
        Candidates,
        Catalog,
        Description,
        Evaluation,
        FrozenTextEncoder,
        Fusion,
        Heads,
        ImageEncoder,
        Interactor,
        KnowledgeText,
        LinkLoss,
        LinkPredictor,
        LinkScorer,
        Modality,
        ModalityContext,
        ModalityData,
        ModalityTokens,
        ModelContext,
        ModelOutputs,
        NamedTokens,
        Negatives,
        NegativeSampler,
        PretrainingTask,
        ProductBatch,
        ProductTable,
        QueryVectors,
        SamplerContext,
        StructureAggregation,
        TaskContext,
        TaskLoss,
        TermTokens,
        TextEncoder,
        Tokens,
        TrainedPredictor,
        Verdict,
        fingerprint,
        hub_access,
        initialise,
        load_frozen,
        save_frozen,
        transformer,
    )
    from k3m_kg.evaluation.comparison import Asked, compare
    from k3m_kg.lpm.losses import candidate_cross_entropy, margin_ranking
    from k3m_kg.lpm.questions import Triples, Visibility, heads_of
    from k3m_kg.lpm.value_negatives import PropertyNegatives
    from k3m_kg.readers.cells import raw_text, unstorable
    from k3m_kg.readers.compressed import open_bytes
    from k3m_kg.readers.csv.table import DelimitedTable, TableRow, open_table, sniffed_rows
    from k3m_kg.readers.html_text import html_to_text
    from k3m_kg.readers.json_lines import JsonLine, json_lines
    from k3m_kg.readers.xml.elements import XmlElement, sniffed_elements, xml_elements
    from k3m_kg.use.open_model import OpenModel

_LAZY = {
    **dict.fromkeys(
        (
            "Catalog",
            "Evaluation",
            "StructureAggregation",
            "ProductTable",
            "NamedTokens",
            "ModalityTokens",
            "ModalityData",
            "ModalityContext",
            "Modality",
            "Interactor",
            "Description",
            "FrozenTextEncoder",
            "Fusion",
            "ImageEncoder",
            "KnowledgeText",
            "LinkLoss",
            "Candidates",
            "Heads",
            "LinkPredictor",
            "LinkScorer",
            "ModelContext",
            "ModelOutputs",
            "Negatives",
            "NegativeSampler",
            "PretrainingTask",
            "ProductBatch",
            "QueryVectors",
            "SamplerContext",
            "TaskContext",
            "TaskLoss",
            "TermTokens",
            "TextEncoder",
            "Tokens",
            "TrainedPredictor",
            "Verdict",
            "fingerprint",
            "hub_access",
            "hub_access",
            "initialise",
            "load_frozen",
            "save_frozen",
            "transformer",
        ),
        "k3m_kg.contracts",
    ),
    **dict.fromkeys(
        ("Component", "LinkScorerComponent", "NoSettings", "Settings"), "k3m_kg.config"
    ),
    "ImageModality": "k3m_kg.batches.image",
    "TitleModality": "k3m_kg.batches.title",
    "PropertyNegatives": "k3m_kg.lpm.value_negatives",
    "candidate_cross_entropy": "k3m_kg.lpm.losses",
    **dict.fromkeys(("Asked", "compare"), "k3m_kg.evaluation.comparison"),
    **dict.fromkeys(("Triples", "Visibility", "heads_of"), "k3m_kg.lpm.questions"),
    "OpenModel": "k3m_kg.use.open_model",
    "open_bytes": "k3m_kg.readers.compressed",
    "html_to_text": "k3m_kg.readers.html_text",
    **dict.fromkeys(("JsonLine", "json_lines"), "k3m_kg.readers.json_lines"),
    **dict.fromkeys(
        ("XmlElement", "sniffed_elements", "xml_elements"), "k3m_kg.readers.xml.elements"
    ),
    **dict.fromkeys(("raw_text", "unstorable"), "k3m_kg.readers.cells"),
    **dict.fromkeys(
        ("DelimitedTable", "TableRow", "open_table", "sniffed_rows"), "k3m_kg.readers.csv.table"
    ),
    "margin_ranking": "k3m_kg.lpm.losses",
}

__all__ = [
    "ArtifactError",
    "Asked",
    "Candidates",
    "Catalog",
    "CatalogError",
    "CatalogReader",
    "CatalogRecord",
    "ChangeWriter",
    "ChangedRow",
    "CommandPlugin",
    "Component",
    "Confidence",
    "ConfigError",
    "DelimitedTable",
    "Description",
    "Evaluation",
    "EvaluationPlugin",
    "FrozenTextEncoder",
    "Fusion",
    "FusionPlugin",
    "Heads",
    "ImageEncoder",
    "ImageEncoderPlugin",
    "ImageModality",
    "Interactor",
    "InteractorPlugin",
    "JsonLine",
    "K3MError",
    "KnowledgeText",
    "LinkLoss",
    "LinkLossPlugin",
    "LinkPredictor",
    "LinkPredictorPlugin",
    "LinkScorer",
    "LinkScorerComponent",
    "LinkScorerPlugin",
    "MappingNeeded",
    "Modality",
    "ModalityContext",
    "ModalityData",
    "ModalityPlugin",
    "ModalityTokens",
    "ModelContext",
    "ModelOutputs",
    "NamedTokens",
    "NegativeSampler",
    "NegativeSamplerPlugin",
    "Negatives",
    "NoSettings",
    "Note",
    "OpenModel",
    "PluginError",
    "PretrainingTask",
    "ProductBatch",
    "ProductChange",
    "ProductRecord",
    "ProductTable",
    "PropertyNegatives",
    "QueryVectors",
    "ReaderPlugin",
    "RejectedRow",
    "SamplerContext",
    "Settings",
    "StructureAggregation",
    "StructurePlugin",
    "TableRow",
    "TaskContext",
    "TaskLoss",
    "TaskPlugin",
    "TermTokens",
    "TextEncoder",
    "TextEncoderPlugin",
    "TitleModality",
    "Tokens",
    "TrainedPredictor",
    "Triples",
    "Unwritten",
    "UsageError",
    "ValueRecord",
    "Verdict",
    "Visibility",
    "WrittenForm",
    "XmlElement",
    "candidate_cross_entropy",
    "compare",
    "fingerprint",
    "heads_of",
    "hookimpl",
    "html_to_text",
    "hub_access",
    "initialise",
    "json_lines",
    "load_frozen",
    "made_by",
    "margin_ranking",
    "open_bytes",
    "open_table",
    "raw_text",
    "save_frozen",
    "sniffed_elements",
    "sniffed_rows",
    "transformer",
    "unknown_name",
    "unstorable",
    "xml_elements",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
