-- enter_certificate_methods: a table of a self-test, from its part.
insert or replace into main.certificate_methods by name
select
    $certificate_id as certificate_id,
    *
from read_parquet($methods)
