-- comments: descriptions of the tables of a run and of their columns.
-- One row per table (column_name is null) and per column.
--
-- param   run_id       run
-- column  table_name   table
-- column  column_name  column; null for the table
-- column  comment      the comment
select
    table_name,
    null::varchar as column_name,
    comment
from duckdb_tables()
where database_name = current_database() and schema_name = $run_id
union all
select
    table_name,
    column_name,
    comment
from duckdb_columns()
where database_name = current_database() and schema_name = $run_id
