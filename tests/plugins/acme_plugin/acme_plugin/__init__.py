"""A plugin of each of five kinds, added to k3m-kg from outside."""

from k3m_kg.api import (
    CommandPlugin,
    EvaluationPlugin,
    FusionPlugin,
    ReaderPlugin,
    Settings,
    TextEncoderPlugin,
    hookimpl,
)


class StrongerSettings(Settings):
    """Settings of `acme-stronger`.

    Attributes:
        sharpness: 0 averages both sources, a large number takes the larger one.
    """

    sharpness: float = 1.0


class HashedSettings(Settings):
    """Settings of `acme-hashed-words`.

    Attributes:
        buckets: how many token ids words are hashed into.
    """

    buckets: int = 2000


class NormSettings(Settings):
    """Settings of `acme-norms`.

    Attributes:
        longest: vectors longer than this are counted.
    """

    longest: float = 10.0


def _norms(settings):
    from acme_plugin.norms import Norms

    return Norms(settings.longest)


def _label():
    from acme_plugin.label import label

    return label


def _stronger(settings, context):
    from acme_plugin.fusion import Stronger

    return Stronger(settings.sharpness)


def _hashed(settings, context):
    from acme_plugin.text import HashedWords

    return HashedWords(settings.buckets, context.hidden)


class AcmeSettings(Settings):
    """Settings of the format `acme`.

    Attributes:
        separator: between the cells of a line.
    """

    separator: str = "|"


def _reader(settings):
    from acme_plugin.reader import AcmeReader

    return AcmeReader(settings.separator)


@hookimpl
def k3m_kg_fusions():
    return [FusionPlugin("acme-stronger", "the stronger source wins", StrongerSettings, _stronger)]


@hookimpl
def k3m_kg_text_encoders():
    return [
        TextEncoderPlugin("acme-hashed-words", "a bag of hashed words", HashedSettings, _hashed)
    ]


@hookimpl
def k3m_kg_readers():
    summary = "a product a line: id | title | property=value ..."
    return [ReaderPlugin("acme", summary, AcmeSettings, _reader, "acme_plugin.reader:AcmeReader")]


@hookimpl
def k3m_kg_evaluations():
    return [EvaluationPlugin("acme-norms", "lengths of product vectors", NormSettings, _norms)]


@hookimpl
def k3m_kg_commands():
    return [CommandPlugin("acme-label", "Print a label for a product.", _label)]
