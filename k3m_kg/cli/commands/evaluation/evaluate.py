"""`k3m-kg evaluate`: what a trained model is worth on a snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    JsonFlag,
    error_text,
    note,
    print_json,
    progress_bar,
    say,
)
from k3m_kg.cli.outputs import guard, written_in
from k3m_kg.cli.using import (
    ArtifactArgument,
    DeviceOption,
    PrecisionOption,
    SnapshotOption,
    Stages,
    open_with_progress,
)
from k3m_kg.errors import K3MError, UsageError

if TYPE_CHECKING:
    from k3m_kg.config import Settings

_OPTIONS = {
    "properties": "--property",
    "hide": "--hide",
    "cut_title": "--cut-title",
    "leakage": "--leakage",
    "target": "--target",
    "mode": "--mode",
    "calibrate": "--calibrate",
    "diagram": "--diagram",
    "db": "--db",
    "epochs": "--epochs",
    "batch_size": "--batch-size",
    "baselines": "--baselines",
    "per_property": "--per-property",
    "hide_modalities": "--hide-modality",
}
"""The settings of a task that have an option of their own."""


def evaluate(
    artifact: ArtifactArgument,
    task: Annotated[
        str,
        typer.Option(
            metavar="TASK",
            help="link-prediction, classification, alignment, qa, retrieval, open-values or a "
            "plugin's: `k3m-kg plugins list --kind evaluation`.",
        ),
    ] = "link-prediction",
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
        bool | None,
        typer.Option(
            "--leakage/--no-leakage",
            help="Also report what is left without the answers that are given away. "
            "[default: leakage]",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="P", help="What to classify by: a property, or category."),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            metavar="MODE",
            help="How a task is done on the model: probe, finetune, ... [default: the task's]",
        ),
    ] = None,
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
    db: Annotated[
        str,
        typer.Option(
            "--db",
            envvar="K3M_KG_DB",
            metavar="URL",
            help="With --calibrate: the graph in which people decided what the model proposed.",
        ),
    ] = DEFAULT_DATABASE,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of fine-tuning, at most. [default: 6]")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            "--batch-size", min=1, metavar="N", help="Products in one forward pass. [default: 256]"
        ),
    ] = None,
    baselines: Annotated[
        bool | None,
        typer.Option(
            "--baselines/--no-baselines",
            help="Also ask linear models on the same inputs, and say who is ahead. "
            "[default: baselines]",
        ),
    ] = None,
    per_property: Annotated[
        bool, typer.Option("--per-property", help="Print the baselines of each property too.")
    ] = False,
    hide_title: Annotated[
        bool, typer.Option("--hide-title", help="Ask as if no product had a title.")
    ] = False,
    hide_image: Annotated[
        bool, typer.Option("--hide-image", help="Ask as if no product had a picture.")
    ] = False,
    hide_modalities: Annotated[
        list[str] | None,
        typer.Option(
            "--hide-modality",
            metavar="NAME",
            help="Ask as if no product had this modality, or triples; repeatable.",
        ),
    ] = None,
    corrupt: Annotated[
        list[str] | None,
        typer.Option(
            "--corrupt",
            metavar="NAME:SHARE",
            help="Ask with this share of SPLIT corrupted, as TMR:0.5: title (T), image (I), both "
            "(TI), mixed (M) or triples (K), missing (MR) or another product's (NR); repeatable.",
        ),
    ] = None,
    corrupt_seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="With --corrupt: other products, other noise.")
    ] = 0,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A setting of the task: `k3m-kg plugins show TASK` lists them; repeatable.",
        ),
    ] = None,
    device: DeviceOption = "auto",
    dtype: PrecisionOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Measure an artifact by a downstream task.

    Link prediction asks for the triples of products one by one, each hidden from the graph, and
    ranks the values that the property takes in training (filtered, realistic ranks). An answer is
    given away where the title spells it, where a product of train has the same title or picture,
    and where it follows from another triple (in more than 99 % of the train products).

    Classification tells products apart by a property, hidden from the graph, or by their category.
    Linear models on words, attributes and pictures are asked the same, and so is the majority: the
    last line says whether the model is ahead of the best of them. What is asked as usual (nothing
    left out or hidden) is kept in the artifact, and `complete`, `audit` and `embed` repeat it where
    the model is behind.

    Alignment tells pairs of products apart, question answering ranks answers to questions in words,
    retrieval searches pictures by titles and products by values: docs/evaluations.md. Every figure
    made of single questions comes with its 95 % interval.

    With --calibrate people's decisions in the graph (--db) count as truth beside validation:
    answers that they judged, and what this model proposed and they decided, each for as many
    proposals as are like it, as what is asked is no random choice.

    With --corrupt titles, pictures or triples of some products of SPLIT are missing, or another
    product's, for the model and for the baselines: as in the K3M paper TMR, IMR, MMR, TNR, INR,
    TINR, MNR, and KMR and KNR of triples. What is asked stays. The artifact keeps nothing of it.

    A plugin brings tasks of its own.
    """
    from k3m_kg.corruption import corrupt as corrupted
    from k3m_kg.corruption import corruption_of

    harm = [corruption_of(text) for text in corrupt or ()]  # before anything heavy is loaded
    if harm and calibrate:
        raise UsageError("probabilities are fitted to what is as it is", where="--corrupt")

    from k3m_kg.evaluation.running import build_evaluation, keep_verdict_of, run_evaluation
    from k3m_kg.evaluation.text import corruption_lines

    hidden = [*(hide_modalities or ()), *["title"] * hide_title, *["image"] * hide_image]

    given: dict[str, Any] = {
        "properties": properties,
        "hide": None if hide is None else [name for name in hide if name],
        "cut_title": cut_title,
        "leakage": leakage,
        "target": target,
        "mode": mode,
        "calibrate": calibrate or None,
        "diagram": None if diagram is None else str(diagram),
        "db": db if calibrate else None,
        "epochs": epochs,
        "batch_size": batch_size,
        "baselines": baselines,
        "per_property": per_property or None,
        "hide_modalities": hidden or None,
    }
    settings = _settings(task, given, overrides or [])
    evaluation = build_evaluation(task, settings, split)
    for output in (*written_in(settings), *([] if diagram is None else [diagram])):
        guard("--diagram", output, artifact=artifact, snapshot=snapshot)
    with progress_bar(disable=as_json) as bar:
        stages = Stages(bar)
        opened = open_with_progress(
            artifact, snapshot, device, stages, precision=dtype, ranks=evaluation.ranks
        )
        if harm:
            opened = opened.on(corrupted(opened.snapshot, harm, split=split, seed=corrupt_seed))
        report = run_evaluation(task, evaluation, opened, split, stages.total)
    try:
        keep_verdict_of(report, opened)
    except K3MError as error:  # an artifact that others may only read is measured all the same
        note(f"the verdict is not kept: {error_text(error)}")
    if as_json:
        print_json(report)
    else:
        for line in corruption_lines(report):
            say(line)
        for line in evaluation.lines(report):
            say(line)


def _settings(task: str, given: dict[str, Any], overrides: list[str]) -> Settings:
    """The settings of a task, from its options and from --set.

    Raises:
        UsageError: no such task, or an option that is not for it.
        ConfigError: an unknown or impossible setting.
    """
    from k3m_kg.config import with_overrides
    from k3m_kg.errors import ConfigError
    from k3m_kg.plugin.hookspecs import EvaluationPlugin
    from k3m_kg.plugin.registry import registry

    record = registry().get(EvaluationPlugin, task)
    given = {key: value for key, value in given.items() if value is not None}
    for key in given:
        if key not in record.config.model_fields:
            takers = [
                name
                for name in registry().names(EvaluationPlugin.kind)
                if key in registry().get(EvaluationPlugin, name).config.model_fields
            ]
            raise UsageError(
                f"{_OPTIONS[key]} is for {' and '.join(takers)}", where=f"--task {task}"
            )
    try:
        return with_overrides(record.config, given, overrides, f"--task {task}")
    except ConfigError as error:
        hint = error.hint or f"`k3m-kg plugins show {task}` lists its settings"
        raise ConfigError(error.message, where=error.where, hint=hint) from None
