-- labelling_hints: the table labelling_hints, for other programs. Its columns are those of recommend/labelling_hints.sql.
-- One row per (action, label, word).
select *
from labelling_hints
order by action desc, label, rank
