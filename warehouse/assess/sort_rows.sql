-- sort_rows: the words that are cut, by their sort.
-- One row per sort.
--
-- column  sort          name, place, handle, code (letters and digits), term, or the type of the words
-- column  n_words       words that are cut
-- column  n_frequent    of these, words in as many texts as a word with figures
-- column  n_proposed    words that are proposed as one token
-- column  n_spurious    words that should not decide, by their verdict
-- column  tokens_over   tokens that would be saved if each of them were one token
-- column  words         three of those whose cut weighs most
-- unique  sort
select
    sort,
    count(*) as n_words,
    count(*) filter (where label is not null) as n_frequent,
    count(*) filter (where answer = 'token.candidate') as n_proposed,
    count(*) filter (where status in ('spurious', 'part')) as n_spurious,
    sum(tokens_over)::bigint as tokens_over,
    list(word order by rank)[1:3] as words
from token_words
group by sort
order by tokens_over desc, sort
