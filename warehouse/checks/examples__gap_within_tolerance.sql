-- A converged example that misses completeness by more than the tolerance, or has no score.
-- param  max_gap  largest relative completeness gap
select example_id, relative_gap, score
from examples
where converged and not coalesce(relative_gap <= $max_gap and isfinite(score), false)
