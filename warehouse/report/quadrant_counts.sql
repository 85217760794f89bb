-- quadrant_counts: how many words the labels go with, and how many the model uses.
-- One row per quadrant.
--
-- param   labels    labels to show
-- column  quadrant  used and correlated, used only, correlated only, or neither
-- column  n_words   whole words, for one of the labels
-- column  n_hurts   of these, pull texts with another label over
-- column  words     the strongest five
-- unique  quadrant
select
    quadrant,
    count(*) as n_words,
    count(*) filter (where hurts) as n_hurts,
    list(word order by abs(coalesce(lower_bound, 0)) desc, abs(coalesce(log_odds, 0)) desc, word)[:5] as words
from quadrants
where kind = 'word' and label in (select unnest($labels::varchar[]))
group by quadrant
order by list_position(['used and correlated', 'used only', 'correlated only', 'neither'], quadrant)
