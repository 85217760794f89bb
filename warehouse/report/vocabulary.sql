-- vocabulary: the words worth a piece of their own, with the pieces they are cut into today.
-- One row per word.
--
-- column  rank             1 for the best candidate
-- column  word             lower-case word
-- column  type             type of the word
-- column  n_examples       examples with the word
-- column  n_occurrences    times it stands in the explained texts
-- column  pieces_per_word  tokens per occurrence today
-- column  pieces           the pieces of its first occurrence, in order
-- column  tokens_saved     tokens of the explained texts that one piece would save
-- column  label            label it pushes towards
-- column  mean_score       mean score towards that label     [unit of the scalar]
-- unique  word
with

first_examples as (
    select
        word,
        min(example_id) as example_id
    from word_occurrences
    where n_pieces > 1
    group by word
),

first_lengths as (
    select
        occurrences.word,
        occurrences.example_id,
        arg_min(occurrences.n_pieces, occurrences.word_start) as n_pieces
    from word_occurrences as occurrences
    inner join first_examples using (word, example_id)
    where occurrences.n_pieces > 1
    group by occurrences.word, occurrences.example_id
),

numbered as (
    select
        source_word as word,
        example_id,
        trim(piece, '·') as piece,
        row_number() over (partition by source_word, example_id order by position) as rank
    from piece_occurrences
),

cuts as (
    select
        numbered.word,
        list(numbered.piece order by numbered.rank) as pieces
    from numbered
    inner join first_lengths as lengths using (word, example_id)
    where numbered.rank <= lengths.n_pieces
    group by numbered.word
)

select
    candidates.rank,
    candidates.word,
    candidates.type,
    candidates.n_examples,
    candidates.n_occurrences,
    candidates.pieces_per_word,
    coalesce(cuts.pieces, []) as pieces,
    candidates.tokens_saved,
    candidates.label,
    candidates.mean_score
from vocabulary_candidates as candidates
left join cuts using (word)
order by candidates.rank
