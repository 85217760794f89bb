-- gain_rows: what each arm of a retraining gained, in the order in which it is told.
-- One row per (arm, texts). Its columns are those of token_gains.
--
-- unique  arm, texts
select *
from token_gains
order by list_position(['affected', 'all', 'other'], texts) nulls last, gain desc, arm, texts
