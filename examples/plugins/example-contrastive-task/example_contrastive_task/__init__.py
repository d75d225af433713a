"""A contrastive task for k3m-kg."""

from pydantic import Field

from k3m_kg.api import Settings, TaskPlugin, hookimpl

NAME = "example-contrastive"


class ContrastiveSettings(Settings):
    """Settings of `example-contrastive`.

    Attributes:
        temperature: of the similarities before training; it is learnt.
        width: of the vectors that are compared.
    """

    temperature: float = Field(default=0.07, gt=0)
    width: int = Field(default=64, ge=1)


def build(settings, context):
    from example_contrastive_task.task import Contrastive

    return Contrastive(settings, context)


@hookimpl
def k3m_kg_tasks():
    summary = "which title belongs to which picture of the batch (InfoNCE)"
    record = TaskPlugin(NAME, summary, ContrastiveSettings, build, requires=("torch",))
    return [record]
