-- effects: mean effect and flips of each candidate by each operator.
-- One row per (kind, label, word, operator).
--
-- Interval of the mean: Student's t over the texts; of a rate: Wilson 1927.
--
-- param   min_effect   smallest mean effect that counts  [log-odds]
-- column  kind         word or piece
-- column  label        label the word pushes towards
-- column  word         lower-case word; a piece with · where the word goes on
-- column  operator     delete, swap or insert
-- column  n_texts      texts
-- column  mean_effect  mean effect over the texts                                   [log-odds]
-- column  sd           standard deviation over the texts; null for one              [log-odds]
-- column  effect_low   95 % interval of mean_effect; null below three texts         [log-odds]
-- column  effect_high  95 % interval of mean_effect; null below three texts         [log-odds]
-- column  n_opposite   texts with an effect away from the label
-- column  n_signed     texts with an effect of a tenth of min_effect or more, either way
-- column  flip_rate    predictions that differ with and without the word            [0..1]
-- column  flip_low     95 % interval of flip_rate                                   [0..1]
-- column  flip_high    95 % interval of flip_rate                                   [0..1]
-- unique  kind, label, word, operator
with

counted as (
    select
        kind,
        label,
        word,
        operator,
        count(*) as n_texts,
        avg(effect) as mean_effect,
        stddev_samp(effect) as sd,
        count(*) filter (where effect <= -$min_effect / 10) as n_opposite,
        count(*) filter (where abs(effect) >= $min_effect / 10) as n_signed,
        sum(share_flipped) as n_flipped
    from trials
    group by kind, label, word, operator
)

select
    kind,
    label,
    word,
    operator,
    n_texts,
    mean_effect,
    sd,
    if(n_texts < 3, null, mean_effect - t_975(n_texts - 1) * sd / sqrt(n_texts)) as effect_low,
    if(n_texts < 3, null, mean_effect + t_975(n_texts - 1) * sd / sqrt(n_texts)) as effect_high,
    n_opposite,
    n_signed,
    n_flipped / n_texts as flip_rate,
    wilson_low(n_flipped, n_texts) as flip_low,
    wilson_high(n_flipped, n_texts) as flip_high
from counted
order by kind desc, label, word, operator
