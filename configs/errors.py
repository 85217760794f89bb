"""The errors of the product, one child per package that raises it.

AuditError            the audit could not be done; the message is one finished sentence
├── ConfigError       a setting is missing, unknown or out of range
├── DataError         the dataset lacks a column or label, or too few rows are usable
├── ModelError        the model cannot be loaded or is of a kind that is refused
├── AttributionError  the explained logits are not the model's, or too many examples fail
└── WarehouseError    the database is locked, or a table breaks one of its checks (warehouse/query.py)
"""


class AuditError(Exception):
    """The audit could not be done. The message says what, where, what was found and what to do."""


class ConfigError(AuditError):
    """A setting is missing, unknown or out of range; the message lists every such setting."""


class DataError(AuditError):
    """The dataset lacks a column or a label the config names, or too few of its rows are usable."""


class ModelError(AuditError):
    """The model cannot be loaded, or it is of a kind that is refused."""


class AttributionError(AuditError):
    """The explained logits are not the model's logits, or too many examples miss the tolerance."""
