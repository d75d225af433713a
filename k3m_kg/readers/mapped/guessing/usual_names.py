"""How columns are called that hold the id, the title, the category, pictures and the like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from k3m_kg.readers.mapped.guessing.names_abroad import NAMES_ABROAD

_SURE = {
    "id": ("id", "sku", "product_id", "item_id", "asin", "code"),
    "title": ("title", "name", "product_name", "product_display_name"),
    "image": (
        "image", "image_url", "image_link", "base_image", "picture", "img", "photo",
        "images", "image_urls", "pictures", "image.url", "images.url", "images.src", "img_url",
    ),
    "category": ("category", "categories", "product_type"),
}  # fmt: skip
"""Names that need nobody's word."""
_DEEP = {
    "title": (
        "productname", "producttitle", "descriptionshort", "itemname", "productdisplayname",
        "articlename", "itemtitle", "produktname", "functionalname", "tradeitemdescription",
    ),
    "category": (
        "productcategory", "categoryname", "gpccategorycode", "categorypath", "productgroup",
        "producttype", "warengruppe",
    ),
}  # fmt: skip
"""Names, squashed, that are those of a product wherever they lie: a `name` may be a brand's."""
DESCRIPTIONS = (
    "description", "product_description", "item_description", "beschreibung", "omschrijving",
    "artikelbeschreibung", "descripcion", "descrizione", "opis",
)  # fmt: skip
"""Columns that price lists of companies have where others have a title."""
_NAMES = {
    "id": (
        "id", "sku", "product_id", "item_id", "asin", "code", "parent_asin",
        "item_sku", "variant_sku", "handle", "article_id", "article_number", "artikelnummer",
        "artikelnr", "art_nr", "produkt_id", "reference", "ref", "product_code", "part_number",
        "uniq_id", "pid", "uuid",
        "referencia", "codice", "supplier_aid", "prod_id", "product_sku", "item_number", "number",
        "goods_id", "num_iid", "offer_id", "item_no", "identifier", "item_code", "style_id",
        "sku_code", "article_no", "artikel_id", "product_number", "handle_id", "entity_id",
        "variant_id", "custom_label", "material_number", "materialnummer", "teilenummer",
        "bestellnummer", "codigo", "indeks", "urun_kodu", "stok_kodu", "mpn", "gtin", "ean",
        "ean13", "barcode", "upc", "seller_sku", "merchant_sku", "shop_sku", "vendor_sku", "sku_id",
        "article_code", "product_reference", "variation_sku", "product_variation_sku",
        "variation_id",
    ),
    "title": (
        "title", "name", "product_name", "product_display_name", "product_title",
        "item_name", "titel", "produktname", "artikelbezeichnung", "bezeichnung", "label", "nom",
        "nombre", "titre", "nome", "titolo", "nazwa", "description_short", "model_name",
        "item_title", "article_name", "artikelname", "produkttitel", "display_name", "goods_name",
        "naam", "namn", "navn", "designation", "denominacion", "product", "produkt", "headline",
        "short_name", "full_name", "listing_title", "subject", "kurzbezeichnung", "libelle",
        "urun_adi",
    ),
    "image": (
        "image", "image_url", "image_link", "base_image", "picture", "img", "photo", "images",
        "image_urls", "pictures", "image.url", "images.url", "images.src", "image_src", "img_url",
        "main_image", "main_image_url", "bild", "bilder", "bild_url", "image_path",
        "image_name", "foto", "photos", "imagen", "immagine", "thumbnail", "image1", "image0",
        "images.large", "images.link", "image.src", "pic", "pics", "pic_url", "pic_urls",
        "picture_url", "picture1", "photo_url", "photo1", "img1", "image_url_1", "bild1",
        "featured_image", "primary_image", "product_image", "product_image_url", "hauptbild",
        "image_file", "bilddatei", "image_links", "media_gallery", "gallery", "resim",
        "cover_media_url", "attachments",
    ),
    "category": (
        "category", "categories", "product_type", "type", "product_category", "kategorie",
        "kategorien", "main_category", "category_name", "google_product_category", "categorie",
        "categoria", "product_category_tree", "product_group", "warengruppe", "category_path",
        "cate_name", "cat_name", "leaf_category", "produktgruppe", "produktart", "article_type",
        "product_category_name", "breadcrumb", "breadcrumbs", "taxonomy", "kategori", "kategoria",
        "classification_category", "primary_category", "gpc_category_code", "category_id",
        "category_code",
    ),
    "group": (
        "item_group", "product_family", "artikelgruppe", "gruppe", "group", "family", "department",
        "section", "sub_category", "collection",
    ),
}  # fmt: skip
PARENTS = (
    "parent_sku", "parent_id", "parent", "parent_product_id", "parent_code", "parent_product",
    "parent_item", "parent_item_id", "master_sku", "master_id", "variant_of", "parent_handle",
    "parent_product_sku", "parent_artikelnummer", "vaterartikel", "hauptartikel", "parent_ref",
    "variation_of", "is_variant_of", "variante_von", "parent_reference", "parent_product_number",
)  # fmt: skip
"""Of a variant, the column with the id of the product that it is one of."""
LANGUAGE_COLUMNS = (
    "locale", "language", "lang", "language_code", "store_language", "sprache", "langue",
    "language_id", "lang_code", "idioma",
)  # fmt: skip
MORE_IMAGES = (
    "additional_images", "additional_image_link", "additional_image_links", "additional_image_url",
    "additional_image_urls", "other_images", "other_image_urls", "more_images", "gallery",
    "gallery_images", "image_gallery", "galleries", "extra_images", "images", "image_urls",
    "pictures", "photos", "bilder", "weitere_bilder", "zusatzbilder", "secondary_images",
    "secondary_image_url", "product_secondary_image_url", "additional_pictures",
)  # fmt: skip
"""Columns with further pictures, beside that of the first."""
LINKS = (
    "related", "related_products", "related_skus", "related_ids", "upsells", "upsell_skus",
    "crosssells", "crosssell_skus", "accessories", "similar", "similar_products", "substitutes",
    "alternatives", "zubehoer", "linked_products", "bought_together", "recommendations",
)  # fmt: skip
"""Columns with ids of other products."""
UNITS = ("unit", "uom", "unit_of_measure", "einheit")
ROW_NUMBERS = ("unnamed_0", "index", "row", "row_number", "row_no", "line", "rownum", "lfd_nr")
OF_ONE_KIND = frozenset(
    (
        "feature", "features", "bullet", "bulletpoint", "bulletpoints", "keyword", "keywords",
        "tag", "tags", "highlight", "highlights", "keyfeature", "productfeature", "usp",
        "sellingpoint", "featurebullet", "searchterm", "merkmal", "color", "colour", "material",
        "farbe", "ingredient",
    )
)  # fmt: skip
"""Squashed names of which numbered columns each hold one of several values."""
_TAGS = (
    "ar|bg|ca|cs|da|de|el|en|es|et|fi|fr|he|hr|hu|it|ja|ko|lt|lv|nb|nl|no|pl|pt|ro|ru|sk|sl|sr|sv|"
    "th|tr|uk|vi|zh"
)
_IN_A_LANGUAGE = re.compile(
    rf"(.+?)(?:[-_:@.]|\s*[\[(]|\s+)({_TAGS})(?:[-_][a-z]{{2,4}})?[\])]?", re.IGNORECASE | re.DOTALL
)
_LEVEL_BEHIND = re.compile(
    r"(?:product|produkt|main|google)?(?:category|kategorie|categorie|categoria|kategoria|cat|"
    r"warengruppe)(?:name)?(?:level|lvl|l|ebene|niveau|nivel|livello)?(\d)(?:name)?"
)
_LEVEL_BEFORE = re.compile(
    r"(?:level|lvl|l|ebene)(\d)(?:category|kategorie|categorie|cat)(?:name)?"
)
"""Squashed names of columns that hold a level of a category each."""
_NUMBERED = re.compile(r"(.*?)[\s_.#-]*(\d{1,2})", re.DOTALL)
_TEXT = ".value"
"""Behind the path of an element of XML: its text, beside attributes."""
_MANY = 4
"""Names that must begin alike, so that this says nothing of them."""
LONGEST_NAME = 200
"""Characters: what guesses by names begins anew at each of many blanks, numbers or words."""


def _matched(pattern: re.Pattern[str], name: str) -> re.Match[str] | None:
    """All of a name, if it is no longer than names are."""
    return pattern.fullmatch(name) if len(name) <= LONGEST_NAME else None


class InLanguages(NamedTuple):
    """Columns of which each says in one language what the others say in theirs.

    Attributes:
        languages: tags, English first, the others as they come.
        bases: names without the language, in order.
        columns: those that belong to each base.
    """

    languages: list[str]
    bases: list[str]
    columns: dict[str, list[str]]

    @staticmethod
    def tag(name: str) -> str | None:
        """The language behind the name of a column."""
        found = _matched(_IN_A_LANGUAGE, name)
        return found[2].lower() if found else None


def squashed(name: str) -> str:
    """A name as the usual ones are compared: its letters and digits alone, `productId` too."""
    return re.sub(r"[\W_]+", "", name).lower()


def _squashed_names(names: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(map(squashed, usual)) for key, usual in names.items()}


_SURE_SQUASHED = _squashed_names(_SURE)
_NAMES_SQUASHED = _squashed_names(
    {key: (*_NAMES[key], *NAMES_ABROAD.get(key, ())) for key in _NAMES}
)


def guess_columns(names: Sequence[str], *, sure: bool = True) -> dict[str, str]:
    """Which columns are id, title, image and category, where the names tell it.

    A `group` is what may be the category where nothing is called so.

    Args:
        sure: by the usual names only; otherwise also by those that a person should look at.
    """
    guess: dict[str, str | None] = {}
    for key, usual in (_SURE_SQUASHED if sure else _NAMES_SQUASHED).items():
        known = _exact(names) if sure else _loose(names, inside=key == "id")
        guess[key] = next((known[name] for name in usual if name in known), None)
    return {key: column for key, column in guess.items() if column}


def guess_deep(names: Sequence[str]) -> dict[str, str]:
    """Title and category where they lie within other objects, by names that mean nothing else."""
    last = {squashed(name.rpartition(".")[2]): name for name in sorted(names, key=_depth)[::-1]}
    return {
        key: column
        for key, usual in _DEEP.items()
        if (column := next((last[name] for name in usual if name in last), None)) is not None
    }


def _depth(name: str) -> int:
    return name.count(".")


def called_ids(names: Sequence[str]) -> list[str]:
    """Columns that are called as an id is, the likeliest first."""
    return _known(names, _NAMES_SQUASHED["id"], inside=True)


def called(names: Sequence[str], usual: Iterable[str]) -> str | None:
    """The first column that is called so."""
    return next(iter(_known(names, tuple(map(squashed, usual)))), None)


def is_called_image(name: str) -> bool:
    """Whether a column, numbered or not, is called as one with a picture is."""
    return squashed(stem(name)) in _NAMES_SQUASHED["image"]


def _known(names: Sequence[str], usual: Iterable[str], *, inside: bool = False) -> list[str]:
    known = _loose(names, inside=inside)
    return list(dict.fromkeys(known[name] for name in usual if name in known))


def _exact(names: Sequence[str]) -> dict[str, str]:
    """Names by how they are compared; the text of an element counts as the element."""
    found = {squashed(name): name for name in reversed(names)}
    for name in names:
        if name.endswith(_TEXT):
            found.setdefault(squashed(name.removesuffix(_TEXT)), name)
    return found


def _bracketed(name: str) -> tuple[str, str] | None:
    """What stands before the brackets at the end of a name, and in them."""
    place = max(name.rfind("("), name.rfind("["))
    return (name[:place], name[place + 1 : -1]) if place > 0 and name[-1:] in (")", "]") else None


def _common_prefix(names: Sequence[str]) -> str:
    """What all of several names begin with."""
    if len(names) < _MANY:
        return ""
    first, last = min(names), max(names)
    differ = (
        place for place, pair in enumerate(zip(first, last, strict=False)) if len(set(pair)) > 1
    )
    return first[: next(differ, min(len(first), len(last)))]


def _loose(names: Sequence[str], *, inside: bool = False) -> dict[str, str]:
    """Names by all of what they may be called: without what all begin with, without brackets.

    `OXTITLE` among columns that all begin so is a title, `Product ID [Non Editable]` and
    `Custom label (SKU)` are ids, the last by what stands in its brackets.

    Args:
        inside: what stands in brackets may be the name.
    """
    found = _exact(names)
    parted = [(name, parts) for name in names if (parts := _bracketed(name)) is not None]
    for name, (before, _) in parted:
        found.setdefault(squashed(before), name)
    for name, (_, within) in parted if inside else ():
        found.setdefault(squashed(within), name)
    if len(prefix := _common_prefix(names)) > 1:
        for name in names:
            found.setdefault(squashed(name[len(prefix) :]), name)
    found.pop("", None)
    return found


def in_languages(names: Sequence[str]) -> InLanguages | None:
    """Columns that say the same in several languages, such as `name_en` and `name_de`.

    One alone counts where it is called as a title is.
    """
    tags: dict[str, dict[str, str]] = {}
    for name in names:
        if (found := _matched(_IN_A_LANGUAGE, name)) is not None:
            tags.setdefault(found[1], {})[name] = found[2].lower()
    titles = _NAMES_SQUASHED["title"]
    kept = {
        base: columns
        for base, columns in tags.items()
        if len(set(columns.values())) > 1 or squashed(base) in titles
    }
    if not any(squashed(base) in titles for base in kept) and not any(
        len(columns) > 1 for columns in kept.values()
    ):
        return None
    languages = list(dict.fromkeys(tag for found in kept.values() for tag in found.values()))
    languages.sort(key=lambda tag: tag != "en")
    return InLanguages(languages, list(kept), {base: list(found) for base, found in kept.items()})


def levels_of_category(names: Sequence[str]) -> list[str]:
    """Columns that seem to hold a level of the category each, from the top; none, or several."""
    found: dict[int, str] = {}
    for name in names:
        short = squashed(name) if len(name) <= LONGEST_NAME else ""
        if level := _LEVEL_BEHIND.fullmatch(short) or _LEVEL_BEFORE.fullmatch(short):
            found.setdefault(int(level[1]), name)
    numbers = sorted(found)
    follow = len(numbers) > 1 and numbers[0] < 2 and numbers[-1] - numbers[0] < len(numbers)
    return [found[number] for number in numbers] if follow else []


def stem(name: str) -> str:
    """A name without the number behind it."""
    found = _matched(_NUMBERED, name)
    return found[1] if found else name


def numbered(names: Sequence[str]) -> dict[str, list[str]]:
    """Columns that differ in the number behind their name alone, in that order, by their stem.

    One without a number comes first. A number that stands alone is no group.
    """
    groups: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        if (found := _matched(_NUMBERED, name)) is not None and found[1]:
            groups.setdefault(found[1], []).append((int(found[2]), name))
    for name in names:
        if name in groups:
            groups[name].append((-1, name))
    return {
        name: [column for _, column in sorted(found)]
        for name, found in groups.items()
        if len(found) > 1
    }
