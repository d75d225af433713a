"""The kinds of plugins that there is a template for, and what their README says of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TemplateKind:
    """What differs between packages beside the code.

    Attributes:
        does: what the plugin of the template does, after "the KIND NAME, ".
        use: commands that use it, once it is installed.
        extras: of k3m-kg, that its tests need.
    """

    does: str
    use: str
    extras: str = "testing,train"


KINDS: dict[str, TemplateKind] = {
    "image-encoder": TemplateKind(
        "which describes the cells of a grid by their colours",
        "k3m-kg pretrain snapshots --output models/${plugin} --set image_encoder=${plugin}",
    ),
    "text-encoder": TemplateKind(
        "which hashes words into buckets and reads them with a small transformer",
        "k3m-kg pretrain snapshots --output models/${plugin} --set text_encoder=${plugin}",
    ),
    "fusion": TemplateKind(
        "in which each hidden unit learns its share of both sources",
        "k3m-kg pretrain snapshots --output models/${plugin} --set fusion=${plugin}",
    ),
    "task": TemplateKind(
        "which asks what properties a product has whose triples are hidden",
        "k3m-kg pretrain snapshots --output models/${plugin} --set 'tasks=[lpm, mlm, ${plugin}]'",
    ),
    "reader": TemplateKind(
        "which reads lines such as `a1 | red mug | colour=red` below a line `# ${plugin}`",
        "k3m-kg ingest products.txt",
        "testing",
    ),
    "interactor": TemplateKind(
        "which tells each modality the gist of the others",
        "k3m-kg pretrain snapshots --output models/${plugin} --set model.interactor=${plugin}",
    ),
    "structure": TemplateKind(
        "which takes the mean of a product's triples",
        "k3m-kg pretrain snapshots --output models/${plugin} --set model.structure=${plugin}",
    ),
    "evaluation": TemplateKind(
        "which counts how many of the nearest products have a product's category",
        "k3m-kg evaluate models/first --task ${plugin}",
    ),
    "command": TemplateKind(
        "which says how full the columns of a catalog file are",
        "k3m-kg ${plugin} catalog.csv",
        "testing",
    ),
}
"""By the kind as `k3m-kg plugins list` writes it, which is also its folder in `templates/`."""
