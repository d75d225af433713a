"""Inputs for readers that nobody would write: real files, mutated, and random bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyoxigraph as ox

EXPORTS = Path(__file__).parent.parent.parent / "examples" / "exports"
_TURTLE = """
@prefix s: <https://schema.org/> . @prefix k3m: <https://k3m-kg.org/ns#> .
@prefix product: <https://k3m-kg.org/product/> . @prefix property: <https://k3m-kg.org/property/> .
@prefix value: <https://k3m-kg.org/value/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
product:A a s:Product ; k3m:id "A" ; s:name "red mug"@en ; s:category "mugs" ;
    s:image "b.jpg", "a.jpg" ; k3m:images ( "a.jpg" "b.jpg" ) ; property:colour "red", "rot" ;
    property:part%20of product:B ; s:brand [ a s:Brand ; s:name "Acme" ] ;
    s:additionalProperty [ s:name "size" ; s:value 9.5 ; s:unitText "cm" ] .
product:B a s:Product ; s:name "Geschirr \\u00e9" ;
    s:offers [ s:price 5 ; s:seller [ s:name "X" ] ] .
value:mugs rdfs:label "mugs" ; property:kind%20of "tableware" .
property:part%20of rdfs:label "part of" .
"""
_JSONL = (
    '{"id": 1, "title": "mug", "images": ["a.jpg"], "size": {"w": 9.50, "h": null}, '
    '"attributes": [{"name": "colour", "value": ["red", "blue"]}], "ok": true}\n'
    '{"id": "2", "title": "lamp \\u00e9", "category": "lamps", "x": [{"y": [1, {"z": ""}]}]}\n'
)
_JSON = (
    '{"count": 2, "skip": [[{"x": "}"}], "a\\"]"], "products": [\n'
    + ",\n".join(_JSONL.splitlines())
    + "\n], "
    '"after": {"x": null}}'
)
_CSV = (
    'id,name,colour,pics,related\n1,"red, mug","a|b",x.jpg,2\n2,"two\nlines",NA,,"1,3"\n3,é,x,,\n'
)
_MAPPING = (
    "id: id\ntitle: name\nimage: [pics, 'img/{id}.jpg']\nlinks: {related: related to}\n"
    "separators: {colour: '|', related: ','}\nmissing: [NA]\n"
)
_SHEET_MAPPING = "id: sku\ntitle: name\n"
_RICH_CSV = (
    "sku,parent,name,name-en,cat,details,facts,html,o1n,o1v,o2n,o2v,pics,images,up\n"
    'A,,"Tee, \\"x\\"",Tee,A > B > C|D,"{""Brand"": ""Acme"", ""s"": [1.50, null]}",'
    '"w: 1; x",<p>a&amp;b</p>,Size,S|M,Color,Red,a.jpg|b.jpg,1,\n'
    "A,A,,,,\"{'k': u'v', 'd': (1, 2)}\",,,,L,,Blue,,2,B\nA-1,A,Tee L,,,[],,,,,,,,,1.2E+12\n"
    '="007",,Cup,,"D",,,,,,,,,"",\n'
)
_RICH = (
    "id: [sku, parent]\ntitle: [name, up]\ncategory: cat\n"
    "category_levels: {between: '>', keep: 2, names: [top]}\nimage: [pics, '{sku}.jpg']\n"
    "pairs: [{name: 'o{n}n', value: 'o{n}v'}]\nescape: '\\'\nlanguages: [en, de]\n"
    "cells: {details: json, facts: {between: ';', after_name: ':'}, html: html}\n"
    "unprefixed: [details]\nleave_out: ['im*']\nlinks: {up: part of}\n"
    "separators: {cat: '|', pics: '|', 'o*v': {between: '|', escape: '\\', quote: '\"'}}\n"
    "optional: ['*']\n"
)
_CONTINUED = _RICH + "rows: continue\nvariants: {id: images, own: ['o*', html]}\n"
_PARENTED = _RICH.replace("[sku, parent]", "sku") + "variants: {parent: parent}\n"
_RICH_JSONL = (
    '{"sku": "A", "name": [{"language_tag": "en_US", "value": "Mug"}, {"locale": null, "data": 1}],'
    ' "specs": [{"n": "w", "v": {"x": 1.50}, "u": "kg"}, {"n": null, "v": 2}], "cat": ["A", "B"]}\n'
    '{"sku": 2, "attributes": [{"id": 1, "name": "c", "options": ["a", "b"]}], "w": [{"value": 1, '
    '"unit": "g"}], "details": {"a.b": {"c": "[1, {\'x\': None}]"}}, "name": {"en": "x"}}\n'
)
_RICH_PATHS = (
    "id: sku\ntitle: name\ncategory: cat\ncategory_levels: {names: [top]}\n"
    "pairs: [{within: specs, name: n, value: v, unit: u}]\nunprefixed: [details]\n"
    "cells: {'details.*': json}\nlanguages: [de, en]\noptional: ['*']\n"
)
_JSONS = (
    '{"data": {"items": [{"id": 1, "title": "Tee", "options": [{"name": "Size", "values": ["S"]}], '
    '"variants": [{"sku": "T-S", "option1": "S", "title": "S"}, {"sku": "1"}]}]}, "f": [{"x": 1}]}',
    '{"A": {"name_en": "Mug", "name_de": "Becher", "d": "<p>x &amp; y</p>"}, '
    '"B": {"name_en": "C"}}',
    '{"page": 1, "items": [{"node": {"id": {"$oid": "a"}, "name": "Mug"}}]}\n{"items": []}\n',
    '{"id": 1,\n "name": "Mug"}\n{"id": 2, "name": "Cup", "pics": "a.jpg|b.jpg"}\n',
)
_JSON_API = (
    '{"data": [{"type": "p", "id": "1", "attributes": {"name": "Mug"}, "relationships": {"brand": '
    '{"data": {"type": "b", "id": "1"}}, "media": {"data": [{"type": "image", "id": "i"}]}}}], '
    '"included": [{"type": "b", "id": "1", "attributes": {"name": "A", "value": "\\u00e9"}, '
    '"relationships": {"parent": {"data": {"type": "b", "id": "1"}}}}, '
    '{"type": "image", "id": "i", "attributes": {"styles": [{"url": "a.jpg"}]}}]}\n',
    '{"data": {"type": "p", "id": "1", "attributes": {"name": "Mug"}, "relationships": {"group": '
    '{"data": {"type": "g", "id": "1"}}}}, "included": {"g": [{"type": "g", "id": "1"}], "h": 1}}',
)
_MAGENTO = (
    "sku,name,categories,description,base_image,additional_images,additional_attributes,"
    "configurable_variations,related_skus,store_view_code\n"
    'P,Hoodie,"D/Men/Tops,D/New","<p>Two &amp; <b>warm</b>.</p><script>x</script>",/a.jpg,'
    '"/b.jpg,/c.jpg","size=S,material=Wool|Cotton,note=""a, b""","sku=V,size=S|sku=W",V,\n'
    "V,Hoodie S,D/Men,,no_selection,,size=S,,,\nV,Pulli,,,,,,,,de\n"
)
_PAIRS = (
    "COL title VAL red mug COL maker VAL acme\tCOL title VAL mug é COL price VAL \t1\n"
    "COL title VAL lamp COL maker VAL  COL price VAL 3\tCOL title VAL mug é COL price VAL \t0\n"
)
_TSV = "1\tred mug\ta.jpg\tcolour#:#red#;#size#:#L#;#size#:#M\tmugs\n2\tlamp\t\tfits#:#E27\tlamps\n"


def _triples() -> list[ox.Triple]:
    quads = ox.parse(input=_TURTLE, format=ox.RdfFormat.TURTLE)
    return [ox.Triple(quad.subject, quad.predicate, quad.object) for quad in quads]


def _rdf(format: ox.RdfFormat) -> bytes:
    return ox.serialize(_triples(), format=format) or b""


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _arrow(table: pa.Table, stream: bool) -> bytes:
    sink = io.BytesIO()
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _wide() -> pa.Table:
    return pa.table(
        {
            "id": [1, 2, 3],
            "title": ["mug", None, "é"],
            "sizes": [["S", None], [], None],
            "colour": pa.array(["red", "blue", "red"]).dictionary_encode(),
            "price": [1.5, float("nan"), 2.0],
        }
    )


def _tree() -> pa.Table:
    return pa.table({"id": ["1", "2"], "size": [{"w": 1, "h": "x"}, None]})


def _long() -> pa.Table:
    rows = {
        "head": ["1", "1", "2"], "property": ["a", "title", "a"], "value": ["x", "mug", None],
    }  # fmt: skip
    return pa.table(rows)


@dataclass(frozen=True)
class Target:
    """A format under attack.

    Attributes:
        reader: the name of its reader.
        suffix: of the file that inputs are written to.
        seeds: good files.
        mapping: the text of a mapping file, if it takes one.
        real: a real file below the folder of catalogs, of which the first lines are a seed.
    """

    reader: str
    suffix: str
    seeds: Callable[[], list[bytes]]
    mapping: str | None = None
    real: str | None = None


TARGETS = {
    "k3m-tsv": Target("k3m-tsv", ".tsv", lambda: [_TSV.encode()], None, "taobao-sample/train.tsv"),
    "csv": Target("csv", ".csv", lambda: [_CSV.encode()], _MAPPING, "fashion/styles.csv"),
    "jsonl": Target("jsonl", ".jsonl", lambda: [_JSONL.encode()]),
    "parquet": Target(
        "parquet", ".parquet", lambda: [_parquet(t) for t in (_wide(), _tree(), _long())]
    ),
    "arrow": Target(
        "parquet", ".arrow",
        lambda: [_arrow(t, how) for t in (_wide(), _tree(), _long()) for how in (True, False)],
    ),
    "magento": Target(
        "magento", ".csv", lambda: [_MAGENTO.encode()], None, "magento-luma/products.csv"
    ),
    "n-triples": Target("rdf", ".nt", lambda: [_rdf(ox.RdfFormat.N_TRIPLES)]),
    "n-quads": Target("rdf", ".nq", lambda: [_rdf(ox.RdfFormat.N_QUADS)]),
    "turtle": Target("rdf", ".ttl", lambda: [_TURTLE.encode()]),
    "trig": Target("rdf", ".trig", lambda: [_TURTLE.encode(), b"<a:g> {" + b"<a:b> <a:c> 1 }"]),
    "rdf-xml": Target("rdf", ".rdf", lambda: [_rdf(ox.RdfFormat.RDF_XML)]),
    "json-ld": Target("rdf", ".jsonld", lambda: [_rdf(ox.RdfFormat.JSON_LD)]),
}  # fmt: skip


def _zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("folder/catalog.csv", content)
    return packed.getvalue()


def _export(reader: str, *names: str) -> Target:
    """A connector, on the exports in `examples/`."""

    def good() -> list[bytes]:
        return [(EXPORTS / name).read_bytes() for name in names]

    return Target(reader, Path(names[0]).suffix, good)


CONNECTORS = {
    "json": Target("json", ".json", lambda: [_JSON.encode(), *map(str.encode, _JSONS)]),
    "json-api": Target("json", ".json", lambda: [*map(str.encode, _JSON_API)]),
    "workbook": Target(
        "workbook", ".xlsx", lambda: [(EXPORTS / "workbook.xlsx").read_bytes()], _SHEET_MAPPING
    ),
    "shopify": _export("shopify", "shopify.csv", "shopify-2024.csv"),
    "bmecat": _export("bmecat", "bmecat.xml", "bmecat-2005.xml"),
    "icecat": _export("icecat", "icecat.xml"),
    "akeneo": _export("akeneo", "akeneo-products.csv", "akeneo-models.csv", "akeneo-families.csv"),
    "salsify-csv": _export("salsify", "salsify.csv"),
    "salsify-json": _export("salsify", "salsify.json"),
    "impex": _export("impex", "products.impex"),
    "openfoodfacts-csv": _export("openfoodfacts", "openfoodfacts.csv"),
    "openfoodfacts-lines": _export("openfoodfacts", "openfoodfacts.jsonl"),
    "amazon": _export("amazon", "amazon.txt"),
    "prestashop": _export("prestashop", "prestashop-products.csv", "prestashop-combinations.csv"),
    "woocommerce": _export("woocommerce", "woocommerce.csv"),
    "google-tsv": _export("google-merchant", "google-merchant.tsv"),
    "bigcommerce": _export("bigcommerce", "bigcommerce.csv", "bigcommerce-legacy.csv"),
    "magento1": _export("magento1", "magento1.csv"),
    "record-pairs": Target("record-pairs", ".txt", lambda: [_PAIRS.encode()]),
    "amazon-berkeley": _export("amazon-berkeley", "amazon-berkeley.jsonl"),
    "google-xml": _export("google-merchant", "google-merchant-rss.xml", "google-merchant-atom.xml"),
}
"""They share what reads rows, elements, lines and trees: each gets a part of the inputs."""

MAPPED = {
    "csv-continued": Target("csv", ".csv", lambda: [_RICH_CSV.encode()], _CONTINUED),
    "csv-parented": Target("csv", ".csv", lambda: [_RICH_CSV.encode()], _PARENTED),
    "csv-utf16": Target("csv", ".csv", lambda: [_CSV.encode("utf-16")], _MAPPING),
    "jsonl-paths": Target("jsonl", ".jsonl", lambda: [_RICH_JSONL.encode()], _RICH_PATHS),
    "xml": Target(
        "xml", ".xml", lambda: [(EXPORTS / "offers.xml").read_bytes()],
        (EXPORTS / "offers.yaml").read_text(),
    ),
    "json-variants": Target(
        "json", ".json", lambda: [_JSONS[0].encode()],
        "id: id\nvariants: {within: variants, id: sku}\noptional: ['*']\n",
    ),
    "xml-guessed": Target("xml", ".xml", lambda: [(EXPORTS / "offers.xml").read_bytes()]),
    "turtle-mapped": Target(
        "rdf", ".ttl", lambda: [(EXPORTS / "gs1.ttl").read_bytes()],
        (EXPORTS / "gs1.yaml").read_text(),
    ),
    "n-triples-mapped": Target(
        "rdf", ".nt", lambda: [_rdf(ox.RdfFormat.N_TRIPLES)],
        "classes: [Product]\ntitle: name\ncategory: category\nimage: image\noptional: ['*']\n"
        "languages: [de]\nlinks: {'part of': part of}\n",
    ),
    **{
        f"csv-{kind}": Target("csv", ".csv", lambda pack=pack: [pack(_CSV.encode())], _MAPPING)
        for kind, pack in (("bzip2", bz2.compress), ("xz", lzma.compress), ("zip", _zipped))
    },
}  # fmt: skip
"""Mappings that say more than what a column means."""


_TOKENS = [
    b"\0", b"\xff", b"\n", b"\r", b"\t", b'"', b"'", b",", b"|", b"<", b">", b"{", b"}", b"[", b"]",
    b"\\", b"\\u0000", b"\\ud800", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"&#0;", b"&amp;", b"#:#",
    b"#;#", b"_:b", b"@prefix", b"=", b":", b"/", b"%00", b"%", b" ", b"\xe2\x80\xa8", b"\x1c",
    b"9" * 400, b"[" * 300, b"1e999", b"NaN", b"null", b"true", b"\xff\xff\xff\xff", b"\x80\0\0\0",
    b"https://schema.org/Product", b"<!ENTITY", b"-1", b"\x7f\xff\xff\xff",
]  # fmt: skip


def seeds(target: Target, data: Path | None) -> list[bytes]:
    """Good files of a format, the beginning of a real one included where there is one."""
    found = target.seeds()
    if data is not None and target.real is not None and (data / target.real).is_file():
        lines = (data / target.real).read_bytes().splitlines(keepends=True)
        found.append(b"".join(lines[:12])[:8000])
    return found


def inputs(name: str, good: list[bytes], count: int, start: int = 0) -> Iterator[bytes]:
    """`count` inputs, the same ones for the same name, seeds and start."""
    for number in range(start, start + count):
        generator = random.Random(f"{name} {number}")
        content = _one(generator, good)
        if generator.random() < 0.04:
            content = gzip.compress(content, 1)
            if generator.random() < 0.7:
                content = _mutated(generator, content, [content])
        yield content


def _one(generator: random.Random, good: list[bytes]) -> bytes:
    if generator.random() < 0.1:
        length = generator.choice((0, 1, 7, 60, 400))
        start = generator.choice((b"", b"", generator.choice(good)[:8]))
        return start + generator.randbytes(length)
    return _mutated(generator, generator.choice(good), good)


def _mutated(generator: random.Random, content: bytes, good: list[bytes]) -> bytes:
    data = bytearray(content)
    for _ in range(generator.choice((1, 1, 1, 2, 3, 5, 12))):
        place = generator.randrange(len(data) + 1)
        length = generator.choice((1, 1, 2, 4, 8, 50))
        kind = generator.randrange(8)
        if kind == 0:
            data[place : place + length] = generator.randbytes(length)
        elif kind == 1:
            del data[place : place + length]
        elif kind == 2:
            data[place:place] = generator.choice(_TOKENS)
        elif kind == 3:
            data[place : place + length] = generator.choice(_TOKENS)
        elif kind == 4:
            data[place:place] = data[place : place + length] * generator.choice((1, 2, 40))
        elif kind == 5 and place < len(data):
            data[place] ^= 1 << generator.randrange(8)
        elif kind == 6:
            other = generator.choice(good)
            cut = generator.randrange(len(other) + 1)
            data[place : place + length] = other[cut : cut + 8 * length]
        elif kind == 7 and generator.random() < 0.3:
            del data[place:]
    return bytes(data)
