-- texts: the explained texts, for a recogniser of names.
-- One row per example.
--
-- column  text  raw text
select text
from examples
where converged
order by example_id
