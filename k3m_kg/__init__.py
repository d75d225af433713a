"""k3m-kg: knowledge-graph-centric multimodal pretraining for product catalogs.

Importing this package is cheap: nothing heavy (torch, SQLAlchemy, pykeen) is loaded until a
part that needs it is used. Plugin authors import from `k3m_kg.api`.
"""

__version__ = "0.1.0"
