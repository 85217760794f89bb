-- cut_words: the words that the tokenizer cuts, with the pieces of their commonest cut.
-- One row per word.
--
-- A word is cut if it is so where it stands most often, and has two tokens or more on average.
-- Stem, without a list of any language: what stands before an apostrophe, without its last piece where that has three
-- letters at most; the word itself where that leaves fewer than four letters.
--
-- column  word             lower-case word
-- column  pieces           pieces of its commonest cut, in their order, in lower case
-- column  weights          mean absolute score of each of them there                    [unit of the scalar]
-- column  stem             what inflections of a word share: the beginning of its pieces
-- column  n_examples       texts with the word
-- column  n_occurrences    times it stands in the explained texts
-- column  pieces_per_word  tokens per occurrence
-- column  tokens_over      tokens that would be saved if each occurrence were one token
-- column  importance       mean of the absolute scores of its pieces, added up         [unit of the scalar]
-- column  cancelled        share of importance that opposite signs take away from the word's score           [0..1]
-- unique  word
with

marked as (
    select
        *,
        -- A piece of its own that only marks the start of a word goes on, and is a first one none the less.
        piece = '·' or (
            not starts_with(piece, '·')
            and coalesce(lag(piece) over same_word != '·' or lag(position) over same_word != position - 1, true)
        ) as is_first
    from piece_occurrences
    window same_word as (partition by example_id, source_word order by position)
),

numbered as (
    select
        *,
        count(*) filter (where is_first) over (partition by example_id, source_word order by position) as occurrence
    from marked
),

occurrences as (
    select
        source_word as word,
        example_id,
        list(trim(piece, '·') order by position) filter (where trim(piece, '·') != '') as pieces,
        list(abs(score) order by position) filter (where trim(piece, '·') != '') as sizes,
        sum(abs(score)) as absolute,
        abs(sum(score)) as whole
    from numbered
    group by source_word, example_id, occurrence
),

cuts as (
    select
        word,
        pieces
    from (
        select
            word,
            pieces,
            count(*) as n
        from occurrences
        group by word, pieces
    )
    qualify row_number() over (partition by word order by n desc, pieces) = 1
),

weights as (
    select
        word,
        list(weight order by place) as weights
    from (
        select
            word,
            place,
            avg(sizes[place]) as weight
        from (
            select
                occurrences.word,
                occurrences.sizes,
                unnest(range(1, len(occurrences.sizes) + 1)) as place
            from occurrences
            inner join cuts using (word, pieces)
        )
        group by word, place
    )
    group by word
),

scores as (
    select
        word,
        avg(absolute) as importance,
        1 - sum(whole) / nullif(sum(absolute), 0) as cancelled
    from occurrences
    group by word
),

counted as (
    select
        word,
        count(distinct example_id) as n_examples,
        count(*) as n_occurrences,
        avg(n_pieces) as pieces_per_word,
        sum(n_pieces - 1)::bigint as tokens_over
    from word_occurrences
    group by word
    having avg(n_pieces) >= 2
),

-- Of benigni's what stands before its apostrophe.
bases as (
    select
        word,
        pieces,
        if(list_position(pieces, '''') > 1, pieces[1:list_position(pieces, '''') - 1], pieces) as base,
        array_to_string(if(len(base) > 1 and length(base[-1]) <= 3, base[1:-2], base), '') as beginning
    from cuts
)

select
    counted.word,
    bases.pieces,
    weights.weights,
    if(length(bases.beginning) >= 4, bases.beginning, counted.word) as stem,
    counted.n_examples,
    counted.n_occurrences,
    counted.pieces_per_word,
    counted.tokens_over,
    scores.importance,
    coalesce(scores.cancelled, 0) as cancelled
from counted
inner join bases using (word)
inner join weights using (word)
inner join scores using (word)
order by counted.word
