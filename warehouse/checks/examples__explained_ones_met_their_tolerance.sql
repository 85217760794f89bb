-- An explained example without a score, or one that misses what its mode promises: the estimated error in mode document,
-- the completeness gap in mode fixed if a largest one is set.
-- param  mode       corpus, document or fixed
-- param  tolerance  largest estimated error in mode document
-- param  max_gap    largest relative completeness gap in mode fixed; null for none
select
    example_id,
    relative_gap,
    error,
    score
from examples
where
    converged
    and not coalesce(
        isfinite(score)
        -- attribution compares before it rounds to 32 bits
        and ($mode != 'document' or error is null or error <= $tolerance * (1 + 1e-6))
        and ($mode != 'fixed' or $max_gap::double is null or relative_gap <= $max_gap::double * (1 + 1e-6)),
        false
    )
