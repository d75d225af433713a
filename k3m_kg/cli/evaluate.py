"""`k3m-kg evaluate`: what a trained model is worth on a snapshot."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.console import JsonFlag, print_json, progress_bar
from k3m_kg.cli.using import (
    ArtifactArgument,
    BatchSizeOption,
    DeviceOption,
    SnapshotOption,
    Stages,
    one_of,
    open_with_progress,
)

if TYPE_CHECKING:
    from k3m_kg.use.open_model import OpenModel

_LEAKS = {
    "title": "in the title",
    "duplicates": "by a duplicate in train",
    "determined": "by another triple",
    "any": "by any of these",
}
_LINKS, _CLASSES = "link-prediction", "classification"


def evaluate(
    artifact: ArtifactArgument,
    task: Annotated[str, typer.Option(help=f"{_LINKS} or {_CLASSES}.", metavar="TASK")] = _LINKS,
    snapshot: SnapshotOption = None,
    split: Annotated[
        str,
        typer.Option(
            metavar="SPLIT",
            help="test or validation: products unseen in training (validation: and triples held "
            "out for it); train: triples held out for test.",
        ),
    ] = "test",
    properties: Annotated[
        list[str] | None,
        typer.Option(
            "--property", metavar="P", help="Ask this property; repeatable. [default: all]"
        ),
    ] = None,
    hide: Annotated[
        list[str] | None,
        typer.Option(
            metavar="P", help="Never show this property; '' hides none. [default: as in training]"
        ),
    ] = None,
    cut_title: Annotated[
        bool | None,
        typer.Option(
            "--cut-title/--keep-title",
            help="Cut the asked value's words out of the title. [default: as in training]",
        ),
    ] = None,
    leakage: Annotated[
        bool,
        typer.Option(
            "--leakage/--no-leakage",
            help="Also report what is left without the answers that are given away.",
        ),
    ] = True,
    target: Annotated[
        str | None,
        typer.Option(metavar="P", help="What to classify by: a property, or category."),
    ] = None,
    mode: Annotated[
        str, typer.Option(metavar="MODE", help="Classify by probe or by finetune.")
    ] = "probe",
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="Fit probabilities on validation, keep them in the artifact, check them on SPLIT.",
        ),
    ] = False,
    diagram: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --calibrate: the reliability diagram, a PNG. [default: in the artifact]",
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Of fine-tuning, at most.")] = 6,
    batch_size: BatchSizeOption = 256,
    device: DeviceOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Measure an artifact: link prediction per property, or classification.

    Link prediction asks for the triples of products one by one, each hidden from the graph, and
    ranks the values that the property takes in training (filtered, realistic ranks). An answer is
    given away where the title spells it, where a product of train has the same title or picture,
    and where it follows from another triple (in more than 99 % of the train products).
    """
    from k3m_kg.errors import UsageError

    one_of("task", task, (_LINKS, _CLASSES), "--task")
    one_of("mode", mode, ("probe", "finetune"), "--mode")
    splits = ("validation", "test") if task == _CLASSES else ("train", "validation", "test")
    one_of("split", split, splits, "--split")
    if task == _CLASSES and target is None:
        raise UsageError(
            "classification needs a target", hint="add --target PROPERTY or --target category"
        )
    if task == _CLASSES and properties:
        raise UsageError("--property is for link prediction", hint="name it by --target")
    if task == _LINKS and target is not None:
        raise UsageError("--target is for classification", hint="name it by --property")
    if task == _CLASSES and calibrate:
        raise UsageError("--calibrate is for link prediction")
    if diagram is not None and not calibrate:
        raise UsageError("--diagram is for --calibrate")
    with progress_bar(disable=as_json) as bar:
        stages = Stages(bar)
        opened = open_with_progress(artifact, snapshot, device, stages, ranks=task == _LINKS)
        settings = opened.trained.validation
        options: dict[str, Any] = {
            "split": split,
            "hide": settings.hide if hide is None else tuple(filter(None, hide)),
            "batch_size": batch_size,
        }
        if task == _LINKS:
            options["cut_title"] = settings.cut_title if cut_title is None else cut_title
            options["leakage"] = leakage
            report = _link_prediction(opened, properties or [], options, stages)
            if calibrate:
                report["calibration"] = _calibration(opened, split, diagram, batch_size, stages)
        else:
            assert target is not None
            report = _classification(opened, target, mode, cut_title, epochs, options, stages)
    report["snapshot"] = opened.snapshot.id
    report["sees"] = list(opened.trained.sees)
    if as_json:
        print_json(report)
    elif task == _LINKS:
        _print_links(report)
        if leakage:
            _print_leakage(report["leakage"])
        if calibrate:
            _print_calibration(report["calibration"])
    else:
        _print_classes(report)


def _link_prediction(
    opened: OpenModel, properties: list[str], options: dict[str, Any], stages: Stages
) -> dict[str, Any]:
    from k3m_kg.batches.split_questions import questions_of
    from k3m_kg.evaluation.link_prediction import evaluate_link_prediction

    questions, _, _ = questions_of(opened.batcher, options["split"], properties)
    return evaluate_link_prediction(
        opened.predictor,
        opened.batcher,
        properties=properties,
        progress=lambda count: stages.more("ask", count, len(questions)),
        **options,
    )


def _calibration(
    opened: OpenModel, split: str, diagram: Path | None, batch_size: int, stages: Stages
) -> dict[str, Any]:
    from k3m_kg.evaluation.reliability import calibrate_and_check

    return calibrate_and_check(
        opened,
        split,
        diagram=diagram,
        batch_size=batch_size,
        progress=lambda count: stages.more("calibrate", count),
    )


def _classification(
    opened: OpenModel,
    target: str,
    mode: str,
    cut_title: bool | None,
    epochs: int,
    options: dict[str, Any],
    stages: Stages,
) -> dict[str, Any]:
    from k3m_kg.errors import UsageError
    from k3m_kg.evaluation.classification import (
        CATEGORY,
        FinetuneSettings,
        evaluate_classification,
    )

    if not opened.trained.sees:
        raise UsageError(
            "this model looks products up and has nothing to say of those of test and validation",
            where="--task classification",
            hint="use a model of `k3m-kg pretrain`",
        )
    if cut_title is None:
        by_category = target == CATEGORY and CATEGORY not in opened.batcher.catalog.properties
        cut_title = opened.trained.validation.cut_title and not by_category
    return evaluate_classification(
        opened.predictor,
        opened.batcher,
        target,
        mode=mode,
        cut_title=cut_title,
        finetuning=FinetuneSettings(epochs=epochs, batch_size=opened.trained.batch_size),
        progress=lambda stage, count: stages.more(stage, count),
        **options,
    )


def _print_links(report: dict[str, Any]) -> None:
    metrics = report["metrics"]
    print(
        f"link prediction on {report['products']:,} {report['split']} products, "
        f"{metrics['questions']:,} questions ({metrics['unseen']:,} with an answer unseen in "
        f"training); {_title(report)}"
    )
    width = max(24, *(len(name) for name in report["per_property"]))
    print(
        f"{'property':{width}} {'asked':>7} {'values':>7} {'MRR':>7} {'Hits@1':>7} "
        f"{'Hits@3':>7} {'Hits@10':>7} {'majority Hits@1':>16}"
    )
    rows = [
        (name, row["questions"], row["candidates"], row, "")
        for name, row in report["per_property"].items()
    ]
    rows += [
        ("mean over properties", "", "", metrics, "macro_"),
        ("all questions", metrics["questions"], "", metrics, ""),
    ]
    for name, questions, values, row, prefix in rows:
        shown = " ".join(f"{row[prefix + key]:>7.4f}" for key in ("mrr", "hits@1", "hits@3"))
        print(
            f"{name:{width}} {questions:>7} {values:>7} {shown} {row[f'{prefix}hits@10']:>7.4f} "
            f"{row[f'majority_{prefix}hits@1']:>16.4f}"
        )


def _title(report: dict[str, Any]) -> str:
    if "title" not in report["sees"]:
        return "the model reads no title"
    return f"the asked value is {'cut out of' if report['cut_title'] else 'left in'} the title"


def _print_leakage(report: dict[str, Any]) -> None:
    print(
        f"\n{'answers given away':24} {'asked':>7} {'share':>7} {'MRR without':>12} {'Hits@1':>7}"
    )
    for kind, text in _LEAKS.items():
        row = report[kind]
        left = [row["without"][key] for key in ("mrr", "hits@1")]
        shown = [f"{value:.4f}" if math.isfinite(value) else "-" for value in left]
        print(f"{text:24} {row['questions']:>7} {row['share']:>7.1%} {shown[0]:>12} {shown[1]:>7}")


def _print_calibration(report: dict[str, Any]) -> None:
    for split, check in report["splits"].items():
        before, after = check["before"], check["after"]
        print(
            f"\ncalibration on {split}, {check['questions']:,} questions as completion asks them: "
            f"expected calibration error {before['ece']:.4f} before, {after['ece']:.4f} after"
        )
        print(f"{'precision wanted':>18} {'got':>8} {'coverage':>9}")
        for row in check["at_precision"]:
            got = "-" if row["precision"] is None else f"{row['precision']:.1%}"
            print(f"{row['wanted']:>18.0%} {got:>8} {row['coverage']:>9.1%}")
    print(f"\ntemperatures in {report['file']}, diagram in {report['diagram']}")


def _print_classes(report: dict[str, Any]) -> None:
    metrics = report["metrics"]
    print(
        f"classification by {report['target']} ({report['mode']}): {metrics['classes']:,} classes, "
        f"{metrics['products']:,} {report['split']} products; {_title(report)}"
    )
    for name in ("accuracy", "macro_f1", "majority"):
        print(f"{name:10} {metrics[name]:.4f}")
