-- worst_gaps: the examples whose scores miss most of the change they should add up to.
-- One row per example.
--
-- param   max_gaps      longest list
-- column  rank          1 for the largest gap
-- column  example_id    example
-- column  source_id     the dataset's own id
-- column  change        explained scalar at the text minus at the baseline      [unit of the scalar]
-- column  total         sum of the scores                                       [unit of the scalar]
-- column  relative_gap  |total - change| / max(|change|, 1)
-- column  status        explained or quarantined
-- unique  example_id
select
    row_number() over (order by relative_gap desc, example_id) as rank,
    example_id,
    source_id,
    change,
    change + gap as total,
    relative_gap,
    if(converged, 'explained', 'quarantined') as status
from examples
-- without a change that is a number there is no gap
where relative_gap is not null
qualify rank <= $max_gaps
order by rank
