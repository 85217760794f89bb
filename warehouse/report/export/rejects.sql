-- rejects: the table rejects, for other programs. Its columns are those of aggregate/rejects.sql.
-- One row per row of the dataset.
select *
from rejects
order by example_id
