-- A bootstrap interval that ends before it begins, or that rests on no replicate.
select kind, label, word, boot_low, boot_high, n_replicates
from word_bootstrap
where not coalesce(boot_low <= boot_high and n_replicates > 0, false)
