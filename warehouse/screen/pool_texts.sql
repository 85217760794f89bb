-- pool_texts: the texts into which words are inserted.
-- One row per text.
--
-- A pool for each label: not every text has to be compared with every candidate. Texts that are cut come last.
--
-- param   max_pool_texts   most texts read as each label
-- column  example_id       example
-- column  predicted_label  label the model gives
-- column  read_share       share of its tokens that the model reads  [0..1]
-- unique  example_id
select
    example_id,
    predicted_label,
    1 - n_cut / n_tokens as read_share
from examples
where converged
qualify row_number() over (
    partition by predicted_label order by n_cut > 0, md5(concat('pool ', example_id))
) <= $max_pool_texts
order by example_id
