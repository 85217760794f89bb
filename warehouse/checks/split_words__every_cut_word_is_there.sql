-- A word that is cut and has lost its type, or that would save other tokens than its pieces leave.
select
    cut_words.word,
    split_words.tokens_over
from cut_words
left join split_words using (word)
where
    split_words.type is null
    or split_words.tokens_over != round(cut_words.n_occurrences * (cut_words.pieces_per_word - 1))
    or split_words.cancelled not between 0 and 1
