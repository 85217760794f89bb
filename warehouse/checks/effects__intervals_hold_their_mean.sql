-- An interval that does not hold what it is of, or more texts away from the label than texts that move.
select kind, label, word, operator, mean_effect, effect_low, effect_high, n_opposite, n_signed
from effects
where
    not coalesce(mean_effect between effect_low and effect_high, n_texts < 3)
    or not coalesce(flip_rate between flip_low and flip_high, false)
    or n_opposite > n_signed
