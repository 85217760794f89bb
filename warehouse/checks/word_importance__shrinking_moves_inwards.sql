-- A shrunken mean without a deviation, or a lower bound on the other side of 0 or further out than what it bounds.
select kind, label, word, mean_score, std_error, shrunk_score, shrunk_sd, lower_bound
from word_importance
where
    not coalesce(
        shrunk_sd >= 0
        and abs(lower_bound) <= abs(shrunk_score - typical_score) + 1e-12
        and lower_bound * (shrunk_score - typical_score) >= 0,
        false
    )
