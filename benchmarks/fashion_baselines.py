"""What a user could have in minutes on the fashion catalog: logistic regression, C = 3.

Reads `styles.csv`, `split.csv` and `images/` from the folder `fashion` of K3M_KG_DATA (default
../shared/data) and prints a markdown table: accuracy in % on the test products, for each asked
property and each kind of input.

    python benchmarks/fashion_baselines.py [--property baseColour ...] [--input image ...]

The title is a bag of words; "masked" cuts the asked value out of it exactly as `k3m-kg evaluate
--cut-title` does; the image is a colour histogram and 24x24 grey pixels; the attributes are the
other five of gender, articleType, baseColour, season, year and usage, one-hot. Products without a
value of the asked property are left out.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.sparse import csr_matrix, hstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from k3m_kg.lpm.title_leakage import cut_value

ATTRIBUTES = ("gender", "articleType", "baseColour", "season", "year", "usage")
ASKED = ("baseColour", "articleType", "season", "usage")
INPUTS: dict[str, tuple[str, ...]] = {
    "title": ("title",),
    "masked title": ("masked",),
    "image": ("image",),
    "attributes": ("attributes",),
    "image + attributes": ("image", "attributes"),
    "masked title + image": ("masked", "image"),
    "all three": ("masked", "image", "attributes"),
}
HISTOGRAM_BINS = 8
GREY_SIDE = 24
Row = dict[str, str]


def read_rows(folder: Path, asked: str) -> tuple[list[Row], list[Row]]:
    """Products of train and of the split asked for, in the order of the file."""
    with (folder / "split.csv").open(encoding="utf-8", newline="") as file:
        split = {row["id"]: row["split"] for row in csv.DictReader(file)}
    with (folder / "styles.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple([row for row in rows if split[row["id"]] == name] for name in ("train", asked))


def picture_features(folder: Path, rows: list[Row]) -> dict[str, np.ndarray]:
    """Per product id: the shares of HISTOGRAM_BINS^3 colours, and GREY_SIDE^2 grey values."""
    found = {}
    for row in rows:
        with Image.open(folder / "images" / f"{row['id']}.jpg") as picture:
            rgb = picture.convert("RGB")
            grey = rgb.convert("L").resize((GREY_SIDE, GREY_SIDE), Image.Resampling.BILINEAR)
            level = np.asarray(rgb).reshape(-1, 3).astype(np.int64) * HISTOGRAM_BINS // 256
        bins = (level[:, 0] * HISTOGRAM_BINS + level[:, 1]) * HISTOGRAM_BINS + level[:, 2]
        histogram = np.bincount(bins, minlength=HISTOGRAM_BINS**3) / len(bins)
        # The root brings out colours that cover little.
        found[row["id"]] = np.concatenate(
            [np.sqrt(histogram), np.asarray(grey, np.float64).ravel() / 255]
        ).astype(np.float32)
    return found


def features(
    kind: str, asked: str, train: list[Row], test: list[Row], pictures: dict[str, np.ndarray]
) -> tuple[csr_matrix, csr_matrix]:
    """One kind of input for train and test, fitted on train."""
    if kind in ("title", "masked"):
        titles = [
            [
                row["productDisplayName"]
                if kind == "title"
                else cut_value(row["productDisplayName"], row[asked])
                for row in rows
            ]
            for rows in (train, test)
        ]
        words = CountVectorizer(binary=True, min_df=2)
        return words.fit_transform(titles[0]).astype(np.float64), words.transform(titles[1])
    if kind == "image":
        scale = StandardScaler()
        parts = [np.stack([pictures[row["id"]] for row in rows]) for rows in (train, test)]
        # Standardised, then as strong together as a handful of words.
        width = parts[0].shape[1]
        return (
            csr_matrix(scale.fit_transform(parts[0]) * np.sqrt(10 / width)),
            csr_matrix(scale.transform(parts[1]) * np.sqrt(10 / width)),
        )
    others = [name for name in ATTRIBUTES if name != asked]
    tables = [[[row[name] for name in others] for row in rows] for rows in (train, test)]
    encoder = OneHotEncoder(handle_unknown="ignore")
    return encoder.fit_transform(tables[0]), encoder.transform(tables[1])


def accuracy(
    train_x: csr_matrix, train_y: list[str], test_x: csr_matrix, test_y: list[str]
) -> float:
    """Percent of test products that a logistic regression gets right."""
    model = LogisticRegression(C=3, max_iter=300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Few inputs that are all there train faster as a plain array.
        dense = train_x.nnz > 0.3 * train_x.shape[0] * train_x.shape[1]
        model.fit(train_x.toarray() if dense else train_x, train_y)
        return 100 * model.score(test_x.toarray() if dense else test_x, test_y)


def majorities(asked: str, train: list[Row], test: list[Row]) -> tuple[float, float]:
    """Percent right by the commonest value, and by the commonest given the articleType."""
    common = Counter(row[asked] for row in train).most_common(1)[0][0]
    given: dict[str, Counter[str]] = defaultdict(Counter)
    for row in train:
        given[row["articleType"]][row[asked]] += 1
    guesses = [
        given[kind].most_common(1)[0][0] if (kind := row["articleType"]) in given else common
        for row in test
    ]
    right = [row[asked] == guess for row, guess in zip(test, guesses, strict=True)]
    return (
        100 * float(np.mean([row[asked] == common for row in test])),
        100 * float(np.mean(right)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Logistic-regression baselines on fashion.")
    parser.add_argument("--property", action="append", choices=ASKED, help="default: all four")
    parser.add_argument("--input", action="append", choices=INPUTS, help="default: all seven")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--split", choices=["test", "validation"], default="test")
    arguments = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("K3M_KG_DATA", default)) / "fashion"
    if not (folder / "styles.csv").is_file():
        raise SystemExit(f"no fashion catalog at {folder}: set K3M_KG_DATA")
    train, test = read_rows(folder, arguments.split)
    inputs = arguments.input or list(INPUTS)
    pictures: dict[str, np.ndarray] = {}
    if any("image" in INPUTS[name] for name in inputs):
        pictures = picture_features(folder, train + test)
    columns = ["majority", "majority given articleType", *inputs]
    print(f"| asked | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for asked in arguments.property or ASKED:
        known, unknown = ([row for row in rows if row[asked]] for rows in (train, test))
        majority, given = majorities(asked, known, unknown)
        cells = [f"{majority:.1f}", "-" if asked == "articleType" else f"{given:.1f}"]
        for name in inputs:
            start = time.perf_counter()
            parts = [features(kind, asked, known, unknown, pictures) for kind in INPUTS[name]]
            with threadpool_limits(arguments.threads):
                result = accuracy(
                    hstack([part[0] for part in parts]).tocsr(),
                    [row[asked] for row in known],
                    hstack([part[1] for part in parts]).tocsr(),
                    [row[asked] for row in unknown],
                )
            cells.append(f"{result:.1f}")
            seconds = time.perf_counter() - start
            print(f"{asked}, {name}: {result:.1f} ({seconds:.0f} s)", file=sys.stderr, flush=True)
        print(f"| {asked} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
