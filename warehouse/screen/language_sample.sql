-- language_sample: texts from which the languages of a dataset are told.
-- One row per example, in an order drawn by its id.
--
-- param   max_texts   most texts
-- column  example_id  example
-- column  text        raw text
-- unique  example_id
select
    example_id,
    text
from examples
where converged
order by md5(concat('language ', example_id))
limit $max_texts
