-- audited_again: what was spurious before a retraining or is after it, for the page.
-- One row per (kind, label, word).
select *
from audited_again
order by
    list_position(['new', 'stays', 'gone'], change),
    coalesce(per_1000_before, per_1000_after) desc,
    kind,
    word,
    label
