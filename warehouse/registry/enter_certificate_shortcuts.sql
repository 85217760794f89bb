-- enter_certificate_shortcuts: a table of a self-test, from its part.
insert or replace into main.certificate_shortcuts by name
select
    $certificate_id as certificate_id,
    *
from read_parquet($shortcuts)
