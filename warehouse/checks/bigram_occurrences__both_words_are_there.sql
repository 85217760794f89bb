-- A pair whose score is not the sum of two words that follow each other.
-- batch  bigram_occurrences, word_occurrences
select
    pairs.example_id,
    pairs.word,
    pairs.score
from bigram_occurrences as pairs
left join word_occurrences as firsts
    on pairs.example_id = firsts.example_id and pairs.word_start = firsts.word_start
left join word_occurrences as seconds
    on
        pairs.example_id = seconds.example_id
        and seconds.word_start > firsts.word_end
        and pairs.word = concat(firsts.word, ' ', seconds.word)
group by pairs.example_id, pairs.word_start, pairs.word, pairs.score
having not coalesce(bool_or(abs(firsts.score + seconds.score - pairs.score) <= 1e-9), false)
