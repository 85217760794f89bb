-- flags: the table flags, for other programs. Its columns are those of flag/flags.sql.
-- One row per (kind, label, word).
select *
from flags
order by place
