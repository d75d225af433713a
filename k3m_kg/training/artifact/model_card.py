"""The README.md of an artifact: what it is, what it was trained on, how good it is."""

from __future__ import annotations

from typing import Any

from k3m_kg.config import RunConfig


def model_card(config: RunConfig, record: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Markdown for people; everything in it stands in the JSON files too."""
    tasks = ", ".join(f"{task.name} (x{task.weight:g})" for task in config.tasks)
    plugins = "\n".join(
        f"| {item['kind']} | {item['name']} | {item['package']} {item['version']} |"
        for item in record["plugins"]
    )
    validation = metrics.get("validation") or {}
    figures = "\n".join(
        f"| {name} | {value:.4f} |" for name, value in validation.get("metrics", {}).items()
    )
    per_property = "\n".join(
        f"| {name} | {row['mrr']:.4f} | {row['hits@1']:.4f} | {row['questions']} |"
        for name, row in validation.get("per_property", {}).items()
    )
    cut = "cut out of" if config.validation.cut_title else "left in"
    return f"""# A K3M model

Trained by k3m-kg {record["k3m_kg"]} (torch {record["torch"]}) on snapshot
`{record["snapshot"][:16]}`. {record["parameters"]:,} parameters.

Pretraining tasks: {tasks}. {metrics.get("epochs", "?")} epochs, {metrics.get("steps", "?")} steps,
{metrics.get("seconds", 0):.0f} s, best after epoch {metrics.get("best_epoch", "?")}.

| plugin | name | package |
|---|---|---|
{plugins}

## Validation: link prediction

Products unseen in training; the asked value is {cut} the title; ranked among the values that the
property takes in training.

| metric | value |
|---|---|
{figures}

| property | MRR | Hits@1 | questions |
|---|---|---|---|
{per_property}

## Use

    k3m-kg evaluate ARTIFACT --task link-prediction --snapshot SNAPSHOT
    k3m-kg complete ARTIFACT --snapshot SNAPSHOT --product ID
    k3m-kg embed ARTIFACT --snapshot SNAPSHOT vectors.parquet

Scores are the model's own and not calibrated. Values are only ever proposed from those that a
property took in training.
"""
