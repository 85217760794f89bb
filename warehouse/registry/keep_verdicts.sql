-- keep_verdicts: everything that was tried; with a waiver that has expired, too, who answers for it and why.
insert into main.run_verdicts
select
    $run_id,
    rank,
    kind,
    label,
    word,
    type,
    verdict,
    status,
    part_of,
    effect,
    effect_low,
    effect_high,
    per_1000,
    per_1000_low,
    per_1000_high,
    document_frequency,
    coalesce(
        waived_by,
        (
            select arg_max(waivers.owner, waivers.label)
            from waivers
            where waivers.word = verdicts.word and waivers.label in ('', verdicts.label)
        )
    ),
    coalesce(
        waiver_reason,
        (
            select arg_max(waivers.reason, waivers.label)
            from waivers
            where waivers.word = verdicts.word and waivers.label in ('', verdicts.label)
        )
    ),
    waiver_expires
from verdicts
order by rank
