-- An interval that does not hold what it is of, or more flips than texts that could flip.
select kind, label, word, operator, mean_effect, effect_low, effect_high, n_flipped, n_flippable
from effects
where
    not coalesce(mean_effect between effect_low and effect_high, n_trials < 3)
    or not coalesce(flip_rate between flip_low and flip_high, n_flippable = 0)
    or n_flipped > n_flippable
