-- inflections: words that are cut and share a stem: one token for each, or for one of them, is a choice.
-- One row per stem that several words share.
--
-- column  stem         the beginning that they share
-- column  n_words      words
-- column  words        the words, those that weigh most first
-- column  n_examples   texts with each of them, added up
-- column  tokens_over  tokens that would be saved if each of them were one token
-- column  value        what they weigh together                                              [unit of the scalar]
-- unique  stem
select
    stem,
    count(*) as n_words,
    list(word order by rank) as words,
    sum(n_examples)::bigint as n_examples,
    sum(tokens_over)::bigint as tokens_over,
    sum(value) as value
from split_words
group by stem
having count(*) > 1
order by value desc, stem
