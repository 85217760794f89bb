-- A flagged word among the proposed vocabulary.
select candidates.word
from vocabulary_candidates as candidates
inner join words using (word)
where words.flagged and words.kind = 'word'
