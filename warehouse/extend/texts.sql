-- texts: the explained texts, as the tokenizer is given them.
-- One row per text.
--
-- column  example_id  0-based place in the dataset
-- column  text        raw text
-- unique  example_id
select
    example_id,
    text
from examples
where converged
order by example_id
