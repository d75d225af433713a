"""A training step of K3M beside one of the code that its authors released, same run, same sizes.

Their code is not here: fetch https://github.com/YushanZhu/K3M and name its folder. What a current
torch and a machine without their servers need of it is put in its way at import (`_shims`); nothing
of it is changed. Their batch is random, of their own shapes: T = 36, R = 36 and one for the whole
picture, K = 48, 7 triples. Ours is `--size paper` of `training_throughput`, with products that are
as long. Differences that remain: their picture layers are 1,024 wide and ours 768, theirs run three
pairwise interactions, of which the paper describes one, and ours ranks values where theirs tells
two vectors apart.

    python -m benchmarks released_k3m --folder K3M --batch 8
    python -m benchmarks released_k3m --folder K3M --device cuda --batch 8 64
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import sys
import types
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks._figures import add_out, clock_of, peak_gib, tell

TITLE, REGIONS, KNOWLEDGE, TRIPLES = 36, 36, 48, 7


def _shims(device: torch.device) -> None:
    """Modules that theirs imports and a step does not use; `.cuda()` where there is none."""
    for name in ("boto3", "tensorboardX", "botocore", "botocore.exceptions"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["botocore.exceptions"].ClientError = Exception  # type: ignore[attr-defined]
    sys.modules["tensorboardX"].SummaryWriter = object  # type: ignore[attr-defined]
    six = types.ModuleType("torch._six")
    six.inf = float("inf")  # type: ignore[attr-defined]
    sys.modules.setdefault("torch._six", six)
    if device.type == "cpu":
        torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[assignment, method-assign]


class Released:
    """Their model and the optimiser that their script gives it."""

    def __init__(self, folder: Path, device: torch.device, tiny: bool) -> None:
        _shims(device)
        sys.path.insert(0, str(folder))
        from vilbert_k3m.vilbert_k3m import (  # type: ignore[import-not-found]
            BertConfig,
            BertForMultiModalPreTraining_tri_stru,
        )

        config: Any = BertConfig.from_json_file(
            str(folder / "config/bert_base_6layer_6conect.json")
        )
        config.if_pre_sampling, config.visual_target, config.num_negative = 1, 0, 255
        if tiny:
            config.vocab_size, config.hidden_size, config.intermediate_size = 500, 96, 192
            config.v_hidden_size = config.bi_hidden_size = config.v_intermediate_size = 128
            config.bi_intermediate_size = 128
        self.config, self.device = config, device
        with contextlib.redirect_stdout(io.StringIO()):
            self.model = BertForMultiModalPreTraining_tri_stru(config).to(device).train()
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            parameters, lr=1e-4, betas=(0.9, 0.98), weight_decay=0.01, fused=False
        )

    def batch(self, size: int) -> dict[str, Tensor]:
        """Random, as long as their settings let it be."""
        config, device = self.config, self.device

        def ids(length: int) -> Tensor:
            return torch.randint(5, config.vocab_size, (size, length), device=device)

        def labels(length: int) -> Tensor:
            found = ids(length)
            return torch.where(torch.rand(size, length, device=device) < 0.15, found, -1)

        def ones(length: int) -> Tensor:
            return torch.ones(size, length, dtype=torch.long, device=device)

        none = torch.zeros(size, dtype=torch.long, device=device)
        place = torch.arange(2, 2 + 3 * 2 * TRIPLES, device=device).view(2 * TRIPLES, 3)
        target = torch.rand(size, REGIONS, config.v_target_size, device=device).softmax(-1)
        marked = torch.rand(size, REGIONS, device=device) < 0.15
        return {
            "input_ids": ids(TITLE),
            "image_feat": torch.rand(size, REGIONS + 1, config.v_feature_size, device=device),
            "image_loc": torch.rand(size, REGIONS + 1, 5, device=device),
            "token_type_ids": 0 * ones(TITLE),
            "attention_mask": ones(TITLE),
            "image_attention_mask": ones(REGIONS + 1),
            "masked_lm_labels": labels(TITLE),
            "image_label": torch.where(marked, 1, -1),
            "image_target": target,
            "next_sentence_label": none,
            "input_ids_pv": ids(KNOWLEDGE),
            "token_type_ids_pv": 0 * ones(KNOWLEDGE),
            "attention_mask_pv": ones(KNOWLEDGE),
            "masked_lm_labels_pv": labels(KNOWLEDGE),
            "next_sentence_label_pv_v": none,
            "next_sentence_label_pv_t": none,
            "index_p": place[0::2].expand(size, -1, -1).contiguous(),
            "index_v": place[1::2].expand(size, -1, -1).contiguous(),
        }

    def step(self, batch: dict[str, Tensor], half: bool) -> None:
        """As their script's: four losses, read for the log, then backward and AdamW."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            out = self.model(**batch, device=self.device)
        text, image, knowledge, triples = out[0], out[1], out[3], out[-1]
        loss = (text + image + knowledge + triples).sum()
        for part in (loss, text, image, knowledge, triples):
            float(part.detach())
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def main() -> None:
    """Print one line for each size of batch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="a checkout of their code")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, nargs="+", default=[8])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="narrow layers, to try the script")
    add_out(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    torch.manual_seed(0)
    released = Released(options.folder, device, options.tiny)
    for size in options.batch:
        batch = released.batch(size)
        seconds, clock = [], clock_of(device)
        for number in range(options.steps + 2):
            start = clock()
            released.step(batch, options.precision == "bf16")
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number >= 2 or options.steps == 1:
                seconds.append(clock() - start)
        step = statistics.median(seconds)
        figures = {
            "benchmark": "released_k3m",
            "device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
            "precision": options.precision,
            "batch": size,
            "parameters": sum(p.numel() for p in released.model.parameters()),
            "products_per_s": round(size / step, 2),
            "step_ms": round(1000 * step, 1),
            "memory_gib": round(peak_gib(device), 2),
        }
        tell(figures, options.out)


if __name__ == "__main__":
    main()
