-- word_means: mean score of a word over all examples that hold it, with its standard error.
-- One row per (kind, label, word).
--
-- Each word's variance is moderated by the median variance of all words (Smyth 2004, limma).
--
-- param   labels                 the model's labels
-- param   mirrored               two classes and a scalar that changes sign with the class: a score towards one
--                                is minus the score towards the other, and every example counts for both
-- param   min_examples           fewest examples a word must stand in
-- param   prior_examples         weight of the median variance
-- column  kind                   word, piece or bigram
-- column  label                  label the score pushes towards
-- column  word                   lower-case word; a piece with · where the word goes on
-- column  n_examples             examples with the word and the label as target; all with the word if mirrored
-- column  mean_score             mean over these examples                                        [unit of the scalar]
-- column  variance               variance over these examples, not moderated             [unit of the scalar, squared]
-- column  noise_variance         variance of mean_score by quadrature noise; null without [unit of the scalar, squared]
-- column  mean_share             mean share of the example's |scores|                            [0..1]
-- column  mean_gradient_x_input  the same mean by gradient x input                               [unit of the scalar]
-- column  mean_gradient_norm     mean norm of the gradient to the one-hot input
-- column  pieces_per_word        tokens per occurrence
-- column  typical_score          mean score of the typical word; 0 where scores are mirrored     [unit of the scalar]
-- column  degrees_of_freedom     of std_error
-- column  std_error              standard error of mean_score, by the moderated variance         [unit of the scalar]
-- unique  kind, label, word
with

labels as (
    select unnest($labels::varchar[]) as label
),

-- One pass over the scores; what follows works on sums.
per_target as (
    select
        word_scores.kind,
        examples.target_label,
        word_scores.word,
        count(*) as n_examples,
        avg(word_scores.score) as mean_score,
        var_pop(word_scores.score) * count(*) as squares,
        sum(word_scores.contrast ** 2) as noise_squares,
        sum(word_scores.share) as share,
        count(word_scores.share) as n_shares,
        sum(word_scores.gradient_x_input) as product,
        sum(word_scores.gradient_norm) as norm,
        sum(word_scores.n_pieces) as n_pieces,
        sum(word_scores.n_occurrences) as n_occurrences
    from word_scores
    inner join examples using (example_id)
    group by word_scores.kind, examples.target_label, word_scores.word
),

towards as (
    select
        per_target.* exclude (target_label) replace (
            if(per_target.target_label = labels.label, 1, -1) * per_target.mean_score as mean_score,
            if(per_target.target_label = labels.label, 1, -1) * per_target.product as product
        ),
        labels.label
    from per_target
    inner join labels on per_target.target_label = labels.label or $mirrored
),

pooled as (
    select
        *,
        sum(n_examples * mean_score) over same_word / sum(n_examples) over same_word as pooled_mean
    from towards
    window same_word as (partition by kind, label, word)
),

means as (
    select
        kind,
        label,
        word,
        sum(n_examples)::bigint as n_examples,
        any_value(pooled_mean) as mean_score,
        -- Within the targets and between them: no difference of large numbers (Chan et al. 1983).
        (sum(squares) + sum(n_examples * (mean_score - pooled_mean) ** 2)) / (sum(n_examples) - 1) as variance,
        sum(noise_squares) / sum(n_examples) ** 2 as noise_variance,
        sum(share) / nullif(sum(n_shares), 0) as mean_share,
        sum(product) / sum(n_examples) as mean_gradient_x_input,
        sum(norm) / sum(n_examples) as mean_gradient_norm,
        sum(n_pieces) / sum(n_occurrences) as pieces_per_word
    from pooled
    group by kind, label, word
    having sum(n_examples) >= $min_examples
),

typical as (
    select
        kind,
        label,
        median(variance) as typical_variance,
        -- With more than two labels a word is averaged over the examples that were given the label, which lifts the
        -- mean of every word above 0. What all words get says nothing about one: the typical word is the null.
        case when $mirrored then 0 else median(mean_score) end as typical_score
    from means
    group by kind, label
)

-- Not sorted: another order would change the last digits of the sums in word_importance.
select
    means.*,
    typical.typical_score,
    n_examples - 1 + $prior_examples as degrees_of_freedom,
    sqrt(
        ($prior_examples * typical_variance + (n_examples - 1) * variance)
        / (n_examples - 1 + $prior_examples)
        / n_examples
    ) as std_error
from means
inner join typical using (kind, label)
