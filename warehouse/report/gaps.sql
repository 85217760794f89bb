-- gaps: how far the scores of an example miss the change they should add up to.
-- One row per bin, a tenth of max_gap wide; the last bin holds everything from twice max_gap on.
--
-- param   max_gap     scale: the tolerance, or a tenth           [share of the change]
-- column  bin_start   lower end of the bin                       [share of the change]
-- column  bin_end     upper end of the bin                       [share of the change]
-- column  status      explained or quarantined
-- column  n_examples  examples
-- unique  bin_start, status
with

bins as (
    select
        least(floor(10 * relative_gap / $max_gap), 20) as bin,
        if(converged, 'explained', 'quarantined') as status
    from examples
)

select
    round(bin * $max_gap / 10, 6) as bin_start,
    round((bin + 1) * $max_gap / 10, 6) as bin_end,
    status,
    count(*) as n_examples
from bins
where bin is not null
group by bin, status
order by bin_start, status
