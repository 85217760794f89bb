-- best_method: the method and baseline that rank the planted words best, of those that an audit can add up.
-- One row.
--
-- None if the model learned no shortcut. By the mean precision over the learned shortcuts, then by the mean rank.
--
-- param   methods         file: rank/method_ranks of every baseline
-- param   shortcuts       file: rank/learned
-- param   signed          methods that an audit can add up
-- column  method          attribution method
-- column  baseline        baseline; none for a method that needs none
-- unique  method, baseline
select
    methods.method,
    methods.baseline
from read_parquet($methods) as methods
inner join read_parquet($shortcuts) as shortcuts using (shortcut, strength)
where shortcuts.learned and methods.method in (select unnest($signed::varchar[]))
group by methods.method, methods.baseline
order by avg(methods.precision_at_k) desc, avg(methods.mean_rank), methods.method, methods.baseline
limit 1
