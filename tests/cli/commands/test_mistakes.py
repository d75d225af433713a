"""What a person mistypes of commands that need a model, and models that lack what is asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.evaluation.shop import trained


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("evaluate", "ARTIFACT", "--task", "clasification"), 2, "Did you mean 'classification'"),
        (("evaluate", "ARTIFACT", "--split", "tset"), 2, "Did you mean 'test'"),
        (("evaluate", "ARTIFACT", "--property", "kinds"), 2, "Did you mean 'kind'"),
        (("evaluate", "ARTIFACT", "--task", "classification"), 2, "key 'target' is required"),
        (("evaluate", "ARTIFACT", "--target", "kind"), 2, "--target is for classification"),
        (("evaluate", "ARTIFACT", "--set", "leakagee=false"), 2, "did you mean 'leakage'?"),
        (("evaluate", "ARTIFACT", "--set", "batch_size=x"), 2, "batch_size"),
        (("evaluate", "ARTIFACT", "--set", "leakage"), 2, "an override must be key=value"),
        (("evaluate", "ARTIFACT", "--snapshot", "nowhere"), 1, "nowhere: no such snapshot"),
        (("evaluate", "ARTIFACT", "--diagram", "r.png"), 2, "--diagram is for --calibrate"),
        (("evaluate", "nowhere"), 1, "nowhere: no such artifact"),
        (("evaluate", "ARTIFACT", "--device", "abacus"), 2, "abacus"),
        (("embed", "ARTIFACT", "nowhere/v.parquet"), 1, "cannot be written"),
        (("embed", "ARTIFACT", "v.parquet", "--split", "tests"), 2, "Did you mean 'test'"),
        (("complete", "ARTIFACT", "--product", "p10"), 1, "did you mean 'p010'"),
        (("complete", "ARTIFACT", "--property", "itemColor"), 2, "Did you mean 'itemColour'"),
        (("complete", "ARTIFACT", "--out", "o.tsv"), 2, "did you mean .csv?"),
        (("complete", "ARTIFACT", "--top-k", "0"), 2, "top-k"),
        (("complete", "ARTIFACT", "--precision", "1.5"), 2, "precision"),
        (("audit", "ARTIFACT", "--kind", "title"), 2, "Did you mean 'titles'"),
        (("complete", "ARTIFACT", "--write"), 2, "--write needs --precision"),
        (("classify", "ARTIFACT", "--write"), 2, "--write needs --precision"),
        (("classify", "ARTIFACT", "--product", "nobody"), 1, "nobody"),
        (("complete", "ARTIFACT", "--write", "--precision", "0.9"), 1, "k3m-kg.db"),
        (("complete", "ARTIFACT", "--review"), 1, "k3m-kg.db"),
        (("complete", "ARTIFACT", "--review", "--all"), 2, "--review and --all"),
        (("complete", "ARTIFACT", "--review", "--write"), 2, "--write or --review"),
        (("classify", "ARTIFACT", "--review"), 1, "k3m-kg.db"),
        (("audit", "ARTIFACT", "--review"), 1, "k3m-kg.db"),
        (("complete", "ARTIFACT", "--precision", "0.9"), 1, "not calibrated"),
    ],
)
def test_each_mistake_is_one_clear_message(
    run: Command,
    artifact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err = run(*(artifact if word == "ARTIFACT" else word for word in words))
    assert (found, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_link_prediction_embeds_but_does_not_rank(
    run: Command, tmp_path: Path
) -> None:
    artifact = trained(tasks=("mlm",))
    for command in ("evaluate", "complete", "audit"):
        code, _, err = run(command, artifact)
        assert code == 1
        assert "trained without the task lpm" in err
    assert run("embed", artifact, tmp_path / "v.parquet")[0] == 0


def test_help_of_these_commands_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from k3m_kg.cli.app import main\n"
        "for name in ('evaluate', 'embed', 'complete', 'audit'):\n"
        "    sys.argv = ['k3m-kg', name, '--help']\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'pykeen', 'transformers', 'sklearn', 'pyarrow', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
