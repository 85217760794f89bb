-- brief: an audit in a line of a list.
-- One row.
--
-- column  n_texts      texts audited
-- column  n_predicted  of these, with a prediction to compare with the label
-- column  n_correct    of these, predicted as labelled
-- column  state        Act, Too little data, No shortcut found or Minor
-- column  n_findings   spurious words, pieces, pairs, types and patterns
-- unique  n_texts
select
    total.n_texts,
    (select count(correct) from examples) as n_predicted,
    (select count(*) filter (where correct) from examples) as n_correct,
    if(total.could_be_more, total.state || ', could be more', total.state) as state,
    total.n_findings
from total
order by total.n_texts
