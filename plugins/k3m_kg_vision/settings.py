"""Settings of the built-in image encoders."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from k3m_kg.api import Settings


class PatchViTSettings(Settings):
    """Settings of `patch-vit`.

    Attributes:
        size: side in pixels to which a picture is fitted (padded with white, never stretched).
        patch: side of a patch in pixels; R = (size / patch)^2.
        stem: `linear` projects raw pixels as ViT does; `conv` is a small convolutional network
            whose stride is one patch (learns faster from few pictures).
        channels: of the conv stem, one per halving of the side, after a first stride of
            patch / 2^(len - 1).
        residual: a further 3 x 3 convolution with a skip connection in every stage of the conv stem
            but the first.
        colours: k-means clusters of colours; the soft histogram of a patch over them joins its
            feature (colour is learned from far fewer pictures so); 0 for none.
        layers: transformer layers.
        heads: attention heads; H must be a multiple.
        expansion: width of the feed-forward layer as a multiple of H.
        dropout: inside the layers.
        embedding_dropout: on the embedded patches.
        codebook: k-means clusters of patch colours: the object classes of masked object modelling;
            0 for none.
        flip: mirror half of the training pictures.
        shift: move training pictures by up to this many pixels.
        zoom: enlarge or shrink training pictures by up to this share.
    """

    size: int = Field(80, ge=16, le=1024)
    patch: int = Field(16, ge=4, le=4096)
    stem: Literal["linear", "conv"] = "conv"
    channels: tuple[int, ...] = (48, 96, 128)
    residual: bool = False
    colours: int = Field(64, ge=0, le=1 << 20)
    layers: int = Field(1, ge=1, le=1024)
    heads: int = Field(4, ge=1, le=1024)
    expansion: int = Field(2, ge=1, le=64)
    dropout: float = Field(0.0, ge=0, lt=1)
    embedding_dropout: float = Field(0.1, ge=0, lt=1)
    codebook: int = Field(64, ge=0, le=1 << 20)
    flip: bool = True
    shift: int = Field(6, ge=0, le=4096)
    zoom: float = Field(0.15, ge=0, lt=1)

    @model_validator(mode="after")
    def _patches_fit(self) -> PatchViTSettings:
        if self.size % self.patch:
            raise ValueError(f"size ({self.size}) must be a multiple of patch ({self.patch})")
        if self.stem == "conv":
            first = self.patch / 2 ** (len(self.channels) - 1)
            if not self.channels or first < 2 or first != int(first):
                raise ValueError(
                    f"a conv stem of {len(self.channels)} stages does not fit a patch of "
                    f"{self.patch}: patch / 2^(stages - 1) must be a whole number >= 2"
                )
        return self


class LayerSettings(Settings):
    """What every encoder of region features shares.

    Attributes:
        colours: k-means clusters of colours; the soft histogram of a region over them joins its
            feature, because networks that were trained to name things forget colours; 0 for none.
        codebook: size of the codebook, where `targets` says so.
        layers: transformer layers over the regions; 0 for none.
        heads: attention heads; H must be a multiple.
        expansion: width of the feed-forward layer as a multiple of H.
        dropout: inside the layers.
        embedding_dropout: on the embedded regions.
    """

    colours: int = Field(64, ge=0)
    codebook: int = Field(64, ge=2)
    layers: int = Field(1, ge=0)
    heads: int = Field(4, ge=1)
    expansion: int = Field(2, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    embedding_dropout: float = Field(0.1, ge=0, lt=1)


class RegionSettings(LayerSettings):
    """Settings of every encoder on a pretrained network; those of `efficientnet-lite0`.

    Attributes:
        freeze: keep the network as it is: it runs once per picture, and what it gives is cached
            beside the snapshot. Without, it is fine-tuned, which costs a forward and a backward
            pass of it in every step.
        regions: R, a square number: the network's grid is averaged to so many.
        precision: of the frozen network. `auto` takes bfloat16 where the device is faster with it.
        targets: the object classes of masked object modelling. `codebook`: k-means clusters of
            features (of colours where the network is fine-tuned); `classes`: what the network's
            own classifier says of a region; or `none`.
    """

    freeze: bool = True
    regions: int = Field(16, ge=1, le=1024)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    targets: Literal["codebook", "classes", "none"] = "codebook"

    @model_validator(mode="after")
    def _fits(self) -> RegionSettings:
        if math.isqrt(self.regions) ** 2 != self.regions:
            raise ValueError(f"regions ({self.regions}) must be a square number, such as 16 or 49")
        if self.targets == "classes" and not self.freeze:
            raise ValueError("targets: classes needs freeze: true")
        return self


class PretrainedVisionSettings(RegionSettings):
    """Settings of `pretrained-vision`.

    Attributes:
        model: a folder saved with `save_pretrained` (model and image processor), or a hub id (which
            needs the network).
        revision: the commit of a hub model.
        download: let a hub id be fetched over the network; without it only a local folder or what
            the hub's cache holds is used.
        size: side in pixels of the square that a picture is fitted to (padded with white, never
            stretched); the image processor's own where not given.
    """

    model: str
    revision: str | None = None
    download: bool = False
    size: int | None = Field(None, ge=16, le=2048)


class ObjectSettings(LayerSettings):
    """What every encoder of objects shares.

    Attributes:
        regions: R: so many objects at most, the surest first.
        targets: the object classes of masked object modelling: the source's own distribution
            (`classes`), k-means clusters of features (`codebook`), or `none`.
    """

    regions: int = Field(16, ge=1, le=300)
    targets: Literal["codebook", "classes", "none"] = "classes"


class DetectorSettings(ObjectSettings):
    """Settings of `detector`.

    Attributes:
        model: a folder saved with `save_pretrained` (model and image processor), or a hub id (which
            needs the network).
        revision: the commit of a hub model.
        download: let a hub id be fetched over the network.
        size: side in pixels of the square that a picture is fitted to; the processor's own
            where not given.
        threshold: an object of which no class is so sure is absent; the surest is always there.
    """

    model: str
    revision: str | None = None
    download: bool = False
    size: int | None = Field(None, ge=16, le=2048)
    threshold: float = Field(0.1, ge=0, lt=1)


class PrecomputedSettings(ObjectSettings):
    """Settings of `precomputed-regions`.

    Attributes:
        path: `.npz`, `.parquet`, or the `.tsv` of bottom-up attention; see docs/encoders.md.
        pictures: the folder of the picture files that the regions were computed from: then the file
            may name pictures by their files (without ending); else it names them by SHA-256.
    """

    path: str
    pictures: str | None = None
    targets: Literal["codebook", "classes", "none"] = "codebook"
