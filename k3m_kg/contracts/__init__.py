"""The contracts between the framework and its plugins, and the tensors that pass through them.

Shape letters, used as suffixes everywhere: `B` products in a batch, `T` title tokens, `R` image
regions, `K` knowledge tokens, `E` triples of the batch (flat), `N` any number of items, `H` hidden
size, `V` vocabulary, `C` object classes or candidate values, `L` tokens of one term, `U` distinct
terms.
"""

from k3m_kg.contracts.batch import (
    Catalog,
    KnowledgeText,
    ModelOutputs,
    ProductBatch,
    Regions,
    TermTokens,
)
from k3m_kg.contracts.encoders import (
    Fusion,
    ImageEncoder,
    ModelContext,
    NoWords,
    TextEncoder,
    Tokeniser,
    Tokens,
    initialise,
    transformer,
)
from k3m_kg.contracts.evaluations import Evaluation
from k3m_kg.contracts.links import LinkPredictor, LinkScorer
from k3m_kg.contracts.query_vectors import QueryVectors, as_float, full_precision
from k3m_kg.contracts.tasks import PretrainingTask, TaskContext, TaskLoss
from k3m_kg.contracts.trained import TrainedPredictor

__all__ = [
    "Catalog",
    "Evaluation",
    "Fusion",
    "ImageEncoder",
    "KnowledgeText",
    "LinkPredictor",
    "LinkScorer",
    "ModelContext",
    "ModelOutputs",
    "NoWords",
    "PretrainingTask",
    "ProductBatch",
    "QueryVectors",
    "Regions",
    "TaskContext",
    "TaskLoss",
    "TermTokens",
    "TextEncoder",
    "Tokeniser",
    "Tokens",
    "TrainedPredictor",
    "as_float",
    "full_precision",
    "initialise",
    "transformer",
]
