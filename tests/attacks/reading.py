"""What the worker does in `test_rdf`: reads one attack after the other, as an ingest would."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from k3m_kg.errors import K3MError
from k3m_kg.readers.rdf.groups import Grouper
from k3m_kg.readers.rdf.records import Records
from k3m_kg.readers.rdf.syntax import document_runs, line_runs
from k3m_kg.workers.inside import Answer

from .rdf_inputs import attack


def read_attacks(answer: Answer, *, first: int, count: int) -> None:
    """Answers ("begun", number) and ("done", records, or the error's text) for each."""
    path = Path("attack")
    for number in range(first, first + count):
        answer.send("begun", number)
        answer.renew()
        form, content = attack(number)
        file = BytesIO(content)
        runs = line_runs(file, form) if form in ("nt", "nq") else document_runs(file, form, path)
        records = Records()
        try:
            found = sum(1 for part in Grouper(path).parts(runs) for _ in records.of(part))
            answer.send("done", found)
        except K3MError as error:
            answer.send("done", str(error))
