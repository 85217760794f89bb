-- A mean outside its own interval, or a probability outside 0..1.
select kind, label, word, mean_score, ci_low, ci_high, p_value, q_value
from word_importance
where
    not coalesce(
        ci_low <= mean_score and mean_score <= ci_high
        and p_value between 0 and 1 and q_value between p_value and 1
        and document_frequency between 0 and 1
        -- an example whose scores are all zero has no shares
        and (mean_score = 0 or mean_share between 0 and 1),
        false
    )
