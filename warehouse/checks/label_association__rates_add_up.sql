-- The labels of a word's examples add up to its examples.
select kind, word, sum(n_label) as n_labels, any_value(n_examples) as n_examples
from label_association
group by kind, word
having n_labels != any_value(n_examples)
