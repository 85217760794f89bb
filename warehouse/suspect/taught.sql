-- taught: words whose texts have suspected labels more often than others do.
-- One row per word.
--
-- column  word             lower-case word
-- column  is_finding       whether it is a word that should not decide
-- column  n_texts          texts with it
-- column  n_suspected      of these, those whose label is suspected
-- column  odds_ratio       odds of a suspected label with it over those without it
-- column  odds_ratio_low   95 % interval
-- column  odds_ratio_high  95 % interval
-- unique  word
select
    word,
    is_finding,
    n_texts,
    n_suspected,
    odds_ratio,
    odds_ratio_low,
    odds_ratio_high
from suspected_words
where odds_ratio_low > 1
order by odds_ratio_low desc, word
limit 20
