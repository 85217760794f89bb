-- certificate_folders: where the planted copies of self-tests are.
-- One row per certificate.
--
-- column  certificate_id  name and hash of what went in
-- column  folder          planted copy and its warehouse
-- unique  certificate_id
select
    certificate_id,
    folder
from main.certificates
order by certificate_id
