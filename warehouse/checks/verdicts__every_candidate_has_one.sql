-- A candidate without a verdict, or a verdict without a rule.
select candidates.kind, candidates.label, candidates.word
from candidates
left join verdicts using (kind, label, word)
where verdicts.verdict is null or len(verdicts.rules) = 0
