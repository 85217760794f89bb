-- An example that a column of the slices leaves out.
select
    examples.example_id,
    slices.slice
from examples
cross join (select distinct slice from example_slices) as slices
anti join example_slices using (example_id, slice)
