-- A gap outside its own interval or outside -1..1, a probability outside 0..1, or more harm than there are examples.
select kind, label, word, n_minority, n_pulled, gap, gap_low, gap_high, n_harmed, p_value, q_value
from minority_gap
where
    not coalesce(
        gap between -1 and 1
        and gap_low <= gap + 1e-12 and gap <= gap_high + 1e-12
        and n_harmed between 0 and n_pulled
        and p_value between 0 and 1 and q_value between p_value and 1,
        false
    )
