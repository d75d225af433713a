"""Copies what others wrote, and the pages load, from npm into the package: `make assets`.

`npm ci` takes exactly what `package-lock.json` says, by its integrity, into a folder that is
thrown away; one file of each package is kept with its licence, and `vendor.json` says which and
with which hash. Nobody needs npm to build, install or test: the files are committed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGES = "k3m_kg/serve/static/vendor"
TESTS = "tests/serve/vendor"
FILES = {
    "htmx.org": (PAGES, "dist/htmx.min.js"),
    "cytoscape": (PAGES, "dist/cytoscape.min.js"),
    "axe-core": (TESTS, "axe.min.js"),
}
"""The file of each package that is taken, and where it goes."""


def collect(root: Path) -> None:
    """Install by the lock file, then replace the files below `root`."""
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(npm, cwd=folder, check=True, stdout=sys.stderr)
        taken: dict[str, list[dict[str, str]]] = {PAGES: [], TESTS: []}
        for package, (place, file) in FILES.items():
            source = Path(folder, "node_modules", package)
            target = root / place
            target.mkdir(parents=True, exist_ok=True)
            content = (source / file).read_bytes()
            (target / Path(file).name).write_bytes(content)
            licence = f"{package}.LICENSE.txt"
            shutil.copyfile(source / "LICENSE", target / licence)
            locked = lock[f"node_modules/{package}"]
            taken[place].append(
                {
                    "package": package,
                    "version": locked["version"],
                    "licence": locked["license"],
                    "integrity": locked["integrity"],
                    "file": Path(file).name,
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            )
    for place, rows in taken.items():
        text = json.dumps(rows, indent=2) + "\n"
        (root / place / "vendor.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    collect(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
