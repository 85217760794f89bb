-- certificate_of: the newest certificate for data and a kind of model.
-- One row.
--
-- param   subject           hash of both
-- column  certificate_id    name and hash of what went in
-- column  name              name in the config
-- column  made_at           when it was made
-- column  folder            planted copy and its warehouse
-- column  seed              of what was planted
-- column  method            signed method that ranked the planted words best; null if none could
-- column  baseline          its baseline; none if it needs none
-- column  clean_accuracy    of the model of the clean data     [0..1]
-- column  planted_accuracy  of the model of the planted data   [0..1]
-- unique  certificate_id
select
    certificate_id,
    name,
    made_at,
    folder,
    seed,
    method,
    baseline,
    clean_accuracy,
    planted_accuracy
from main.certificates
where subject = $subject
order by made_at desc, certificate_id
limit 1
