"""Small catalogs for tests, made on the spot."""

from k3m_kg.testing.shop import COLOURS, KINDS, Shop, shop_snapshot

__all__ = ["COLOURS", "KINDS", "Shop", "shop_snapshot"]
