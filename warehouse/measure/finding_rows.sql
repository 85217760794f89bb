-- finding_rows: what was spurious before a retraining or is after it, in the order in which it is told.
-- One row per (kind, label, word). Its columns are those of audited_again.
--
-- unique  kind, label, word
select *
from audited_again
order by
    list_position(['new', 'stays', 'gone'], change),
    coalesce(per_1000_before, per_1000_after) desc,
    kind,
    word,
    label
