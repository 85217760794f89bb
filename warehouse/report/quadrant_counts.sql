-- quadrant_counts: how many words the labels go with, and how many the model uses.
-- One row per (labels, model) that occurs.
--
-- param   labels   labels to show
-- column  labels   the label goes with the word: clearly, not shown or clearly not
-- column  model    the model uses the word for the label: clearly, not shown or clearly not
-- column  n_words  whole words, for one of the labels
-- column  n_hurts  of these, pull texts with another label over
-- column  words    the strongest five
-- unique  labels, model
select
    labels,
    model,
    count(*) as n_words,
    count(*) filter (where hurts) as n_hurts,
    list(word order by abs(coalesce(lower_bound, 0)) desc, abs(coalesce(log_odds, 0)) desc, word)[:5] as words
from quadrants
where kind = 'word' and label in (select unnest($labels::varchar[]))
group by labels, model
order by
    list_position(['clearly', 'not shown', 'clearly not'], labels),
    list_position(['clearly', 'not shown', 'clearly not'], model)
