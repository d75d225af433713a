"""How the columns of a table with a row for each triple are usually called."""

LONG_HEADS = ("head", "subject")
LONG_PROPERTIES = (
    "property", "predicate", "relation", "attribute", "attribute_name", "attribute_code", "key",
)  # fmt: skip
LONG_VALUES = ("value", "object", "tail", "attribute_value")
