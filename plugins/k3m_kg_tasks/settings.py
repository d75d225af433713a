"""Settings of the built-in tasks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from k3m_kg.api import LinkScorerComponent, Settings


class MlmSettings(Settings):
    """Settings of `mlm`.

    Attributes:
        modality: whose tokens are predicted; it must be one that the text encoder reads.
        others: further modalities whose tokens are, such as `knowledge`.
        rate: share of tokens to predict.
        products: share of products that have any token masked in a step.
    """

    modality: str = "title"
    others: tuple[str, ...] = ()
    rate: float = Field(0.15, gt=0, lt=1)
    products: float = Field(1.0, gt=0, le=1)


class MomSettings(Settings):
    """Settings of `mom`.

    Attributes:
        modality: whose tokens are predicted; one whose tokens have classes.
        rate: share of regions to predict.
        products: share of products that have any region masked in a step.
        keep: share of the masked regions whose feature is shown all the same.
        overlap: regions whose IoU with a masked one exceeds this are masked with it.
    """

    rate: float = Field(0.15, gt=0, lt=1)
    products: float = Field(1.0, gt=0, le=1)
    keep: float = Field(0.1, ge=0, lt=1)
    modality: str = "image"
    overlap: float = Field(0.4, gt=0, le=1)


class LpmSettings(Settings):
    """Settings of `lpm`.

    Attributes:
        scorer: the interaction function; the paper's is `transe` with the L2 norm.
        loss: `margin` ranks the true value above sampled ones (the paper's); `cross-entropy`
            is over all values that the property takes in training.
        margin: of the margin ranking loss.
        negatives: corrupted values per triple for the margin loss.
        label_smoothing: of the cross-entropy.
        scale: start of the learned factor on the scores in the cross-entropy.
        alone: where evidence is added to the scores, weight of the same cross-entropy of the scores
            without it, so that `c*` itself learns what evidence would say in its place.
        questions: `hidden` hides some triples of a product, and asks those, all from one `c*`;
            `leave-one-out` asks every triple, each from a `c*` aggregated over others (needs
            `model.knowledge: term`: in a product's knowledge text the asked value could be read).
        ask: `all` properties, or those whose values are `shared`: where most training triples have
            a value that no other has, as in a model number, there is nothing to learn for others.
        at_most: questions about one product in a step, drawn anew in each; 0 asks all. Of a title
            the words of all values that are asked are cut, so fewer questions leave more of it.
        candidates: of the cross-entropy: of a property with more values so many are drawn anew in
            each step, and weigh for all of them, beside the answers of the step itself.
        full_context: share of questions that see all other triples; the others see a random part.
        shown: per property, how often its triples may be seen as context (default 1). A property
            that determines another is better rarely seen, or the other is never learned.
        cut_title: chance that a value is cut out of the title when it is asked.
        keep_title: share of products whose title is left whole.
        gate: `relation` lets each question weigh the modalities that are there, by what they say,
            by what is asked, and by their being there, and adds that to `c*` (NativE, Zhang et
            al., SIGIR 2024; AdaMF, LREC-COLING 2024). It begins as if it were not there.
        experts: of the gate, so many ways to read each modality, weighed by what is asked (MoMoK,
            Zhang et al., ICLR 2025, without its mutual information loss).
        probe: only a head on top of the model learns from this task, the model itself does not:
            for ranking with a model that is trained on other tasks.
    """

    scorer: LinkScorerComponent = LinkScorerComponent(name="transe")
    loss: Literal["margin", "cross-entropy"] = "margin"
    margin: float = Field(1.0, gt=0)
    negatives: int = Field(16, ge=1, le=1 << 24)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    scale: float = Field(1.0, gt=0)
    alone: float = Field(0.0, ge=0)
    questions: Literal["hidden", "leave-one-out"] = "hidden"
    ask: Literal["all", "shared"] = "all"
    at_most: int = Field(0, ge=0, le=1 << 24)
    candidates: int = Field(8192, ge=1, le=1 << 24)
    full_context: float = Field(0.5, ge=0, le=1)
    shown: dict[str, float] = Field(default_factory=dict)
    cut_title: float = Field(0.5, ge=0, le=1)
    keep_title: float = Field(0.35, ge=0, le=1)
    gate: Literal["none", "relation"] = "none"
    experts: int = Field(1, ge=1, le=64)
    probe: bool = False


class ModalityNoiseSettings(Settings):
    """Settings of `modality-noise` (SNAG, Chen et al., COLING 2025, and K3M's own noise).

    Attributes:
        noise: chance that what a modality of a product says is noised in a step.
        mask: share of noise in what is noised; the rest stays what it was. Noise is drawn from a
            normal distribution with the mean and deviation of the modality's tokens in the batch.
        swap: chance that a product shows a modality of another product of the batch instead, as a
            catalog with wrong titles and pictures does.
        modalities: which ones; all where empty. Those made of triples are never swapped.
    """

    noise: float = Field(0.2, ge=0, le=1)
    mask: float = Field(0.7, ge=0, le=1)
    swap: float = Field(0.0, ge=0, le=0.5)
    modalities: tuple[str, ...] = ()


class ContrastiveSettings(Settings):
    """Settings of `contrastive`.

    Attributes:
        modalities: which ones are brought together; all where empty.
        knowledge: whether the product's visible triples are one more.
        grade: weight of another product as a right answer, times the share of triples that both
            have of those that either has; 0: only the product itself is right (as in CLIP).
        temperature: of the softmax at the start; it is learned.
    """

    modalities: tuple[str, ...] = ()
    knowledge: bool = True
    grade: float = Field(1.0, ge=0, le=1)
    temperature: float = Field(0.07, gt=0.001, le=10)


class ModalityDropoutSettings(Settings):
    """Settings of `modality-dropout`.

    Attributes:
        title: chance that a product's title is hidden in a step.
        image: chance that its image is, where the title is not.
        both: chance that a product shows no modality at all, so that only its triples are left.
        others: by the name of a further modality, the chance that it is hidden.
    """

    title: float = Field(0.1, ge=0, le=0.5)
    image: float = Field(0.1, ge=0, le=0.5)
    both: float = Field(0.0, ge=0, le=0.5)
    others: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
