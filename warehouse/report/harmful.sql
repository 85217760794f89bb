-- harmful: words and pairs of words that pull texts with another label over, by the number of mistakes they cost.
-- One row per (label, word).
--
-- column  label       label the word pulls towards
-- column  word        lower-case word, or two
-- column  n_minority  texts with it and another label
-- column  n_pulled    of these, read as the label
-- column  gap         error rate with it less that without it                  [-1..1]
-- column  gap_low     95 % interval of gap
-- column  gap_high    95 % interval of gap
-- column  n_harmed    mistakes beyond the rate without it
-- column  verdict     what the trials showed; null for a word that was not tried
-- unique  label, word
select
    quadrants.label,
    quadrants.word,
    gaps.n_minority,
    gaps.n_pulled,
    gaps.gap,
    gaps.gap_low,
    gaps.gap_high,
    quadrants.n_harmed,
    verdicts.verdict
from quadrants
inner join minority_gap as gaps using (kind, label, word)
left join verdicts using (kind, label, word)
where quadrants.hurts
order by quadrants.n_harmed desc, gaps.gap desc, quadrants.label, quadrants.word
limit 15
