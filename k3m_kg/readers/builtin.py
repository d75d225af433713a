"""The built-in catalog formats, registered as any plugin's are."""

from __future__ import annotations

from k3m_kg.config import Settings
from k3m_kg.plugin.hookspecs import ReaderPlugin, hookimpl
from k3m_kg.plugin.made import made_by
from k3m_kg.readers.settings import (
    JSONDocumentSettings,
    RdfSettings,
    WorkbookSettings,
)


def _reader(
    name: str,
    summary: str,
    worker: str,
    config: type[Settings] = Settings,
    *,
    native: bool = False,
    takes_mapping: bool = True,
    changes: str | None = None,
) -> ReaderPlugin:
    return ReaderPlugin(
        name,
        summary,
        config,
        made_by(worker),
        worker,
        native=native,
        takes_mapping=takes_mapping,
        changes=made_by(changes) if changes is not None else None,
    )


@hookimpl
def k3m_kg_readers() -> list[ReaderPlugin]:
    """The formats that need no further package."""
    return [
        _reader(
            "k3m-tsv",
            "the K3M authors' format: id, title, image URL, p#:#v#;#p#:#v, category",
            "k3m_kg.readers.k3m_tsv:K3MTSVReader",
            takes_mapping=False,
        ),
        _reader(
            "csv",
            "CSV or TSV with a header, described by a mapping file",
            "k3m_kg.readers.csv.delimited:DelimitedReader",
            changes="k3m_kg.readers.csv.changes:DelimitedChanges",
        ),
        _reader(
            "jsonl",
            "JSON Lines with nested attributes, by a mapping file or the usual names",
            "k3m_kg.readers.json.jsonl:JSONLinesReader",
        ),
        _reader(
            "json",
            "a JSON document: an array of products, or an object around one; read as jsonl is",
            "k3m_kg.readers.json.document:JSONDocumentReader",
            JSONDocumentSettings,
        ),
        _reader(
            "workbook",
            "a sheet of Excel (xlsx, xlsm, xlsb, xls) or OpenDocument (ods); read as csv is",
            "k3m_kg.readers.workbook:WorkbookReader",
            WorkbookSettings,
            native=True,
        ),
        _reader(
            "parquet",
            "Parquet, Arrow and Feather: a row a product, or a row a triple",
            "k3m_kg.readers.columnar.parquet:ParquetReader",
            native=True,
        ),
        _reader(
            "rdf",
            "N-Triples, N-Quads, Turtle, TriG, RDF/XML, JSON-LD; schema.org understood",
            "k3m_kg.readers.rdf.reader:RdfReader",
            RdfSettings,
            native=True,
        ),
        _reader(
            "xml",
            "any XML document by a mapping file with paths of elements; read as jsonl is",
            "k3m_kg.readers.xml.documents:XmlDocumentReader",
            native=True,
        ),
    ]
