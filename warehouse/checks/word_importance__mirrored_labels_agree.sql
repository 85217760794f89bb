-- With two mirrored labels a score towards one is minus the score towards the other.
-- param  mirrored  two classes and an antisymmetric scalar
select a.kind, a.word, a.mean_score, b.mean_score as other_score
from word_importance as a
inner join word_importance as b on a.kind = b.kind and a.word = b.word and a.label < b.label
where $mirrored and not coalesce(abs(a.mean_score + b.mean_score) <= 1e-9, false)
