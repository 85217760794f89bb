-- methods: how well each attribution method ranks the planted words, best first.
-- One row per (method, baseline).
--
-- Over the shortcuts that the model learned; the others show nothing.
--
-- param   certificate_id  certificate
-- column  method          attribution method
-- column  baseline        baseline; none for methods that need none
-- column  precision_at_k  mean over the shortcuts                           [0..1]
-- column  lowest          lowest precision_at_k of a shortcut               [0..1]
-- column  mean_rank       mean over the shortcuts
-- unique  method, baseline
select
    methods.method,
    methods.baseline,
    avg(methods.precision_at_k) as precision_at_k,
    min(methods.precision_at_k) as lowest,
    avg(methods.mean_rank) as mean_rank
from main.certificate_methods as methods
inner join main.certificate_shortcuts as shortcuts using (certificate_id, shortcut, strength)
where methods.certificate_id = $certificate_id and shortcuts.learned
group by methods.method, methods.baseline
order by precision_at_k desc, mean_rank, methods.method, methods.baseline
