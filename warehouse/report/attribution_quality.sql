-- attribution_quality: what the audit can promise about its scores, and what it cost.
-- One row.
--
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
select
    mode,
    method,
    rule,
    warp,
    baseline,
    gradients,
    mean_gradients,
    pilot_gradients,
    n_planned,
    n_explained,
    n_predicted_only,
    n_tolerance,
    n_not_finite,
    n_out_of_memory,
    n_worker_died,
    n_held_out,
    error_p50,
    error_p90,
    error_p99,
    noise,
    inflation,
    expected_width,
    median_noise_share,
    worst_noise_share
from attribution_quality
order by mode
