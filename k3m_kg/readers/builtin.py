"""The built-in catalog formats, registered as any plugin's are."""

from __future__ import annotations

from k3m_kg.plugin.hookspecs import CatalogReader, ReaderPlugin, hookimpl


def _k3m_tsv() -> CatalogReader:
    from k3m_kg.readers.k3m_tsv import K3MTSVReader

    return K3MTSVReader()


def _csv() -> CatalogReader:
    from k3m_kg.readers.csv.delimited import DelimitedReader

    return DelimitedReader()


def _jsonl() -> CatalogReader:
    from k3m_kg.readers.jsonl import JSONLinesReader

    return JSONLinesReader()


def _parquet() -> CatalogReader:
    from k3m_kg.readers.columnar.parquet import ParquetReader

    return ParquetReader()


def _magento() -> CatalogReader:
    from k3m_kg.readers.magento import MagentoReader

    return MagentoReader()


def _rdf() -> CatalogReader:
    from k3m_kg.readers.rdf.reader import RdfReader

    return RdfReader()


@hookimpl
def k3m_kg_readers() -> list[ReaderPlugin]:
    """The formats that need no further package."""
    return [
        ReaderPlugin(
            name="k3m-tsv",
            summary="the K3M authors' format: id, title, image URL, p#:#v#;#p#:#v, category",
            factory=_k3m_tsv,
        ),
        ReaderPlugin(
            name="csv",
            summary="CSV or TSV with a header, described by a mapping file",
            factory=_csv,
        ),
        ReaderPlugin(
            name="jsonl",
            summary="JSON Lines with nested attributes, by a mapping file or the usual names",
            factory=_jsonl,
        ),
        ReaderPlugin(
            name="parquet",
            summary="Parquet, Arrow and Feather: a row a product, or a row a triple",
            factory=_parquet,
        ),
        ReaderPlugin(
            name="magento",
            summary="the Magento import CSV: attributes, variants as links, descriptions as text",
            factory=_magento,
        ),
        ReaderPlugin(
            name="rdf",
            summary="N-Triples, N-Quads, Turtle, TriG, RDF/XML, JSON-LD; schema.org understood",
            factory=_rdf,
        ),
    ]
