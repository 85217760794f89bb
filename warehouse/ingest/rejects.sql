-- rejects: the rows that could not be audited, with the reason.
-- One row per row of the dataset.
--
-- column  example_id  0-based place in the dataset
-- column  source_id   the dataset's own id
-- column  text        raw text, empty where there is none
-- column  reason      empty, not text, undecodable, unknown label, no tokens, duplicate, ...
-- unique  example_id
select
    example_id,
    source_id,
    text,
    reason
from plan
where reason not in ('not sampled', 'for training')
order by example_id
