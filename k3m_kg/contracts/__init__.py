"""The contracts between the framework and its plugins, and the tensors that pass through them.

Here: abstract classes, and dataclasses of tensors. Not here: anything that computes an output,
but for the layers that encoders share.

Shape letters, used as suffixes everywhere: `B` products in a batch, `I` those of them that have a
modality, `N` tokens of a modality (or any number of items), `T` title tokens, `R` image regions,
`K` knowledge tokens, `E` triples of the batch (flat), `Q` questions, `H` hidden size, `V`
vocabulary, `C` classes or candidate values, `L` tokens of one term, `U` distinct terms.
"""

from k3m_kg.contracts.batch import (
    Catalog,
    EvidenceOf,
    KnowledgeText,
    ModelOutputs,
    Plan,
    ProductBatch,
    TermTokens,
    longest_term,
)
from k3m_kg.contracts.encoders import (
    ImageEncoder,
    ModalityContext,
    ModelContext,
    NoWords,
    TextEncoder,
    Tokeniser,
    Tokens,
    initialise,
)
from k3m_kg.contracts.evaluations import Evaluation, Verdict, figure_lines
from k3m_kg.contracts.frozen_text import FrozenTextEncoder
from k3m_kg.contracts.frozen_weights import fingerprint, load_frozen, save_frozen
from k3m_kg.contracts.hub import hub_access
from k3m_kg.contracts.layers import Fusion, Interactor, StructureAggregation
from k3m_kg.contracts.links import Candidates, Heads, LinkPredictor, LinkScorer
from k3m_kg.contracts.modality import (
    Description,
    Modality,
    ModalityData,
    ModalityTokens,
    NamedTokens,
    ProductTable,
    ReadyFeatures,
)
from k3m_kg.contracts.negatives import LinkLoss, Negatives, NegativeSampler, SamplerContext
from k3m_kg.contracts.outcomes import Classes, Decisions, Outcomes, Ranking, Scores
from k3m_kg.contracts.query_vectors import QueryVectors, as_float, full_precision
from k3m_kg.contracts.questions import Choices, Questions
from k3m_kg.contracts.saved_networks import saved_network
from k3m_kg.contracts.tasks import PretrainingTask, TaskContext, TaskLoss
from k3m_kg.contracts.trained import TRIPLES, TrainedPredictor
from k3m_kg.contracts.transformer import (
    InnerNorm,
    RepeatedLayer,
    Transformer,
    computed_in,
    transformer,
)

__all__ = [
    "TRIPLES",
    "Candidates",
    "Catalog",
    "Choices",
    "Classes",
    "Decisions",
    "Description",
    "Evaluation",
    "EvidenceOf",
    "FrozenTextEncoder",
    "Fusion",
    "Heads",
    "ImageEncoder",
    "InnerNorm",
    "Interactor",
    "KnowledgeText",
    "LinkLoss",
    "LinkPredictor",
    "LinkScorer",
    "Modality",
    "ModalityContext",
    "ModalityData",
    "ModalityTokens",
    "ModelContext",
    "ModelOutputs",
    "NamedTokens",
    "NegativeSampler",
    "Negatives",
    "NoWords",
    "Outcomes",
    "Plan",
    "PretrainingTask",
    "ProductBatch",
    "ProductTable",
    "QueryVectors",
    "Questions",
    "Ranking",
    "ReadyFeatures",
    "RepeatedLayer",
    "SamplerContext",
    "Scores",
    "StructureAggregation",
    "TaskContext",
    "TaskLoss",
    "TermTokens",
    "TextEncoder",
    "Tokeniser",
    "Tokens",
    "TrainedPredictor",
    "Transformer",
    "Verdict",
    "as_float",
    "computed_in",
    "figure_lines",
    "fingerprint",
    "full_precision",
    "hub_access",
    "initialise",
    "load_frozen",
    "longest_term",
    "save_frozen",
    "saved_network",
    "transformer",
]
