"""Training on top of a trained model: a copy of it all, or only what reads its vectors.

The loop is the same for every downstream task: AdamW, a falling rate, and the weights of the epoch
that is best on validation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from k3m_kg.contracts import LinkPredictor
from k3m_kg.engine.precision import computing
from k3m_kg.lpm.questions import ProductSource, Triples, Visibility, ask, device_of
from k3m_kg.progress import StageAdvance


@dataclass(frozen=True, slots=True)
class TuneSettings:
    """How it is trained.

    Attributes:
        epochs: at most.
        patience: epochs without a better validation score before stopping.
        batch_size: items in one step.
        learning_rate: of the pretrained model's weights.
        head_learning_rate: of the new layers.
    """

    epochs: int = 6
    patience: int = 2
    batch_size: int = 64
    learning_rate: float = 3e-4
    head_learning_rate: float = 3e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 0


def tune(
    model: nn.Module | None,
    head: nn.Module,
    count: int,
    loss: Callable[[np.ndarray], Tensor],
    check: Callable[[], float | None],
    settings: TuneSettings,
    *,
    progress: StageAdvance | None = None,
    stage: str = "fine-tune",
) -> int:
    """Train `head`, and with it `model`; both hold the weights of the best epoch afterwards.

    Args:
        model: a copy of a trained model, or None where that stays as it is.
        head: new layers.
        count: training items.
        loss: of the items with these places.
        check: the score on validation, higher is better; None where there is none, and the
            last epoch is the best.
        settings: of the training.
        progress: told of items.
        stage: what progress calls it.

    Returns:
        The best epoch, from 1.
    """
    order = np.random.default_rng(settings.seed)
    parts = nn.ModuleList([head] if model is None else [model, head])
    groups = [{"params": [*head.parameters()], "lr": settings.head_learning_rate}]
    if model is not None:
        groups.append({"params": [*model.parameters()], "lr": settings.learning_rate})
    optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
    steps = settings.epochs * -(-count // settings.batch_size)
    fall = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / steps))
    best_score, best_epoch, best = -1.0, 0, _copied(parts)
    for epoch in range(1, settings.epochs + 1):
        parts.train()
        shuffled = order.permutation(count)
        for start in range(0, count, settings.batch_size):
            chosen = shuffled[start : start + settings.batch_size]
            found = loss(chosen)
            optimizer.zero_grad(set_to_none=True)
            found.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(parts.parameters(), settings.clip)
            optimizer.step()
            fall.step()
            if progress:
                progress(f"{stage} epoch {epoch}", len(chosen))
        parts.eval()
        with torch.no_grad():
            checked = check()
        score = float(epoch) if checked is None else checked
        if score > best_score:
            best_score, best_epoch, best = score, epoch, _copied(parts)
        elif epoch - best_epoch >= settings.patience:
            break
    parts.load_state_dict(best)
    parts.eval()
    return best_epoch


def heads_to_train(
    model: LinkPredictor, source: ProductSource, questions: Triples, visibility: Visibility
) -> Tensor:
    """(Q, H) head vectors of some questions in one forward pass, with gradients."""
    batch = ask(source, questions, visibility).to(device_of(model))
    with computing(model.precision, batch.device):
        return model.heads(batch).float()


def _copied(parts: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in parts.state_dict().items()}
