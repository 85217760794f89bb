"""Audit a text classifier from Python: `import token_audit`.

    audited = token_audit.audit("reviews.csv", "checkpoints/my-classifier", text="review", label="sentiment")
    audited.findings            # a DataFrame; a notebook shows the state, the findings and a link to the report

The work is in `flows`; what is here names it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.python import Audited, Explained, audit, explain

__all__ = ["Audited", "Explained", "audit", "explain"]


def __getattr__(name: str) -> Any:
    # PyTorch and Prefect take ten seconds to import: at the first call.
    if name in __all__:
        from flows import python

        return getattr(python, name)
    raise AttributeError(f"module 'token_audit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
