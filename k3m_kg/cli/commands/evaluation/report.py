"""`k3m-kg report`: one page about a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    note,
    print_json,
    progress_bar,
    say,
)
from k3m_kg.cli.outputs import guard
from k3m_kg.cli.using import (
    ArtifactArgument,
    BatchSizeOption,
    DeviceOption,
    PrecisionOption,
    SnapshotOption,
    Stages,
    one_of,
    open_with_progress,
)


def report(
    artifact: ArtifactArgument,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page. [default: <artifact>.report.html]"),
    ] = None,
    snapshot: SnapshotOption = None,
    split: Annotated[
        str, typer.Option(metavar="SPLIT", help="Whose products: test or validation.")
    ] = "test",
    examples: Annotated[
        int, typer.Option(min=0, max=60, metavar="N", help="Products to show with proposals.")
    ] = 6,
    findings: Annotated[
        int, typer.Option(min=1, max=60, metavar="N", help="Findings to show of each kind.")
    ] = 6,
    db: DatabaseOption = DEFAULT_DATABASE,
    batch_size: BatchSizeOption = 256,
    device: DeviceOption = "auto",
    dtype: PrecisionOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Write one HTML page that says what a model is worth, and shows it at work.

    The verdict beside linear models; quality per property; what can be filled in at 90 and 95 %
    precision; calibration; proposals, disagreements and audit findings with their pictures; the
    training. The page needs nothing else: pictures are inside, and it asks nobody for anything.

    Its figures come from `evaluate` and `evaluate --calibrate`: verdicts and probabilities are kept
    in the artifact, as these commands keep them. Calibration counts what people decided in
    the graph (--db).
    """
    from k3m_kg.extras import require
    from k3m_kg.files import beside, write_text

    require("torch", "sklearn", "matplotlib")
    one_of("split", split, ("test", "validation"), "--split")
    path = beside(artifact.resolve(), ".report.html") if out is None else out
    guard("--out", path, artifact=artifact, snapshot=snapshot)
    from k3m_kg.report.findings import ReportSettings, find
    from k3m_kg.report.page import report_page

    with progress_bar(disable=as_json) as bar:
        stages = Stages(bar)
        opened = open_with_progress(artifact, snapshot, device, stages, precision=dtype)
        settings = ReportSettings(split, examples, findings, batch_size, db)
        found = find(opened, settings, stages.total)
        write_text(path, report_page(found))
    for line in found.notes:
        note(line)
    if as_json:
        verdicts = [r["verdict"] for r in (found.links, found.categories) if r and "verdict" in r]
        print_json({"report": str(path), "verdicts": verdicts, "notes": found.notes})
    else:
        say(str(path))
