-- suspected_words: whether labels are suspected more often in texts with a word that was tried.
-- One row per word.
--
-- The odds ratio has half a text added to each of its four numbers (Haldane 1956, Anscombe 1956), and the interval of
-- Woolf (1955) on the logarithm.
--
-- param   text_parts            Parquet files of the stage suspect, one row per text
-- column  word                  lower-case word
-- column  is_finding            whether it is a word that should not decide
-- column  n_texts               texts with it
-- column  n_suspected           of these, those whose label is suspected
-- column  n_others              texts without it
-- column  n_suspected_others    of these, those whose label is suspected
-- column  odds_ratio            odds of a suspected label with it over those without it
-- column  odds_ratio_low        95 % interval
-- column  odds_ratio_high       95 % interval
-- unique  word
with

totals as (
    select
        count(*) as n,
        count(*) filter (where is_suspected) as n_suspected
    from read_parquet($text_parts)
),

held as (
    select
        word,
        count(*) as n_texts,
        count(*) filter (where is_suspected) as n_suspected
    from (select unnest(words) as word, is_suspected from read_parquet($text_parts))
    group by word
),

counted as (
    select
        held.word,
        held.n_texts,
        held.n_suspected,
        totals.n - held.n_texts as n_others,
        totals.n_suspected - held.n_suspected as n_suspected_others
    from held
    cross join totals
),

log_odds as (
    select
        *,
        ln(n_suspected + 0.5)
        - ln(n_texts - n_suspected + 0.5)
        - ln(n_suspected_others + 0.5)
        + ln(n_others - n_suspected_others + 0.5) as log_ratio,
        1.959963985 * sqrt(
            1 / (n_suspected + 0.5)
            + 1 / (n_texts - n_suspected + 0.5)
            + 1 / (n_suspected_others + 0.5)
            + 1 / (n_others - n_suspected_others + 0.5)
        ) as half_width
    from counted
),

findings as (
    select distinct word
    from verdicts
    where kind = 'word' and status in ('spurious', 'part')
)

select
    log_odds.word,
    findings.word is not null as is_finding,
    log_odds.n_texts,
    log_odds.n_suspected,
    log_odds.n_others,
    log_odds.n_suspected_others,
    exp(log_odds.log_ratio) as odds_ratio,
    exp(log_odds.log_ratio - log_odds.half_width) as odds_ratio_low,
    exp(log_odds.log_ratio + log_odds.half_width) as odds_ratio_high
from log_odds
left join findings using (word)
order by odds_ratio_low desc, log_odds.word
