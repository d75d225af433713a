"""A reader of Acme's own format: `id | title | property=value | property=value`."""

from k3m_kg.api import Confidence, ProductRecord, RejectedRow


class AcmeReader:
    def __init__(self, separator="|"):
        self.separator = separator

    def sniff(self, path, head):
        return Confidence.LIKELY if path.suffix == ".acme" else Confidence.NONE

    def read(self, path, mapping):
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                product, *rest = (cell.strip() for cell in line.split(self.separator))
                if product:
                    properties = tuple(tuple(cell.split("=", 1)) for cell in rest[1:])
                    title = rest[0] if rest else ""
                    yield ProductRecord(product, title or None, properties=properties, line=number)
                else:
                    yield RejectedRow(number, "no id", line)
