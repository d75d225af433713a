"""What the model proposes for the catalog's empty cells, for people to decide about."""

from __future__ import annotations

from k3m_kg.demo.run import DemoRun
from k3m_kg.demo.training import Watch
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.store import GraphStore
from k3m_kg.use.completion.lacking import what_applies
from k3m_kg.use.completion.proposing import CompletionSettings, complete
from k3m_kg.use.open_model import open_model
from k3m_kg.use.queueing import model_name, offered_proposals

_VALUES = 3
"""Per question: the best, and others beside it."""


def fill_queue(run: DemoRun, watch: Watch, name: str) -> int:
    """Put the best value of each empty cell into the graph's queue; how many there are."""
    opened = open_model(run.k3m, None)
    rows = opened.rows("all")
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        watch(name, done, len(rows), "")

    proposals = complete(
        opened.predictor,
        opened.batcher,
        rows,
        CompletionSettings(top_k=_VALUES),
        applies=what_applies(opened),
        progress=advance,
    )
    with GraphStore.open(f"sqlite:///{run.folder / 'graph.db'}") as store:
        return ReviewDesk(store).add(model_name(opened.trained), offered_proposals(proposals)).added
