-- word_importance: how much the model leans on a word, over all examples that hold it.
-- One row per (kind, label, word).
--
-- Interval and p-value: Student's t on the mean over examples, each word's variance moderated by the median
-- variance of all words (Smyth 2004, limma). q-value: Benjamini and Hochberg 1995 within (kind, label).
--
-- Shrinkage, for ranking and never for testing: the means of a family are normal around a common centre with variance
-- tau2 (DerSimonian and Laird 1986), each measured with its own error; a word keeps the share tau2 / (tau2 + error) of
-- its distance from the centre (Efron and Morris 1975). shrunk_sd also holds the error of the centre.
--
-- param   labels                 the model's labels
-- param   mirrored               two classes and a scalar that changes sign with the class: a score towards one
--                                is minus the score towards the other, and every example counts for both
-- param   min_examples           fewest examples a word must stand in
-- param   prior_examples         weight of the median variance
-- column  label                  label the score speaks for
-- column  word                   lower-case word; a piece with · where the word goes on
-- column  kind                   word, piece or bigram
-- column  n_examples             examples with the word and the label as target; all with the word if mirrored
-- column  mean_score             mean over these examples; positive speaks for the label       [unit of the scalar]
-- column  ci_low                 95 % interval of mean_score                                   [unit of the scalar]
-- column  ci_high                95 % interval of mean_score                                   [unit of the scalar]
-- column  std_error              standard error of mean_score                                  [unit of the scalar]
-- column  shrunk_score           mean_score drawn towards the mean of all words                  [unit of the scalar]
-- column  shrunk_sd              its posterior standard deviation                              [unit of the scalar]
-- column  lower_bound            how far shrunk_score surely is from typical_score: the distance less 1.645 shrunk_sd,
--                                with the sign of the distance; 0 where that leaves nothing    [unit of the scalar]
-- column  noise_share            share of std_error squared that is quadrature noise; null without such noise   [0..1]
-- column  typical_score          mean score of the typical word; 0 where scores are mirrored      [unit of the scalar]
-- column  p_value                two-sided, of mean_score = typical_score
-- column  q_value                false discovery rate at which the word enters the list
-- column  size                   root of the mean squared score, whichever label it speaks for [unit of the scalar]
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

centred as (
    select
        *,
        sum(n_examples * mean_score) over same_word / sum(n_examples) over same_word as common_mean
    from towards
    window same_word as (partition by kind, label, word)
),

means as (
    select
        kind,
        label,
        word,
        sum(n_examples)::bigint as n_examples,
        any_value(common_mean) as mean_score,
        -- Within the targets and between them: no difference of large numbers (Chan et al. 1983).
        (sum(squares) + sum(n_examples * (mean_score - common_mean) ** 2)) / (sum(n_examples) - 1) as variance,
        sum(noise_squares) / sum(n_examples) ** 2 as noise_variance,
        sum(share) / nullif(sum(n_shares), 0) as mean_share,
        sum(product) / sum(n_examples) as mean_gradient_x_input,
        sum(norm) / sum(n_examples) as mean_gradient_norm,
        sum(n_pieces) / sum(n_occurrences) as pieces_per_word
    from centred
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
        std_error ** 2 as error_variance,
        mean_score - t_975(degrees_of_freedom) * std_error as ci_low,
        mean_score + t_975(degrees_of_freedom) * std_error as ci_high,
        student_p(mean_score - typical_score, std_error, degrees_of_freedom) as p_value
    from moderated
),

-- A word without error would weigh infinitely much; it takes no part in the estimate and is not shrunk.
fixed_effects as (
    select
        kind,
        label,
        count(*) as n_words,
        sum(1 / error_variance) as weights,
        sum(1 / error_variance ** 2) as squared_weights,
        sum(mean_score / error_variance) / sum(1 / error_variance) as centre
    from tested
    where error_variance > 0
    group by kind, label
),

spreads as (
    select
        tested.kind,
        tested.label,
        greatest(
            (sum((tested.mean_score - family.centre) ** 2 / tested.error_variance) - (any_value(family.n_words) - 1))
            / any_value(nullif(family.weights - family.squared_weights / family.weights, 0)),
            0
        ) as spread
    from tested
    inner join fixed_effects as family using (kind, label)
    where tested.error_variance > 0
    group by tested.kind, tested.label
    -- from one word nothing is learned about the others
    having count(*) > 1
),

centres as (
    select
        tested.kind,
        tested.label,
        any_value(spreads.spread) as spread,
        sum(tested.mean_score / (spreads.spread + tested.error_variance))
            / sum(1 / (spreads.spread + tested.error_variance)) as centre,
        1 / sum(1 / (spreads.spread + tested.error_variance)) as centre_variance
    from tested
    inner join spreads using (kind, label)
    where tested.error_variance > 0
    group by tested.kind, tested.label
),

shrunk as (
    select
        tested.*,
        coalesce(centres.spread / nullif(centres.spread + tested.error_variance, 0), 1) as kept,
        if(kept = 1, tested.mean_score, centres.centre + kept * (tested.mean_score - centres.centre)) as shrunk_score,
        sqrt(kept * tested.error_variance + (1 - kept) ** 2 * coalesce(centres.centre_variance, 0)) as shrunk_sd,
        sign(shrunk_score - tested.typical_score)
            * greatest(abs(shrunk_score - tested.typical_score) - 1.645 * shrunk_sd, 0) as lower_bound
    from tested
    left join centres using (kind, label)
),

ranked as (
    select
        *,
        step_up_rank(p_value, (kind, label)) as p_rank,
        count(*) over (partition by kind, label) as n_tests
    from shrunk
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
    ranked.shrunk_score,
    ranked.shrunk_sd,
    ranked.lower_bound,
    -- least() passes over nulls: without noise it would say 1
    if(
        ranked.noise_variance is null, null, least(ranked.noise_variance / nullif(ranked.std_error ** 2, 0), 1)
    ) as noise_share,
    ranked.typical_score,
    ranked.p_value,
    step_up_q(ranked.p_value, ranked.n_tests, ranked.p_rank, (ranked.kind, ranked.label)) as q_value,
    -- n - 1 because the variance has it
    sqrt(ranked.mean_score ** 2 + ranked.variance * (ranked.n_examples - 1) / ranked.n_examples) as size,
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
