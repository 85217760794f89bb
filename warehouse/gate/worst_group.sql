-- worst_group: the group of texts with the lowest accuracy, among the gold labels and each finding with each gold label.
-- One row.
--
-- No row without labels. Interval: Wilson 1927.
--
-- param   run_id      run
-- param   reference   run that it is compared with, or an empty text
-- param   min_texts   fewest texts of a group
-- column  word        spurious word; empty where the texts need hold none
-- column  label       gold label of the group
-- column  n_texts     its texts
-- column  accuracy    share of them predicted as labelled                            [0..1]
-- column  low         95 % interval of accuracy                                      [0..1]
-- column  high        95 % interval of accuracy                                      [0..1]
-- column  n_reference texts of the same group in the reference; null where it is not known
-- column  reference_accuracy  share of them predicted as labelled                    [0..1]
-- column  reference_low       95 % interval of reference_accuracy                    [0..1]
-- column  reference_high      95 % interval of reference_accuracy                    [0..1]
with

found as (
    select '' as word
    union
    select word
    from main.run_verdicts
    where run_id = $run_id and kind = 'word' and status in ('spurious', 'part')
)

select
    own.word,
    own.gold_label as label,
    own.n_texts,
    own.n_correct / own.n_texts as accuracy,
    wilson_low(own.n_correct, own.n_texts) as low,
    wilson_high(own.n_correct, own.n_texts) as high,
    before.n_texts as n_reference,
    before.n_correct / before.n_texts as reference_accuracy,
    wilson_low(before.n_correct, before.n_texts) as reference_low,
    wilson_high(before.n_correct, before.n_texts) as reference_high
from main.run_groups as own
inner join found using (word)
left join main.run_groups as before
    on before.run_id = $reference and own.word = before.word and own.gold_label = before.gold_label
where own.run_id = $run_id and own.n_texts >= $min_texts
order by accuracy, own.word, own.gold_label
limit 1
