-- gain_rows: the gain of each arm of a retraining, in the order in which they are told.
-- One row per (arm, texts). Its columns are those of gains.
--
-- unique  arm, texts
select *
from gains
order by
    list_position(['all', 'with a finding', 'against a finding'], texts) nulls last,
    word,
    texts,
    gain desc,
    arm
