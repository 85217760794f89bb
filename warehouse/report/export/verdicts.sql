-- verdicts: the table verdicts, for other programs. Its columns are those of judge/verdicts.sql.
-- One row per candidate.
select *
from verdicts
order by rank
