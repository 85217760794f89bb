-- completeness: the change an example's scores should add up to, and what they do add up to.
-- One row per example of a fixed draw.
--
-- param   max_points  examples to draw
-- column  example_id  example
-- column  change      explained scalar at the text minus at the baseline      [unit of the scalar]
-- column  total       sum of the scores                                       [unit of the scalar]
-- column  status      explained or quarantined
-- unique  example_id
select
    example_id,
    round(change, 3) as change,
    round(change + gap, 3) as total,
    if(converged, 'explained', 'quarantined') as status
from examples
-- predicted only, or a method without a change to add up to
where gap is not null
-- md5 and not hash(): the draw must not change with the version of the database
order by md5(example_id::varchar), example_id
limit $max_points
