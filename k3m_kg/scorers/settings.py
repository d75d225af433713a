"""Which PyKEEN interactions are link scorers, and the settings of each. Imports no torch.

Defaults are those of PyKEEN's models where these have one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from k3m_kg.config import NoSettings, Settings

Activation = Literal["relu", "tanh", "sigmoid", "leakyrelu", "elu", "softplus"]


class NormSettings(Settings):
    """A distance.

    Attributes:
        p: the norm.
        power_norm: score by the p-th power of the norm, without the root.
    """

    p: int = Field(default=2, ge=1, le=8)
    power_norm: bool = False


class TransESettings(NormSettings):
    """TransE.

    Attributes:
        p: the norm of the translation's error; 2 is the paper's.
        power_norm: score by the p-th power of the norm, without the root.
    """


class AbsoluteSettings(NormSettings):
    """A distance whose usual norm is the sum of absolute differences.

    Attributes:
        p: the norm.
        power_norm: score by the p-th power of the norm, without the root.
    """

    p: int = Field(default=1, ge=1, le=8)


class PoweredSettings(NormSettings):
    """A distance that is usually squared.

    Attributes:
        p: the norm.
        power_norm: score by the p-th power of the norm, without the root.
    """

    power_norm: bool = True


class TransRSettings(NormSettings):
    """TransR.

    Attributes:
        p: the norm.
        power_norm: score by the p-th power of the norm, without the root.
        relation_dimension: e, the width of the relation's space; d where absent.
        max_projection_norm: projected entities are scaled down to this norm.
    """

    relation_dimension: int | None = Field(default=None, ge=1)
    max_projection_norm: float = Field(default=1.0, gt=0)


class TripleRESettings(AbsoluteSettings):
    """TripleRE.

    Attributes:
        p: the norm.
        power_norm: score by the p-th power of the norm, without the root.
        u: added to the factors of head and tail; null for the paper's first version.
    """

    u: float | None = 1.0


class BoxESettings(NormSettings):
    """BoxE.

    Attributes:
        p: the norm.
        power_norm: score by the p-th power of the norm, without the root.
        tanh_map: squash points and boxes into (-1, 1).
    """

    tanh_map: bool = True


class AutoSFSettings(Settings):
    """AutoSF.

    Attributes:
        coefficients: blocks (head part, relation part, tail part, sign); the default is ComplEx's.
    """

    coefficients: tuple[tuple[int, int, int, Literal[-1, 1]], ...] = Field(
        default=((0, 0, 0, 1), (0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, -1)), min_length=1
    )


class CPSettings(Settings):
    """Canonical polyadic decomposition.

    Attributes:
        rank: k, parts of d numbers each.
    """

    rank: int = Field(default=1, ge=1)


class NTNSettings(Settings):
    """Neural tensor network.

    Attributes:
        slices: k, matrices of each relation.
        activation: applied to each slice's score.
    """

    slices: int = Field(default=4, ge=1)
    activation: Activation = "tanh"


class ConvESettings(Settings):
    """ConvE.

    Attributes:
        input_channels: of the picture that d numbers make; found from d where absent.
        embedding_height: of that picture; as square as d allows where absent.
        embedding_width: of that picture.
        output_channels: filters.
        kernel_width: of a filter.
        kernel_height: of a filter; as wide where absent.
        input_dropout: on the picture.
        feature_map_dropout: on whole filters.
        output_dropout: on the query.
        apply_batch_normalization: between the layers.
    """

    input_channels: int | None = Field(default=None, ge=1)
    embedding_height: int | None = Field(default=None, ge=1)
    embedding_width: int | None = Field(default=None, ge=1)
    output_channels: int = Field(default=32, ge=1)
    kernel_width: int = Field(default=3, ge=1)
    kernel_height: int | None = Field(default=None, ge=1)
    input_dropout: float = Field(default=0.2, ge=0, lt=1)
    feature_map_dropout: float = Field(default=0.2, ge=0, lt=1)
    output_dropout: float = Field(default=0.3, ge=0, lt=1)
    apply_batch_normalization: bool = True


class ConvKBSettings(Settings):
    """ConvKB.

    Attributes:
        num_filters: 1 x 3 filters over head, relation and tail.
        hidden_dropout_rate: on the filters' output.
    """

    num_filters: int = Field(default=32, ge=1)
    hidden_dropout_rate: float = Field(default=0.0, ge=0, lt=1)


class CrossESettings(Settings):
    """CrossE.

    Attributes:
        combination_activation: applied to the combined head and relation.
        combination_dropout: on its output.
    """

    combination_activation: Activation = "tanh"
    combination_dropout: float = Field(default=0.5, ge=0, lt=1)


class ERMLPSettings(Settings):
    """ER-MLP.

    Attributes:
        hidden_dim: of the layer between; d where absent.
        activation: of that layer.
    """

    hidden_dim: int | None = Field(default=None, ge=1)
    activation: Activation = "relu"


class ERMLPESettings(Settings):
    """ER-MLP with a dot product at the end.

    Attributes:
        hidden_dim: of the layer between; d where absent.
        input_dropout: on head and relation.
        hidden_dropout: on both layers.
    """

    hidden_dim: int | None = Field(default=None, ge=1)
    input_dropout: float = Field(default=0.2, ge=0, lt=1)
    hidden_dropout: float = Field(default=0.2, ge=0, lt=1)


class ProjESettings(Settings):
    """ProjE.

    Attributes:
        inner_activation: applied to the combined head and relation.
    """

    inner_activation: Activation = "tanh"


class TransformerSettings(Settings):
    """A transformer over head and relation.

    Attributes:
        num_layers: of the encoder.
        num_heads: of its attention; d must be a multiple.
        dim_feedforward: of its layers.
        dropout: in its layers.
    """

    num_layers: int = Field(default=2, ge=1)
    num_heads: int = Field(default=2, ge=1)
    dim_feedforward: int = Field(default=256, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)


class TuckERSettings(Settings):
    """TuckER.

    Attributes:
        head_dropout: on the head.
        relation_dropout: on the relation's matrix.
        head_relation_dropout: on the query.
        apply_batch_normalization: on head and query.
    """

    head_dropout: float = Field(default=0.3, ge=0, lt=1)
    relation_dropout: float = Field(default=0.4, ge=0, lt=1)
    head_relation_dropout: float = Field(default=0.5, ge=0, lt=1)
    apply_batch_normalization: bool = True


@dataclass(frozen=True, slots=True)
class Interaction:
    """What is known of a PyKEEN interaction without importing it.

    Attributes:
        summary: its formula.
        config: its settings.
        affine: what its score is affine in when the other two are fixed: `tail`, `both` head and
            tail, or nothing. Only then do many candidates cost one matrix product.
    """

    summary: str
    config: type[Settings]
    affine: Literal["tail", "both", ""] = ""


INTERACTIONS: dict[str, Interaction] = {
    "transe": Interaction("-||h + r - t||: the paper's scorer", TransESettings),
    "distmult": Interaction("<h, r, t>: bilinear with a diagonal relation", NoSettings, "both"),
    "complex": Interaction("Re <h, r, conj(t)>: complex numbers", NoSettings, "both"),
    "rotate": Interaction("-||h * r - t||: the relation turns phases", NoSettings),
    "autosf": Interaction("signed sum of <h_i, r_j, t_k> over parts", AutoSFSettings, "both"),
    "boxe": Interaction("points, their bumps, and a box per relation and side", BoxESettings),
    "conve": Interaction("<CNN(h, r), t> + bias of t", ConvESettings, "tail"),
    "convkb": Interaction("1 x 3 filters over (h, r, t), then linear", ConvKBSettings),
    "cp": Interaction("<h, r, t> with other vectors as head than as tail", CPSettings, "both"),
    "crosse": Interaction("<act(c*h + c*h*r + b), t>", CrossESettings, "tail"),
    "distma": Interaction("<h, r> + <r, t> + <h, t>", NoSettings, "both"),
    "ermlp": Interaction("MLP(h, r, t)", ERMLPSettings),
    "ermlpe": Interaction("<MLP(h, r), t>", ERMLPESettings, "tail"),
    "hole": Interaction("<r, circular correlation of h and t>", NoSettings, "both"),
    "kg2e": Interaction("-KL divergence of the Gaussians of t - h and r", NoSettings),
    "lineare": Interaction("-||h * a + r - t * b||", NormSettings),
    "mure": Interaction("-||h * R + r - t||^p + biases of h and t", PoweredSettings),
    "multilineartucker": Interaction("core tensor times h, r, t", NoSettings, "both"),
    "ntn": Interaction("u act(h W t + V h + V t + b)", NTNSettings),
    "pairre": Interaction("-||h * a - t * b||", AbsoluteSettings),
    "proje": Interaction("<act(D h + D r + b), t> + b", ProjESettings, "tail"),
    "quate": Interaction("<h x r, t> in quaternions", NoSettings, "both"),
    "rescal": Interaction("h M t with a matrix per relation", NoSettings, "both"),
    "se": Interaction("-||M h - N t|| with two matrices per relation", AbsoluteSettings),
    "simple": Interaction("mean of <h, r, t> and <t', r', h'>", NoSettings, "both"),
    "toruse": Interaction("-||h + r - t|| on a torus", NormSettings),
    "transd": Interaction("-||h' + r - t'||, projected by vectors", PoweredSettings),
    "transf": Interaction("<h + r, t> + <h, t - r>", NoSettings, "both"),
    "transformer": Interaction("<transformer(h, r), t>", TransformerSettings, "tail"),
    "transh": Interaction("-||h' + r - t'|| on the relation's hyperplane", NormSettings),
    "transr": Interaction("-||M h + r - M t|| with a matrix per relation", TransRSettings),
    "triplere": Interaction("-||h * (a + u) + r - t * (b + u)||", TripleRESettings),
    "tucker": Interaction("core tensor times h, r, t, with dropout", TuckERSettings, "tail"),
    "um": Interaction("-||h - t||^p, whatever the relation", PoweredSettings),
}
"""Every PyKEEN interaction but its wrappers of other interactions, by PyKEEN's own name."""
