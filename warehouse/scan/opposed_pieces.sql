-- opposed_pieces: pieces that push away from the label that the whole word pushes towards.
-- One row per (word, piece).
--
-- A piece pushes by its mean score in all words that it stands in, two or more; both intervals leave the typical score
-- out, on opposite sides.
--
-- column  word         lower-case word
-- column  piece        lower-case piece, with · where the word goes on
-- column  label        label that the word pushes towards
-- column  word_score   mean score of the word, less the typical one                          [unit of the scalar]
-- column  piece_score  mean score of the piece in all its words, less the typical one        [unit of the scalar]
-- column  n_words      words that the piece stands in
-- column  n_examples   texts with the piece
-- unique  word, piece
with

held as (
    select distinct
        source_word as word,
        piece
    from piece_occurrences
)

select
    held.word,
    held.piece,
    words.label,
    words.mean_score - words.typical_score as word_score,
    pieces.mean_score - pieces.typical_score as piece_score,
    pieces.n_words,
    pieces.n_examples
from held
inner join cut_words on held.word = cut_words.word
inner join word_importance as words on words.kind = 'word' and held.word = words.word
inner join word_importance as pieces
    on pieces.kind = 'piece' and held.piece = pieces.word and words.label = pieces.label
where
    pieces.n_words > 1
    and words.ci_low > words.typical_score
    and pieces.ci_high < pieces.typical_score
qualify row_number() over (partition by held.word, held.piece order by word_score desc, words.label) = 1
order by piece_score, held.word, held.piece
