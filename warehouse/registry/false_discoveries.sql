-- false_discoveries: what an audit calls spurious without reason, by its decoys and controls.
-- One row.
--
-- Decoys are planted without regard to the label. So the share of them that is called spurious, times the number of
-- words that could have been, estimates how many of the words called spurious are so by chance (target-decoy estimate).
--
-- param   certificate_id       certificate
-- column  n_decoys             decoys in enough texts to be judged
-- column  n_decoys_spurious    of these, called spurious
-- column  n_tested             words judged that were not planted
-- column  n_flagged            words called spurious, planted or not, decoys left out
-- column  decoy_low            95 % interval of the share of decoys that are; null without decoys  [0..1]
-- column  decoy_high           95 % interval of the share of decoys that are; null without decoys  [0..1]
-- column  decoy_fdr            estimated share of false ones among n_flagged; null without decoys  [0..1]
-- column  n_controls           control words in enough texts to be judged
-- column  n_controls_spurious  of these, called spurious
-- unique  n_decoys
with

planted as (
    select
        count(*) filter (where role = 'decoy' and has_figures) as n_decoys,
        count(*) filter (where role = 'decoy' and verdict = 'spurious') as n_decoys_spurious,
        count(*) filter (where role in ('shortcut', 'context') and verdict = 'spurious') as n_found,
        count(*) filter (where role = 'control' and has_figures) as n_controls,
        count(*) filter (where role = 'control' and verdict = 'spurious') as n_controls_spurious
    from main.certificate_words
    where certificate_id = $certificate_id
)

select
    planted.n_decoys,
    planted.n_decoys_spurious,
    certificates.n_tested,
    planted.n_found + certificates.n_spurious as n_flagged,
    wilson_low(planted.n_decoys_spurious, planted.n_decoys) as decoy_low,
    wilson_high(planted.n_decoys_spurious, planted.n_decoys) as decoy_high,
    case
        when planted.n_decoys > 0
            then least(
                1,
                planted.n_decoys_spurious / planted.n_decoys * certificates.n_tested
                / greatest(planted.n_found + certificates.n_spurious, 1)
            )
    end as decoy_fdr,
    planted.n_controls,
    planted.n_controls_spurious
from main.certificates as certificates
cross join planted
where certificates.certificate_id = $certificate_id
