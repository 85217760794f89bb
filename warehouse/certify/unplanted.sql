-- unplanted: how many words of the planted audit were not planted, and how many of these it calls spurious.
-- One row.
--
-- param   planted_words  file: what was planted
-- column  n_tested       words with figures
-- column  n_spurious     of these, called spurious
-- unique  n_tested
with

tested as (
    select distinct word
    from word_importance
    where kind = 'word' and word not in (select planted.word from read_parquet($planted_words) as planted)
)

select
    count(*) as n_tested,
    count(*) filter (
        where word in (
            select verdicts.word
            from verdicts
            where verdicts.kind = 'word' and verdicts.verdict = 'spurious'
        )
    ) as n_spurious
from tested
