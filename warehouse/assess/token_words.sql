-- token_words: every word that is cut, whether it should decide, and whether it should be one token.
-- One row per word that is cut.
--
-- param   word_parts          Parquet file of the stage extend, one row per word that is cut
-- column  rank                1 for the word whose cut weighs most
-- column  word                lower-case word
-- column  spelling            its commonest spelling
-- column  type                type of the word
-- column  sort                name, place, handle, code (letters and digits), term, or the type itself
-- column  script              its script
-- column  stem                what it shares with its inflections among the words that are cut
-- column  n_inflections       words that are cut and have this stem, this one included
-- column  pieces              pieces of its commonest cut, in their order
-- column  weights             mean absolute score of each of them there                        [unit of the scalar]
-- column  n_examples          texts with the word
-- column  n_occurrences       times it stands in the explained texts
-- column  document_frequency  share of the explained texts with the word                          [0..1]
-- column  pieces_per_word     tokens per occurrence
-- column  tokens_over         tokens that would be saved if each occurrence were one token
-- column  importance          mean of the absolute scores of its pieces, added up            [unit of the scalar]
-- column  cancelled           share of it that opposite signs take away from the word's score     [0..1]
-- column  value               tokens_over * importance: the order of the list                [unit of the scalar]
-- column  label               label that the word pushes towards; null for a word in too few texts
-- column  mean_score          mean score towards it                                           [unit of the scalar]
-- column  expectation         whether a word of its type should decide: none, meaning, exempt or unknown
-- column  status              verdict on the word, the gravest over labels; null where it was not tried
-- column  can_be_token        a word of such a type may be one token: no link, markup, number or mark
-- column  opposed             pieces that push away from the label of the word
-- column  ambiguous           pieces that stand in unrelated words, those of most words first
-- column  answer              rule of the answer to: should it be one token?
-- column  token               the new token; null where it gets none
-- column  tokens_saved        tokens that it saves in all texts that were read; null where it gets none
-- column  collisions          other words that begin with the new token or hold it, and are now cut otherwise
-- column  is_placebo          it is a placebo word
-- unique  word
with

opposed as (
    select
        word,
        list(piece order by piece_score) as pieces
    from opposed_pieces
    group by word
),

ambiguous as (
    select
        held.word,
        list(pieces.piece order by pieces.n_stems desc, pieces.piece) as pieces
    from (select distinct source_word as word, piece from piece_occurrences) as held
    inner join ambiguous_pieces as pieces using (piece)
    group by held.word
)

select
    split_words.*,
    coalesce(opposed.pieces, []) as opposed,
    coalesce(ambiguous.pieces, []) as ambiguous,
    parts.answer,
    parts.token,
    parts.tokens_saved,
    parts.collisions,
    parts.is_placebo
from split_words
inner join read_parquet($word_parts) as parts using (word)
left join opposed using (word)
left join ambiguous using (word)
order by split_words.rank
