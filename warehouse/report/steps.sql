-- steps: what the attributions cost.
-- One row per number of gradients.
--
-- column  gradients   gradients spent on an example
-- column  n_examples  examples
-- column  median_gap  median relative completeness gap after them     [share of the change]
-- unique  gradients
select
    gradients,
    count(*) as n_examples,
    median(relative_gap) as median_gap
from examples
where gradients is not null
group by gradients
order by gradients
