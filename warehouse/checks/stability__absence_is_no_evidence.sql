-- A word judged on fewer than two corpora, or figures outside their range.
select kind, label, word, n_corpora_present, q_stat, p_value, q_value, i2
from stability
where
    not coalesce(
        n_corpora_present >= 2 and len(n_examples) = n_corpora_present and len(mean_scores) = n_corpora_present
        and q_stat >= 0 and p_value between 0 and 1 and q_value between p_value and 1 and i2 between 0 and 1,
        false
    )
