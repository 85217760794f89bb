-- vocabulary_candidates: the table vocabulary_candidates, for other programs. Its columns are those of recommend/vocabulary_candidates.sql.
-- One row per word.
select *
from vocabulary_candidates
order by rank
