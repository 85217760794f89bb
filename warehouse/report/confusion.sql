-- confusion: gold label against predicted label.
-- One row per (gold_label, predicted_label) that occurs.
--
-- column  gold_label       label of the dataset
-- column  predicted_label  label the model gives
-- column  n_examples       examples
-- unique  gold_label, predicted_label
select
    gold_label,
    predicted_label,
    count(*) as n_examples
from examples
where predicted_label is not null
group by gold_label, predicted_label
order by gold_label, predicted_label
