-- gains: the gain of each arm of a retraining, for the page.
-- One row per (arm, texts).
select *
from gains
order by
    list_position(['all', 'with a finding', 'against a finding'], texts) nulls last,
    word,
    texts,
    gain desc,
    arm
