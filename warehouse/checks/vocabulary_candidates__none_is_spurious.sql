-- A spurious word among the proposed vocabulary.
select candidates.word
from vocabulary_candidates as candidates
inner join verdicts using (word)
where verdicts.status = 'spurious' and verdicts.kind = 'word'
