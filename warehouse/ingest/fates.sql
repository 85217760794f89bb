-- fates: how many rows were read, by what became of them.
-- One row per fate.
--
-- column  fate    audited, for training, not sampled, or the reason of a reject
-- column  n_rows  rows
-- unique  fate
select
    coalesce(reason, 'audited') as fate,
    count(*) as n_rows
from plan
group by fate
order by fate
