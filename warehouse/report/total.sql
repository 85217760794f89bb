-- total: what all findings do together, and the state of the audit.
-- One row.
--
-- column  state              Act, Too little data, No shortcut found or Minor
-- column  could_be_more      it is Minor, and the upper end is act_from or more
-- column  per_1000           predictions per 1,000 texts that change without the findings, less those of the control
-- column  per_1000_low       95 % interval of per_1000
-- column  per_1000_high      95 % interval of per_1000
-- column  n_findings         spurious words, pieces, pairs and types
-- column  n_alone            of these, names, identity terms, types and pairs that change act_alone or more
-- column  n_texts            texts audited
-- column  n_texts_with       texts that hold a finding
-- column  n_removed          of these, texts the findings were taken out of
-- column  n_changed          of these, texts whose prediction changes
-- column  n_control_changed  texts whose prediction changes without as many other words
-- column  n_short            texts with fewer other words than findings
-- column  n_used             words and pieces that the model uses
-- column  n_tried            of these, tried
-- column  n_powered          of these, in enough texts for seen_effect to be seen
-- column  powered_share      of the occurrences of used words, those of the words in enough texts  [0..1]
-- column  n_needed           texts that a word of the median standard deviation needs; null if nothing was tried,
--                            or if insertions vary too much for any number of texts
-- column  seen_effect        effect that should be seen  [log-odds]
-- unique  n_texts
select
    state,
    could_be_more,
    per_1000,
    per_1000_low,
    per_1000_high,
    n_findings,
    n_alone,
    n_texts,
    n_texts_with,
    n_removed,
    n_changed,
    n_control_changed,
    n_short,
    n_used,
    n_tried,
    n_powered,
    powered_share,
    n_needed,
    seen_effect
from total
order by n_texts
