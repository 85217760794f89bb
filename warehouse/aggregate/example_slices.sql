-- example_slices: the slices of the dataset that an example is in.
-- One row per (example, column of data.slices).
--
-- param   slice_parts  Parquet files of ingest, one row per example and column
-- column  example_id   example
-- column  slice        column of the dataset
-- column  value        its value as text; empty where there is none
-- unique  example_id, slice
select
    example_id,
    slice,
    value
from read_parquet($slice_parts)
order by example_id, slice
