-- stability: whether the model scores a word alike in another corpus.
-- One row per (kind, label, word) of words that are frequent enough in two corpora or more; none without `compare`.
--
-- A word that a corpus lacks is unknown there, not unstable. Heterogeneity: Cochran's Q (1954) on the mean
-- scores, weighted by the inverse of their squared standard errors; I2: Higgins and Thompson 2002. A word whose scores
-- do not vary at all has no weight, and no row.
--
-- param   corpora             tables corpus_means of the corpora
-- column  kind                word, piece or bigram
-- column  label               label the scores push towards
-- column  word                lower-case word
-- column  corpora             names of the corpora it is frequent enough in
-- column  n_corpora_present   their number
-- column  n_examples          examples in each
-- column  mean_scores         mean score in each, minus that of its typical word            [unit of the scalar]
-- column  common_score        weighted mean of these                                        [unit of the scalar]
-- column  q_stat              Cochran's Q
-- column  degrees_of_freedom  n_corpora_present - 1
-- column  p_value             of so large a Q if the score were the same in all corpora
-- column  q_value             Benjamini-Hochberg, within the kind and label
-- column  i2                  share of the variation that is not sampling error             [0..1]
-- column  sign_flip           it significantly pushes towards the label in one corpus and away from it in another
-- unique  kind, label, word
with

present as (
    select
        *,
        1 / std_error ** 2 as weight
    from query_table($corpora)
    where std_error > 0
),

pooled as (
    select
        *,
        sum(weight * distance) over same_word / sum(weight) over same_word as common_score
    from present
    window same_word as (partition by kind, label, word)
),

heterogeneity as (
    select
        kind,
        label,
        word,
        list(corpus order by corpus desc) as corpora,
        count(*) as n_corpora_present,
        list(n_examples order by corpus desc) as n_examples,
        list(distance order by corpus desc) as mean_scores,
        any_value(common_score) as common_score,
        sum(weight * (distance - common_score) ** 2) as q_stat,
        count(*) - 1 as degrees_of_freedom,
        chi_square_p(q_stat, degrees_of_freedom) as p_value,
        coalesce(greatest(1 - degrees_of_freedom / nullif(q_stat, 0), 0), 0) as i2,
        bool_or(low > 0) and bool_or(high < 0) as sign_flip
    from pooled
    group by kind, label, word
    having count(*) > 1
),

ranked as (
    select
        *,
        step_up_rank(p_value, (kind, label)) as p_rank,
        count(*) over (partition by kind, label) as n_tests
    from heterogeneity
)

select
    kind,
    label,
    word,
    corpora,
    n_corpora_present,
    n_examples,
    mean_scores,
    common_score,
    q_stat,
    degrees_of_freedom,
    p_value,
    step_up_q(p_value, n_tests, p_rank, (kind, label)) as q_value,
    i2,
    sign_flip
from ranked
order by label, kind desc, p_value, word
