-- word_importance: how much the model relies on a word, over all examples that hold it.
-- One row per (kind, label, word).
--
-- Interval and p-value: Student's t on the mean over examples, with the moderated variance of word_means. q-value:
-- Benjamini and Hochberg 1995 within (kind, label).
--
-- Shrinkage, for ranking and never for testing: the means of a family are normal around a pooled mean with the variance
-- tau_squared (DerSimonian and Laird 1986), and each is measured with an error of its own. A word keeps a share of its
-- distance from the pooled mean, the shrinkage factor: tau_squared / (tau_squared + error_variance) (Efron and Morris
-- 1975). shrunk_sd includes the error of the pooled mean.
--
-- first   aggregate/word_means, aggregate/piece_sources
-- column  label                  label the score pushes towards
-- column  word                   lower-case word; a piece with · where the word goes on
-- column  kind                   word, piece or bigram
-- column  n_examples             examples with the word and the label as target; all with the word if mirrored
-- column  mean_score             mean over these examples; positive pushes towards the label  [unit of the scalar]
-- column  ci_low                 95 % interval of mean_score  [unit of the scalar]
-- column  ci_high                95 % interval of mean_score  [unit of the scalar]
-- column  std_error              standard error of mean_score  [unit of the scalar]
-- column  shrunk_score           mean_score, shrunk towards the pooled mean of all words  [unit of the scalar]
-- column  shrunk_sd              its posterior standard deviation  [unit of the scalar]
-- column  lower_bound            how far shrunk_score significantly is from typical_score: the distance less
--                                1.645 shrunk_sd, with its sign; 0 where that leaves nothing   [unit of the scalar]
-- column  noise_share            share of std_error squared that is quadrature noise; null without such noise  [0..1]
-- column  typical_score          mean score of the typical word; 0 where scores are mirrored  [unit of the scalar]
-- column  p_value                two-sided, of mean_score = typical_score
-- column  q_value                false discovery rate at which the word enters the list
-- column  rms                    root of the mean squared score, whichever label it is for  [unit of the scalar]
-- column  mean_share             mean share of the example's |scores|  [0..1]
-- column  document_frequency     document frequency: n_examples / all explained examples  [0..1]
-- column  impact                 mean_score * document_frequency: what it adds to the mean example [unit of the scalar]
-- column  mean_gradient_x_input  the same mean by gradient x input  [unit of the scalar]
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

tested as (
    select
        *,
        std_error ** 2 as error_variance,
        mean_score - t_975(degrees_of_freedom) * std_error as ci_low,
        mean_score + t_975(degrees_of_freedom) * std_error as ci_high,
        student_p(mean_score - typical_score, std_error, degrees_of_freedom) as p_value
    from word_means
),

-- A word without error would weigh infinitely much; it takes no part in the estimate and is not shrunk.
fixed_effects as (
    select
        kind,
        label,
        count(*) as n_words,
        sum(1 / error_variance) as weights,
        sum(1 / error_variance ** 2) as squared_weights,
        sum(mean_score / error_variance) / sum(1 / error_variance) as pooled_mean
    from tested
    where error_variance > 0
    group by kind, label
),

heterogeneity as (
    select
        tested.kind,
        tested.label,
        greatest(
            (
                sum((tested.mean_score - family.pooled_mean) ** 2 / tested.error_variance)
                - (any_value(family.n_words) - 1)
            )
            / any_value(nullif(family.weights - family.squared_weights / family.weights, 0)),
            0
        ) as tau_squared
    from tested
    inner join fixed_effects as family using (kind, label)
    where tested.error_variance > 0
    group by tested.kind, tested.label
    -- From one word nothing can be estimated about the others.
    having count(*) > 1
),

random_effects as (
    select
        tested.kind,
        tested.label,
        any_value(heterogeneity.tau_squared) as tau_squared,
        sum(tested.mean_score / (heterogeneity.tau_squared + tested.error_variance))
            / sum(1 / (heterogeneity.tau_squared + tested.error_variance)) as pooled_mean,
        1 / sum(1 / (heterogeneity.tau_squared + tested.error_variance)) as pooled_variance
    from tested
    inner join heterogeneity using (kind, label)
    where tested.error_variance > 0
    group by tested.kind, tested.label
),

shrunk as (
    select
        tested.*,
        coalesce(family.tau_squared / nullif(family.tau_squared + tested.error_variance, 0), 1) as shrinkage_factor,
        if(
            shrinkage_factor = 1,
            tested.mean_score,
            family.pooled_mean + shrinkage_factor * (tested.mean_score - family.pooled_mean)
        ) as shrunk_score,
        sqrt(
            shrinkage_factor * tested.error_variance
            + (1 - shrinkage_factor) ** 2 * coalesce(family.pooled_variance, 0)
        ) as shrunk_sd,
        sign(shrunk_score - tested.typical_score)
            * greatest(abs(shrunk_score - tested.typical_score) - 1.645 * shrunk_sd, 0) as lower_bound
    from tested
    left join random_effects as family using (kind, label)
),

ranked as (
    select
        *,
        step_up_rank(p_value, (kind, label)) as p_rank,
        count(*) over (partition by kind, label) as n_tests
    from shrunk
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
    -- least() ignores nulls: without noise it would return 1
    if(
        ranked.noise_variance is null, null, least(ranked.noise_variance / nullif(ranked.std_error ** 2, 0), 1)
    ) as noise_share,
    ranked.typical_score,
    ranked.p_value,
    step_up_q(ranked.p_value, ranked.n_tests, ranked.p_rank, (ranked.kind, ranked.label)) as q_value,
    -- n - 1 because the variance divides by it
    sqrt(ranked.mean_score ** 2 + ranked.variance * (ranked.n_examples - 1) / ranked.n_examples) as rms,
    ranked.mean_share,
    ranked.n_examples / explained.n_explained as document_frequency,
    ranked.mean_score * ranked.n_examples / explained.n_explained as impact,
    ranked.mean_gradient_x_input,
    ranked.mean_gradient_norm,
    ranked.pieces_per_word,
    case when ranked.kind = 'piece' then piece_sources.n_words else 1 end as n_words,
    case when ranked.kind = 'piece' then piece_sources.source_words end as source_words
from ranked
cross join explained
left join piece_sources on ranked.word = piece_sources.piece
order by ranked.label, ranked.kind desc, abs(impact) desc, ranked.word
