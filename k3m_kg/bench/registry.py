"""The benchmarks by name: what they are, where they are to be had, what was published on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from k3m_kg.errors import UsageError, unknown_name

Task = Literal["triples", "pairs", "values"]


@dataclass(frozen=True, slots=True)
class Published:
    """What a method was said to reach on test.

    Attributes:
        method: as its authors call it.
        metrics: by our names, as shares.
        source: who said so.
    """

    method: str
    metrics: dict[str, float]
    source: str


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A published benchmark.

    Attributes:
        name: as a command takes it.
        task: `triples` ranks heads and tails, `pairs` says which records are the same product,
            `values` fills in a product's value.
        about: in words.
        where: where its files are to be had.
        size: of it.
        licence: as far as it is stated there.
        layout: the files that are read.
        published: to put ours beside.
        mind: what makes figures on it hard to compare.
    """

    name: str
    task: Task
    about: str
    where: str
    size: str
    licence: str
    layout: str
    published: tuple[Published, ...] = ()
    mind: str = ""

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "task": self.task,
            "about": self.about,
            "where": self.where,
            "size": self.size,
            "licence": self.licence,
            "layout": self.layout,
            "mind": self.mind,
            "published": [
                {"method": one.method, "source": one.source, **one.metrics}
                for one in self.published
            ],
        }


METRICS: dict[Task, tuple[str, ...]] = {
    "triples": ("mrr", "hits@1", "hits@3", "hits@10"),
    "pairs": ("f1", "precision", "recall", "average_precision"),
    "values": ("micro_f1", "macro_hits@1", "mrr"),
}
"""What is told of each task; the first decides."""

_GRAPH_FILES = (
    "train, valid (or validation, dev) and test as .txt, .tsv or .tsv.gz: head, relation and tail, "
    "tabs or blanks between; or OpenKE's train2id.txt, valid2id.txt, test2id.txt, entity2id.txt, "
    "relation2id.txt"
)
_PAIR_FILES = (
    "train.txt, valid.txt, test.txt of `COL name VAL value` records (Ditto's), or tableA.csv, "
    "tableB.csv, train.csv, valid.csv, test.csv (Magellan's)"
)
_SUN = "Sun et al., ICLR 2019"
_BALAZEVIC = "Balazevic et al., EMNLP 2019"
_OPENBG = "README of OpenBGBenchmark/OpenBG-IMG"
_DITTO = "Li et al., PVLDB 2020"
_MAGELLAN = "github.com/anhaidgroup/deepmatcher, Datasets.md"
_FEATURES = (
    "features of pictures and texts are published as pickles (.pth), which can run code and are "
    "not read; as .npy, a row for each entity of entity2id.txt, they are (--features)"
)


def _triples(method: str, source: str, *figures: float) -> Published:
    return Published(method, dict(zip(METRICS["triples"], figures, strict=False)), source)


def _graph(name: str, about: str, where: str, size: str, licence: str, **more: Any) -> Benchmark:
    return Benchmark(name, "triples", about, where, size, licence, _GRAPH_FILES, **more)


def _pairs(name: str, about: str, size: str, ditto: float) -> Benchmark:
    return Benchmark(
        name,
        "pairs",
        about,
        _MAGELLAN,
        size,
        "research use; see there",
        _PAIR_FILES,
        (Published("Ditto", {"f1": ditto}, _DITTO),),
        "records stand in several splits: the model reads all of them, and no label but train's",
    )


_ALL = (
    _graph(
        "fb15k-237",
        "facts of Freebase without inverse relations",
        "microsoft.com/en-us/download/details.aspx?id=52312, or any library of embeddings",
        "272,115 / 17,535 / 20,466 triples, 14,541 entities, 237 relations",
        "research use",
        published=(
            Published("TransE", {"mrr": 0.294, "hits@10": 0.465}, _SUN),
            _triples("RotatE", _SUN, 0.338, 0.241, 0.375, 0.533),
            _triples("TuckER", _BALAZEVIC, 0.358, 0.266, 0.394, 0.544),
        ),
    ),
    _graph(
        "wn18rr",
        "relations of words in WordNet without inverse ones",
        "github.com/TimDettmers/ConvE",
        "86,835 / 3,034 / 3,134 triples, 40,943 entities, 11 relations",
        "WordNet's",
        published=(
            Published("TransE", {"mrr": 0.226, "hits@10": 0.501}, _SUN),
            _triples("RotatE", _SUN, 0.476, 0.428, 0.492, 0.571),
            _triples("TuckER", _BALAZEVIC, 0.470, 0.443, 0.482, 0.526),
        ),
    ),
    _graph(
        "mkg-w",
        "entities of Wikidata with pictures and texts",
        "github.com/zjukg/NATIVE (benchmarks/MKG-W) or github.com/zjukg/MoMoK (datasets/MKG-W)",
        "some 42,700 triples, 15,000 entities",
        "MIT as that repository says; Wikidata is CC0, pictures belong to their makers",
        mind=_FEATURES,
    ),
    _graph(
        "mkg-y",
        "entities of YAGO with pictures and texts",
        "github.com/zjukg/NATIVE (benchmarks/MKG-Y) or github.com/zjukg/MoMoK (datasets/MKG-Y)",
        "some 26,600 triples, 15,000 entities",
        "MIT as that repository says; YAGO is CC BY 4.0, pictures belong to their makers",
        mind=_FEATURES,
    ),
    _graph(
        "db15k",
        "entities of DBpedia with pictures and numbers",
        "github.com/zjukg/NATIVE (benchmarks/DB15K); first in github.com/mniepert/mmkb",
        "some 99,000 triples, 12,842 entities, 279 relations",
        "MIT as that repository says; DBpedia is CC BY-SA 3.0",
        mind="test triples stand there several times, and in train too: see the leak report; "
        + _FEATURES,
    ),
    _graph(
        "openbg-img",
        "products, brands and places of Alibaba, with pictures of the products",
        "tianchi.aliyun.com/competition/entrance/531957 (CCKS 2022, an account is needed)",
        "some 230,000 triples, 27,910 entities, 136 relations, 14,718 of them with pictures",
        "that of the competition; research use",
        published=(
            _triples("TransE", _OPENBG, 0.315, 0.150, 0.387, 0.647),
            _triples("TransAE", _OPENBG, 0.421, 0.274, 0.489, 0.715),
            _triples("RSME", _OPENBG, 0.607, 0.485, 0.687, 0.838),
            _triples("TuckER", _OPENBG, 0.611, 0.497, 0.690, 0.820),
        ),
        mind="published figures are of the competition's hidden test; where test.tsv has no tails, "
        "dev.tsv is asked instead, and what is validated on is taken out of train",
    ),
    _pairs("amazon-google", "software in two shops", "6,874 / 2,293 / 2,293 pairs", 0.756),
    _pairs("walmart-amazon", "electronics in two shops", "10,242 pairs", 0.868),
    _pairs("abt-buy", "electronics in two shops, long texts", "9,575 pairs", 0.893),
    _pairs("itunes-amazon", "songs in two shops", "539 pairs", 0.971),
    _pairs("beer", "beers on two sites", "450 pairs", 0.944),
    Benchmark(
        "implicit-ave",
        "values",
        "values that no text says: they are to be seen in the picture",
        "github.com/HenryPengZou/ImplicitAVE (texts in data/, pictures by the links there)",
        "68,604 training and 1,610 evaluation questions, 25 properties of 5 domains",
        "none stated; pictures belong to their sellers",
        "training_data/texts/DOMAIN/train.tsv and val.tsv, evaluation_data/texts/*.tsv: id, "
        "images, category, texts, attribute_names, attribute_values; images/ beside texts/",
        (
            Published("GPT-4V, no training", {"micro_f1": 0.868}, "Zou et al., ACL Findings 2024"),
            Published("fine-tuned", {"micro_f1": 0.872}, "Zou et al., ACL Findings 2024"),
        ),
        "train's labels are made by machine, those of evaluation checked by people",
    ),
)
BENCHMARKS = {benchmark.name: benchmark for benchmark in _ALL}


def benchmark_of(name: str) -> Benchmark:
    """By name, whatever its case.

    Raises:
        UsageError: there is none; the nearest is named.
    """
    found = BENCHMARKS.get(name.lower())
    if found is None:
        raise UsageError(
            unknown_name("benchmark", name, BENCHMARKS), where="NAME", hint="`bench --list`"
        )
    return found
