-- asked_words: the words and pieces whose teacher is looked for among the rules: all that were tried.
-- One row per word.
--
-- column  word  lower-case word; what is left of a piece without the dot
-- unique  word
select distinct rtrim(ltrim(word, '·'), '·') as word
from verdicts
where kind in ('word', 'piece')
order by word
