"""The script for an accelerator runs here too, with tiny sizes: nothing in it is untried."""

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "device.sh"


def test_every_part_ends_well_and_leaves_its_figures(tmp_path: Path) -> None:
    """On the CPU, whatever the machine has."""
    told = os.environ | {"PYTHON": sys.executable, "OUT": str(tmp_path), "DEVICE": "cpu"}
    for name in ("TRIPLES", "RELEASED"):
        told.pop(name, None)
    done = subprocess.run(
        ["bash", str(SCRIPT), "tiny"], env=told, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in (tmp_path / "figures.jsonl").read_text().splitlines()]
    assert [(line["benchmark"], line.get("model")) for line in lines] == [
        ("device_losses", "kge"),
        ("device_losses", "robust"),
        ("device_losses", "stream"),
        ("training_throughput", None),
    ]
    assert all(line["device"] in ("cpu", "CPU") for line in lines)
    works = next(line["used"] for line in lines if "used" in line)
    assert works.keys() == {"embed", "complete", "classify", "audit", "evaluate"}
    assert all(isinstance(found, dict) and found["apart"] == 0 for found in works.values()), works
