-- waived: the verdicts of a run that a person has overruled, and the waivers of it that have expired.
-- One row per (kind, label, word) with a waiver.
--
-- param   run_id      run
-- param   today       date of the gate
-- column  kind        word, piece, pair, type or pattern
-- column  label       label it pushes towards
-- column  word        what was waived
-- column  verdict     verdict that is overruled
-- column  owner       who answers for it
-- column  reason      why
-- column  expires     last day on which it holds
-- column  is_expired  that day has passed
select
    kind,
    label,
    word,
    verdict,
    waived_by as owner,
    waiver_reason as reason,
    waiver_expires as expires,
    waiver_expires < $today::date as is_expired
from main.run_verdicts
where run_id = $run_id and waiver_expires is not null
order by is_expired desc, word, label, kind
