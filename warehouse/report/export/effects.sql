-- effects: the table effects, for other programs. Its columns are those of verify/effects.sql.
-- One row per (kind, label, word, operator).
select *
from effects
order by kind desc, label, word, operator
