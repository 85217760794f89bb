-- steps: what the attributions cost.
-- One row per number of gradients.
--
-- column  steps       gradients spent on an example
-- column  n_examples  examples
-- column  median_gap  median relative completeness gap after them     [share of the change]
-- unique  steps
select
    steps,
    count(*) as n_examples,
    median(relative_gap) as median_gap
from examples
group by steps
order by steps
