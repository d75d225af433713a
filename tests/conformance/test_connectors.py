"""The connectors of `k3m_kg_readers` hold what any reader must, on the exports in `examples/`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from k3m_kg.plugin.hookspecs import ReaderPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.testing import ReaderCase

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "exports"
SAMPLES = {
    "shopify": "shopify.csv",
    "woocommerce": "woocommerce.csv",
    "akeneo": "akeneo-models.csv",
    "salsify": "salsify.json",
    "impex": "products.impex",
    "openfoodfacts": "openfoodfacts.csv",
    "amazon": "amazon.txt",
    "prestashop": "prestashop-combinations.csv",
    "google-merchant": "google-merchant-rss.xml",
    "bmecat": "bmecat.xml",
    "icecat": "icecat.xml",
    "bigcommerce": "bigcommerce.csv",
    "magento": "magento.csv",
    "magento1": "magento1.csv",
    "amazon-berkeley": "amazon-berkeley.jsonl",
}


def test_every_connector_has_an_example() -> None:
    connectors = {
        item.record.name
        for item in registry().installed(ReaderPlugin.kind)
        if item.record.worker.startswith("k3m_kg_readers.")
    }
    assert connectors == set(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES, scope="class")
class TestConnector(ReaderCase):
    @pytest.fixture(autouse=True)
    def _named(self, name: str) -> None:
        self.name = name

    def record(self) -> ReaderPlugin:
        return registry().get(ReaderPlugin, self.name)

    def sample(self, folder: Path) -> tuple[Path, None]:
        return Path(shutil.copy(EXAMPLES / SAMPLES[self.name], folder)), None
