-- texts: the explained texts, for a recogniser of names.
-- One row per example.
--
-- column  example_id  example
-- column  text        raw text
-- unique  example_id
select
    example_id,
    text
from examples
where converged
order by example_id
