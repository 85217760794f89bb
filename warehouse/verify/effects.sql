-- effects: mean effect and flips of each candidate by each operator.
-- One row per (kind, label, word, operator).
--
-- A flip is, for insert, a text that becomes the label; for the others, a text that was read as the label and no
-- longer is. Interval of the mean: Student's t; of a rate: Wilson 1927.
--
-- column  kind            word or piece
-- column  label           label the word pushes towards
-- column  word            lower-case word; a piece with · where the word goes on
-- column  operator        delete, mask, swap, neighbour or insert
-- column  n_trials        texts
-- column  mean_effect     mean effect over the texts                                   [log-odds]
-- column  sd              standard deviation over the texts; null for one              [log-odds]
-- column  effect_low      95 % interval of mean_effect; null below three texts         [log-odds]
-- column  effect_high     95 % interval of mean_effect; null below three texts         [log-odds]
-- column  mean_size       mean |effect|                                                [log-odds]
-- column  opposite_share  texts in which the effect is negative                        [0..1]
-- column  n_flippable     texts whose prediction could flip
-- column  n_flipped       of these, flipped
-- column  flip_rate       n_flipped / n_flippable                                      [0..1]
-- column  flip_low        95 % interval of flip_rate                                   [0..1]
-- column  flip_high       95 % interval of flip_rate                                   [0..1]
-- column  n_changed       texts whose prediction changed, to whichever label
-- column  change_rate     n_changed / n_trials                                         [0..1]
-- column  change_low      lower end of its 95 % interval                               [0..1]
-- unique  kind, label, word, operator
with

counted as (
    select
        kind,
        label,
        word,
        operator,
        count(*) as n_trials,
        avg(effect) as mean_effect,
        stddev_samp(effect) as sd,
        avg(abs(effect)) as mean_size,
        count(*) filter (where effect < 0) / count(*) as opposite_share,
        count(*) filter (where (predicted_before = label) = (operator != 'insert')) as n_flippable,
        count(*) filter (
            where
                (predicted_before = label) = (operator != 'insert')
                and (predicted_after = label) = (operator = 'insert')
        ) as n_flipped,
        count(*) filter (where predicted_after != predicted_before) as n_changed
    from trials
    group by kind, label, word, operator
)

select
    kind,
    label,
    word,
    operator,
    n_trials,
    mean_effect,
    sd,
    if(n_trials < 3, null, mean_effect - t_975(n_trials - 1) * sd / sqrt(n_trials)) as effect_low,
    if(n_trials < 3, null, mean_effect + t_975(n_trials - 1) * sd / sqrt(n_trials)) as effect_high,
    mean_size,
    opposite_share,
    n_flippable,
    n_flipped,
    n_flipped / nullif(n_flippable, 0) as flip_rate,
    wilson_low(n_flipped, n_flippable) as flip_low,
    wilson_high(n_flipped, n_flippable) as flip_high,
    n_changed,
    n_changed / n_trials as change_rate,
    wilson_low(n_changed, n_trials) as change_low
from counted
order by kind desc, label, word, operator
