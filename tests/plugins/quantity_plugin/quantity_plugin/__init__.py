"""Quantities, such as "1.5 kg" or "12 EUR", as a modality beside title and image."""

from k3m_kg.api import ModalityPlugin, Settings, hookimpl


class QuantitySettings(Settings):
    """Settings of `quantities`.

    Attributes:
        most: so many quantities of a product are looked at.
    """

    most: int = 4


def _quantities(settings, context):
    from quantity_plugin.quantities import Quantities

    return Quantities(settings.most, context.model.hidden)


@hookimpl
def k3m_kg_modalities():
    return [
        ModalityPlugin("quantities", "numbers with a unit", QuantitySettings, _quantities),
    ]
