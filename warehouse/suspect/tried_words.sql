-- tried_words: the words that an audit tried, and whether they should not decide, as the verdicts say.
-- One row per word.
--
-- column  word        lower-case word
-- column  is_finding  whether it is spurious for some label, or a part of what is
-- unique  word
select
    word,
    bool_or(status in ('spurious', 'part')) as is_finding
from verdicts
where kind = 'word'
group by word
order by word
