"""Settings of these formats: what a file cannot tell of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from k3m_kg.api import Settings


class TableSettings(Settings):
    """Settings of a format of delimited text.

    Attributes:
        encoding: of the text; None: what its first bytes tell.
    """

    encoding: str | None = None


class ShopifySettings(TableSettings):
    """Settings of `shopify`.

    Attributes:
        category: the column that is the category of the whole file; None: the one of both that
            more of the first products have. The other one is a property.
    """

    category: Literal["type", "product-category"] | None = None


class BerkeleySettings(Settings):
    """Settings of `amazon-berkeley`.

    Attributes:
        language: whose texts have the plain names, such as `de` or `en_GB`.
        images: the data set's table of pictures, `images.csv` or `images.csv.gz`.
    """

    language: str = "en"
    images: Path | None = None


class AkeneoSettings(TableSettings):
    """Settings of `akeneo`.

    Attributes:
        locale: whose texts have the plain names, if the file has it: else one of its language,
            else the commonest.
        channel: likewise.
        models: the export of the product models, which products inherit from.
    """

    locale: str = "en_US"
    channel: str = "ecommerce"
    models: Path | None = None


class SalsifySettings(TableSettings):
    """Settings of `salsify`.

    Attributes:
        locale: whose texts have the plain names: else one of its language, else the first.
    """

    locale: str = "en-US"


class ImpExSettings(TableSettings):
    """Settings of `impex`.

    Attributes:
        language: whose texts have the plain names, such as `de` or `en_GB`: else one of its
            language, else the first.
    """

    language: str = "en"
