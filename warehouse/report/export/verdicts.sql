-- verdicts: the table verdicts, for other programs. Its columns are those of judge/verdicts.sql; the rules end with the
-- labelling rule that taught the word.
-- One row per candidate.
select
    verdicts.* replace (
        if(taught.reason is null, verdicts.rules, list_append(verdicts.rules, taught.reason)) as rules
    )
from verdicts
left join taught_words as taught using (kind, label, word)
order by verdicts.rank
