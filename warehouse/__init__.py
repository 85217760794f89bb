"""The warehouse: the only Python that touches DuckDB.

A query is a file. `aggregate/word_importance.sql` builds the table `word_importance`;
its header names its parameters, its columns and its key, and all three are checked
whenever it is built. One whose header names batches is run for some files at a time.
A check is a query of counter-examples, `checks/<table>__<claim>.sql`.

Every run has a schema of its own, named after the run. The schema `main` holds the
registry (`runs`, `stages`) and one view per public table, on the run that finished last.
"""

from warehouse.build import PUBLIC, Warehouse, folded
from warehouse.database import open_warehouse, scratch, set_limits
from warehouse.query import WarehouseError, query, seed

__all__ = [
    "PUBLIC",
    "Warehouse",
    "WarehouseError",
    "folded",
    "open_warehouse",
    "query",
    "scratch",
    "seed",
    "set_limits",
]
