from __future__ import annotations

import pytest
import torch

from k3m_kg_structures import blocks
from k3m_kg_structures.star_attention import StarAttention

HIDDEN, HEADS = 8, 3


def make(backend: str) -> StarAttention:
    torch.manual_seed(1)
    return StarAttention(HIDDEN, HEADS, backend)


def inputs() -> dict[str, torch.Tensor]:
    """Three products with 3, 0 and 2 triples; four questions, the last without any context."""
    torch.manual_seed(2)
    return {
        "c_BH": torch.randn(3, HIDDEN, requires_grad=True),
        "property_EH": torch.randn(5, HIDDEN, requires_grad=True),
        "value_EH": torch.randn(5, HIDDEN, requires_grad=True),
        "product_E": torch.tensor([0, 0, 0, 2, 2]),
        "product_Q": torch.tensor([0, 0, 2, 1]),
        "query_N": torch.tensor([0, 0, 0, 1, 1, 2]),
        "triple_N": torch.tensor([0, 1, 2, 0, 2, 4]),
    }


def run(layer: StarAttention, x: dict[str, torch.Tensor]) -> torch.Tensor:
    messages = layer.messages(x["c_BH"], x["product_E"], x["property_EH"], x["value_EH"])
    return layer(x["c_BH"][x["product_Q"]], messages, x["query_N"], x["triple_N"])


def by_the_book(layer: StarAttention, x: dict[str, torch.Tensor]) -> torch.Tensor:
    """The equations of the paper, one question and one head at a time."""
    weight = torch.cat([layer.product.weight, layer.property.weight, layer.value.weight], 1)
    rows = []
    for question, product in enumerate(x["product_Q"].tolist()):
        c = x["c_BH"][product]
        seen = x["triple_N"][x["query_N"] == question].tolist()
        if not seen:
            rows.append(c)
            continue
        heads = []
        for head in range(HEADS):
            part = slice(head * HIDDEN, (head + 1) * HIDDEN)
            t = torch.stack(
                [
                    weight[part] @ torch.cat([c, x["property_EH"][k], x["value_EH"][k]])
                    + layer.product.bias[part]
                    for k in seen
                ]
            )
            b = torch.nn.functional.leaky_relu(t @ layer.attention[head])
            heads.append(b.softmax(0) @ t)
        rows.append(c + layer.merge(torch.stack(heads).mean(0)))
    return torch.stack(rows)


@pytest.mark.parametrize("backend", ["torch", "dgl"])
def test_follows_the_equations_of_the_paper(backend: str) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")
    layer, x = make(backend), inputs()
    torch.testing.assert_close(run(layer, x), by_the_book(layer, x))


def test_both_backends_agree_forward_and_backward() -> None:
    pytest.importorskip("dgl")
    results = {}
    for backend in ("torch", "dgl"):
        layer, x = make(backend), inputs()
        out = run(layer, x)
        (out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum().backward()
        leaves = [x["c_BH"], x["property_EH"], x["value_EH"], *layer.parameters()]
        results[backend] = (out.detach(), [leaf.grad for leaf in leaves])
    torch.testing.assert_close(results["torch"][0], results["dgl"][0])
    for mine, theirs in zip(results["torch"][1], results["dgl"][1], strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_product_without_triples_keeps_its_vector() -> None:
    layer, x = make("torch"), inputs()
    assert torch.equal(run(layer, x)[3], x["c_BH"][1])


def test_large_attention_scores_do_not_overflow() -> None:
    layer, x = make("torch"), inputs()
    with torch.no_grad():
        layer.attention.mul_(1e4)
    assert run(layer, x).isfinite().all()


def test_a_batch_without_any_triple_is_no_special_case() -> None:
    layer, x = make("torch"), inputs()
    none = torch.zeros(0, dtype=torch.long)
    messages = layer.messages(x["c_BH"], none, torch.zeros(0, HIDDEN), torch.zeros(0, HIDDEN))
    assert torch.equal(layer(x["c_BH"], messages, none, none), x["c_BH"])


def many(sizes: list[int], share: float) -> dict[str, torch.Tensor]:
    """Products of some triples; each triple is asked and sees a share of the others."""
    torch.manual_seed(3)
    product_E = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    count = len(product_E)
    sees = (product_E[:, None] == product_E) & ~torch.eye(count, dtype=torch.bool)
    query_N, triple_N = (sees & (torch.rand(count, count) < share)).nonzero(as_tuple=True)
    return {
        "c_BH": torch.randn(len(sizes), HIDDEN, requires_grad=True),
        "property_EH": torch.randn(count, HIDDEN, requires_grad=True),
        "value_EH": torch.randn(count, HIDDEN, requires_grad=True),
        "product_E": product_E,
        "product_Q": product_E,
        "query_N": query_N,
        "triple_N": triple_N,
    }


def both_ways(
    layer: StarAttention, x: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> list[list[torch.Tensor]]:
    """Result and gradients by gathered rows, then as it comes."""
    leaves = [x["c_BH"], x["property_EH"], x["value_EH"], *layer.parameters()]
    found = []
    for fewest in (1 << 30, blocks._FEWEST_SEEN):
        monkeypatch.setattr(blocks, "_FEWEST_SEEN", fewest)
        out = run(layer, x)
        grads = torch.autograd.grad(
            (out * torch.linspace(-1, 1, out.shape[0])[:, None]).sum(), leaves
        )
        found.append([out.detach(), *grads])
    return found


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_many_triples_are_summed_by_blocks_with_the_same_result(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, x = make("torch"), many([0, 40, 1, 60, 2, 0], share)
    cut = blocks.blocks_of(len(x["product_Q"]), x["query_N"], x["triple_N"])
    assert cut is not None
    assert [block.high - block.low for block in cut][:2] == [40, 60]
    for rows, blocked in zip(*both_ways(layer, x, monkeypatch), strict=True):
        torch.testing.assert_close(rows, blocked, rtol=1e-4, atol=1e-5)


def test_far_scores_are_not_summed_by_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = make("torch"), many([40, 50], 1.0)
    with torch.no_grad():
        layer.attention.mul_(1e3)
    for rows, blocked in zip(*both_ways(layer, x, monkeypatch), strict=True):
        assert torch.equal(rows, blocked)
        assert blocked.isfinite().all()


def test_questions_across_products_are_no_blocks() -> None:
    query_N = torch.arange(200).repeat_interleave(20)
    triple_N = (query_N * 37 + torch.arange(20).repeat(200) * 101) % 4001
    assert blocks.blocks_of(200, query_N, triple_N) is None
