-- word_importance: how much the model leans on a word, over all examples that hold it.
-- One row per (kind, label, word).
--
-- Interval and p-value: Student's t on the mean over examples, each word's variance moderated by the median
-- variance of all words (Smyth 2004, limma). q-value: Benjamini and Hochberg 1995 within (kind, label).
--
-- param   labels                 the model's labels
-- param   mirrored               two classes and a scalar that changes sign with the class: a score towards one
--                                is minus the score towards the other, and every example counts for both
-- param   min_examples           fewest examples a word must stand in
-- param   prior_examples         weight of the median variance
-- column  label                  label the score speaks for
-- column  word                   lower-case word; a piece with · where the word goes on
-- column  kind                   word or piece
-- column  n_examples             examples with the word and the label as target; all with the word if mirrored
-- column  mean_score             mean over these examples; positive speaks for the label       [unit of the scalar]
-- column  ci_low                 95 % interval of mean_score                                   [unit of the scalar]
-- column  ci_high                95 % interval of mean_score                                   [unit of the scalar]
-- column  std_error              standard error of mean_score                                  [unit of the scalar]
-- column  noise_share            share of std_error squared that is quadrature noise; null without such noise   [0..1]
-- column  typical_score          mean score of the typical word; 0 where scores are mirrored      [unit of the scalar]
-- column  p_value                two-sided, of mean_score = typical_score
-- column  q_value                false discovery rate at which the word enters the list
-- column  mean_share             mean share of the example's |scores|                          [0..1]
-- column  reach                  n_examples as a share of all explained examples               [0..1]
-- column  impact                 mean_score * reach: what the word adds to the average example [unit of the scalar]
-- column  mean_gradient_x_input  the same mean by gradient x input                             [unit of the scalar]
-- column  mean_gradient_norm     mean norm of the gradient to the one-hot input
-- column  pieces_per_word        tokens per occurrence
-- column  n_words                different words a piece comes from; 1 for a word
-- column  source_words           the words a piece comes from, most frequent first; null for a word
-- unique  kind, label, word
with

explained as (
    select count(*) as n_explained
    from examples
    where converged
),

labels as (
    select unnest($labels::varchar[]) as label
),

towards as (
    select
        word_scores.kind,
        labels.label,
        word_scores.word,
        word_scores.n_occurrences,
        word_scores.n_pieces,
        word_scores.share,
        word_scores.gradient_norm,
        case when examples.target_label = labels.label then 1 else -1 end * word_scores.score as score,
        word_scores.contrast,
        case when examples.target_label = labels.label then 1 else -1 end * word_scores.gradient_x_input as product
    from word_scores
    inner join examples using (example_id)
    inner join labels on examples.target_label = labels.label or $mirrored
),

means as (
    select
        kind,
        label,
        word,
        count(*) as n_examples,
        avg(score) as mean_score,
        var_samp(score) as variance,
        sum(contrast ** 2) / count(*) ** 2 as noise_variance,
        avg(share) as mean_share,
        avg(product) as mean_gradient_x_input,
        avg(gradient_norm) as mean_gradient_norm,
        sum(n_pieces) / sum(n_occurrences) as pieces_per_word
    from towards
    group by kind, label, word
    having count(*) >= $min_examples
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
),

moderated as (
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
),

tested as (
    select
        *,
        mean_score - t_975(degrees_of_freedom) * std_error as ci_low,
        mean_score + t_975(degrees_of_freedom) * std_error as ci_high,
        -- All scores zero: nothing is known to differ from zero.
        case
            when std_error = 0 then if(mean_score = typical_score, 1.0, 0.0)
            else least(normal_p(t_to_normal((mean_score - typical_score) / std_error, degrees_of_freedom)), 1)
        end as p_value
    from moderated
),

-- Rank within the family; equal p-values share the larger rank, as the step-up procedure asks.
ranked as (
    select
        *,
        count(*) over (partition by kind, label order by p_value) as p_rank,
        count(*) over (partition by kind, label) as n_tests
    from tested
),

counted_sources as (
    select
        piece,
        source_word,
        count(distinct example_id) as n_examples
    from piece_occurrences
    group by piece, source_word
),

ordered_sources as (
    select
        *,
        row_number() over (partition by piece order by n_examples desc, source_word) as place
    from counted_sources
),

sources as (
    select
        piece,
        count(*) as n_words,
        string_agg(source_word, ', ' order by place) filter (where place <= 6) as source_words
    from ordered_sources
    group by piece
)

select
    ranked.label,
    ranked.word,
    ranked.kind,
    ranked.n_examples,
    ranked.mean_score,
    ranked.ci_low,
    ranked.ci_high,
    ranked.std_error,
    -- least() passes over nulls: without noise it would say 1
    if(
        ranked.noise_variance is null, null, least(ranked.noise_variance / nullif(ranked.std_error ** 2, 0), 1)
    ) as noise_share,
    ranked.typical_score,
    ranked.p_value,
    greatest(least(
        min(ranked.p_value * ranked.n_tests / ranked.p_rank) over (
            partition by ranked.kind, ranked.label
            order by ranked.p_value desc
            range between unbounded preceding and current row
        ),
        1
    -- rounding must not put q below p
    ), ranked.p_value) as q_value,
    ranked.mean_share,
    ranked.n_examples / explained.n_explained as reach,
    ranked.mean_score * ranked.n_examples / explained.n_explained as impact,
    ranked.mean_gradient_x_input,
    ranked.mean_gradient_norm,
    ranked.pieces_per_word,
    case when ranked.kind = 'piece' then sources.n_words else 1 end as n_words,
    case when ranked.kind = 'piece' then sources.source_words end as source_words
from ranked
cross join explained
left join sources on ranked.word = sources.piece
order by ranked.label, ranked.kind desc, abs(impact) desc, ranked.word
