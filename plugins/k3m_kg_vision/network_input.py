"""What the networks of an artifact are given: small records beside their weights, read as data."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Colours = Annotated[
    tuple[Annotated[float, Field(allow_inf_nan=False)], ...], Field(min_length=3, max_length=3)
]
Count = Annotated[int, Field(ge=0, le=1 << 20)]


class NetworkInput(BaseModel):
    """Of a network that gives a grid.

    Attributes:
        side: of the square that it takes, in pixels.
        mean, std: of each colour.
        classes: of its classifier; 0 without one.
    """

    model_config = ConfigDict(strict=True, frozen=True)
    side: Annotated[int, Field(ge=1, le=4096)]
    mean: Colours
    std: Colours
    classes: Count


class DetectorInput(NetworkInput):
    """Of a detector.

    Attributes:
        width: of an object's vector.
    """

    width: Count


class RegionsRecord(BaseModel):
    """Of a file of regions.

    Attributes:
        width: of a region.
        classes: 0 where it tells none.
        identity: of the file.
    """

    model_config = ConfigDict(strict=True, frozen=True)
    width: Count
    classes: Count
    identity: str
