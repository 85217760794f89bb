-- enter_certificates: a self-test is done.
insert or replace into main.certificates
select
    $certificate_id, $subject, $name, now()::timestamp, $folder, $run_id, $seed, $method, $baseline,
    $clean_accuracy, $planted_accuracy, n_tested, n_spurious, $config::json
from read_parquet($unplanted)
