"""Built-in readers of what the field's software exports, without any mapping file."""

from __future__ import annotations

from k3m_kg.api import ReaderPlugin, Settings, hookimpl, made_by
from k3m_kg_readers.settings import (
    AkeneoSettings,
    BerkeleySettings,
    ImpExSettings,
    SalsifySettings,
    ShopifySettings,
    TableSettings,
)


def _reader(
    name: str,
    summary: str,
    worker: str,
    config: type[Settings] = TableSettings,
    *,
    native: bool = False,
    changes: str | None = None,
) -> ReaderPlugin:
    worker = f"k3m_kg_readers.{worker}"
    return ReaderPlugin(
        name,
        summary,
        config,
        made_by(worker),
        worker,
        native=native,
        takes_mapping=False,
        changes=made_by(f"k3m_kg_readers.{changes}") if changes is not None else None,
    )


@hookimpl
def k3m_kg_readers() -> list[ReaderPlugin]:
    """Shops and feeds."""
    return [
        _reader(
            "shopify",
            "Shopify's product CSV: variants linked to their product, pictures, metafields",
            "shops.shopify:ShopifyReader",
            ShopifySettings,
            changes="shops.shopify_changes:ShopifyChanges",
        ),
        _reader(
            "woocommerce",
            "WooCommerce's product CSV: attribute columns in pairs, variations linked to products",
            "shops.woocommerce:WooCommerceReader",
            changes="shops.woocommerce_changes:WooCommerceChanges",
        ),
        _reader(
            "google-merchant",
            "product feeds of Google Merchant Center: tab-separated, RSS 2.0 and Atom",
            "feeds.google:GoogleMerchantReader",
            native=True,
            changes="feeds.google_changes:GoogleMerchantChanges",
        ),
        _reader(
            "akeneo",
            "Akeneo's products, product models and codes: locales, channels, inheritance",
            "pim.akeneo:AkeneoReader",
            AkeneoSettings,
            changes="pim.akeneo_changes:AkeneoChanges",
        ),
        _reader(
            "salsify",
            "Salsify's CSV and JSON: properties, choices, digital assets, variants, locales",
            "pim.salsify:SalsifyReader",
            SalsifySettings,
        ),
        _reader(
            "impex",
            "SAP Commerce's ImpEx: products with macros, categories, media; scripts never run",
            "pim.impex:ImpExReader",
            ImpExSettings,
        ),
        _reader(
            "openfoodfacts",
            "Open Food Facts, CSV and JSON Lines: nutriments paired with their units",
            "datasets.openfoodfacts:OpenFoodFactsReader",
        ),
        _reader(
            "amazon",
            "Amazon's flat files with three header rows: fields, units, parents and children",
            "feeds.amazon:AmazonReader",
        ),
        _reader(
            "prestashop",
            "PrestaShop's CSV of products and of combinations: features, attributes, pictures",
            "shops.prestashop:PrestaShopReader",
            changes="shops.prestashop_changes:PrestaShopChanges",
        ),
        _reader(
            "bigcommerce",
            "BigCommerce's product CSV, legacy and modern: variants, pictures, custom fields",
            "shops.bigcommerce:BigCommerceReader",
            changes="shops.bigcommerce_changes:BigCommerceChanges",
        ),
        _reader(
            "magento",
            "the Magento import CSV: attributes, variants as links, descriptions as text",
            "shops.magento:MagentoReader",
            changes="shops.magento_changes:MagentoChanges",
        ),
        _reader(
            "magento1",
            "Magento 1's product CSV: rows that go on with a product, store views kept apart",
            "shops.magento1:MagentoOneReader",
        ),
        _reader(
            "amazon-berkeley",
            "Amazon Berkeley Objects' listings: texts by language, pictures by their table",
            "datasets.berkeley:BerkeleyReader",
            BerkeleySettings,
        ),
        _reader(
            "bmecat",
            "BMEcat 1.2 and 2005: features with units, groups, references, languages apart",
            "pim.bmecat:BMEcatReader",
            Settings,
            native=True,
        ),
        _reader(
            "icecat",
            "Icecat's product sheets in XML: features with units, gallery, related products",
            "pim.icecat:IcecatReader",
            Settings,
            native=True,
        ),
    ]
