-- ranks: how high each attribution method ranks the planted words of each shortcut.
-- One row per (shortcut, strength, method, baseline).
--
-- param   certificate_id  certificate
-- column  shortcut        kind of shortcut
-- column  strength        share of the planted rows that obey it             [0..1]
-- column  method          attribution method
-- column  baseline        baseline; none for methods that need none
-- column  k               planted words in a text
-- column  precision_at_k  mean share of planted words among the k top words  [0..1]
-- column  mean_rank       mean rank of the last planted word to come; k at best
-- unique  shortcut, strength, method, baseline
select
    shortcut,
    strength,
    method,
    baseline,
    k,
    precision_at_k,
    mean_rank
from main.certificate_methods
where certificate_id = $certificate_id
order by shortcut, strength, precision_at_k desc, mean_rank, method, baseline
