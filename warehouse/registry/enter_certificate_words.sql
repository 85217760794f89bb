-- enter_certificate_words: a table of a self-test, from its part.
insert or replace into main.certificate_words by name
select
    $certificate_id as certificate_id,
    *
from read_parquet($words)
