-- strengths: the mean effects of the words that were tried.
select
    label,
    word,
    strength
from evidence
where kind = 'word' and strength is not null
order by label, word
