-- attribution_quality: what the audit can promise about its scores, and what it cost.
-- One row.
--
-- param   pilot_parts        Parquet files of the plan, one row per pilot text
-- param   plan               facts of the plan that attribution made on its pilot
-- column  mode               what is certified: corpus, document or fixed
-- column  method             the method that is added up
-- column  rule               quadrature rule
-- column  warp               where on the path the gradients are
-- column  baseline           the baseline that was used
-- column  gradients          gradients a text, as planned
-- column  mean_gradients     gradients a text, as spent
-- column  pilot_gradients    gradients spent on the pilot
-- column  n_planned          texts to attribute
-- column  n_explained        texts explained
-- column  n_predicted_only   texts that were predicted only
-- column  n_tolerance        texts quarantined because they missed the tolerance
-- column  n_not_finite       texts quarantined because a score is no number
-- column  n_out_of_memory    texts quarantined because they do not fit into memory
-- column  n_worker_died      texts quarantined because they kill the process that reads them
-- column  n_held_out         pilot texts that verified the plan
-- column  error_p50          error of held-out pilot texts against a dense reference, median  [share of |scores|]
-- column  error_p90          the same, 90th percentile  [share of |scores|]
-- column  error_p99          the same, 99th percentile  [share of |scores|]
-- column  noise              root mean square noise of held-out pilot texts; null without noise  [share of |scores|]
-- column  inflation          expected widening of a word's interval by this noise  [share]
-- column  expected_width     expected width of a typical word's 95 % interval, if asked for  [unit of the scalar]
-- column  median_noise_share measured: share of a word's squared standard error that is noise, median [0..1]
-- column  worst_noise_share  the same, of the word with the largest  [0..1]
-- unique  mode
with

facts as (
    select $plan::json as plan
),

counted as (
    select
        avg(gradients) as mean_gradients,
        count(*) filter (where converged) as n_explained,
        count(*) filter (where converged is null) as n_predicted_only,
        count(*) filter (where reason = 'tolerance') as n_tolerance,
        count(*) filter (where reason = 'not finite') as n_not_finite,
        count(*) filter (where reason = 'out of memory') as n_out_of_memory,
        count(*) filter (where reason = 'worker died') as n_worker_died
    from examples
),

held_out as (
    select count(*) filter (where role = 'held out') as n_held_out
    from read_parquet($pilot_parts)
),

noise as (
    select
        median(noise_share) as median_noise_share,
        max(noise_share) as worst_noise_share
    from word_importance
)

select
    facts.plan ->> 'mode' as mode,
    facts.plan ->> 'method' as method,
    facts.plan ->> 'rule' as rule,
    facts.plan ->> 'warp' as warp,
    facts.plan ->> 'baseline_used' as baseline,
    (facts.plan ->> 'gradients')::integer as gradients,
    counted.mean_gradients,
    (facts.plan ->> 'pilot_gradients')::bigint as pilot_gradients,
    (facts.plan ->> 'n_planned')::bigint as n_planned,
    counted.n_explained,
    counted.n_predicted_only,
    counted.n_tolerance,
    counted.n_not_finite,
    counted.n_out_of_memory,
    counted.n_worker_died,
    held_out.n_held_out,
    (facts.plan ->> 'error_p50')::double as error_p50,
    (facts.plan ->> 'error_p90')::double as error_p90,
    (facts.plan ->> 'error_p99')::double as error_p99,
    (facts.plan ->> 'noise')::double as noise,
    (facts.plan ->> 'inflation')::double as inflation,
    (facts.plan ->> 'width')::double as expected_width,
    noise.median_noise_share,
    noise.worst_noise_share
from facts
cross join counted
cross join held_out
cross join noise
order by mode
