-- A converged example that misses completeness by more than the tolerance, or has no score.
-- param  max_gap  largest relative completeness gap
select example_id, relative_gap, score
from examples
-- attribution compares in 32 bits, this in 64
where converged and not coalesce(relative_gap <= $max_gap * (1 + 1e-6) and isfinite(score), false)
