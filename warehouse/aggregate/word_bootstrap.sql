-- word_bootstrap: a second opinion on the interval of a word that the model uses, without a normal distribution.
-- One row per (kind, label, word), the surest words only.
--
-- Percentile interval of the mean over examples (Efron 1979). An example's weight in a replicate is Poisson(1) (Hanley
-- and MacGibbon 2006), so that examples are drawn one by one, in any order; it is the inverse distribution function at
-- a cubic polynomial in the example's number over the integers modulo 2^31 - 1, its coefficients the md5 of seed and
-- replicate. That makes any four examples independent (Wegman and Carter 1981), as the first four moments of a
-- replicate ask, and every run and every version of the database draws the same weights.
--
-- param   mirrored              a score towards one of two labels is minus the score towards the other
-- param   sure_q                largest q-value of a word that is drawn
-- param   bootstrap_words       most words, those with the largest |lower_bound|
-- param   bootstrap_examples    words in more examples are left out: their mean is as good as normal
-- param   bootstrap_replicates  replicates
-- param   bootstrap_seed        seed of the weights
-- column  kind                  word, piece or bigram
-- column  label                 label the word speaks for
-- column  word                  lower-case word; a piece with · where the word goes on
-- column  boot_low              0.025 quantile of the mean over the replicates                [unit of the scalar]
-- column  boot_high             0.975 quantile of the mean over the replicates                [unit of the scalar]
-- column  n_replicates          replicates that drew at least one example of the word
-- unique  kind, label, word
with

candidates as (
    select
        kind,
        label,
        word
    from word_importance
    where
        q_value <= $sure_q
        and mean_score > typical_score
        and n_examples <= $bootstrap_examples
    qualify row_number() over (order by abs(lower_bound) desc, kind, label, word) <= $bootstrap_words
),

scored as (
    select
        candidates.kind,
        candidates.label,
        candidates.word,
        examples.example_id % 2147483647 as place,
        if(examples.target_label = candidates.label, 1, -1) * word_scores.score as score
    from word_scores
    inner join candidates using (kind, word)
    inner join examples using (example_id)
    where examples.target_label = candidates.label or $mirrored
),

replicates as (
    select
        replicate,
        (md5_number(concat($bootstrap_seed::varchar, ':', replicate::varchar, ':0')) % 2147483647)::bigint as c0,
        (md5_number(concat($bootstrap_seed::varchar, ':', replicate::varchar, ':1')) % 2147483647)::bigint as c1,
        (md5_number(concat($bootstrap_seed::varchar, ':', replicate::varchar, ':2')) % 2147483647)::bigint as c2,
        (md5_number(concat($bootstrap_seed::varchar, ':', replicate::varchar, ':3')) % 2147483647)::bigint as c3
    from range($bootstrap_replicates) as numbers (replicate)
),

drawn as (
    select
        scored.kind,
        scored.label,
        scored.word,
        scored.score,
        replicates.replicate,
        (
            ((c3 * place + c2) % 2147483647 * place + c1) % 2147483647 * place + c0
        ) % 2147483647 as uniform
    from scored
    cross join replicates
),

weighted as (
    select
        *,
        -- 2^31 - 1 times the distribution function of Poisson(1) at 0, 1, ... 11; beyond it is 1 to the last digit
        (uniform >= 790015084)::integer + (uniform >= 1580030168)::integer + (uniform >= 1975037710)::integer
        + (uniform >= 2106706891)::integer + (uniform >= 2139624186)::integer + (uniform >= 2146207645)::integer
        + (uniform >= 2147304888)::integer + (uniform >= 2147461638)::integer + (uniform >= 2147481231)::integer
        + (uniform >= 2147483408)::integer + (uniform >= 2147483626)::integer + (uniform >= 2147483646)::integer
        as weight
    from drawn
),

means as (
    select
        kind,
        label,
        word,
        replicate,
        sum(weight * score) / sum(weight) as mean_score
    from weighted
    group by kind, label, word, replicate
    having sum(weight) > 0
)

select
    kind,
    label,
    word,
    quantile_cont(mean_score, 0.025) as boot_low,
    quantile_cont(mean_score, 0.975) as boot_high,
    count(*) as n_replicates
from means
group by kind, label, word
order by kind desc, label, word
