-- plan: the texts and words with which every candidate is tried.
-- One row per candidate.
--
-- Texts and words are drawn by a hash of their content, so that a candidate is tried on the same ones whatever else
-- is tried beside it. The first n by the hash are drawn: arg_min(what, hash, n).
--
-- param   token_parts    Parquet files of attribution, one row per token
-- param   max_documents  most texts for an operator
-- column  kind           word or piece
-- column  label          label the word pushes towards
-- column  word           lower-case word; a piece with · where the word goes on
-- column  type           type of the word
-- column  held           texts with the word, and where in them it stands          [code points]
-- column  others         texts without it that are read as another label
-- column  replacements   words of the same type that the model does not use, of similar length and frequency
-- column  inserts        how the word is usually written; for a piece, words it comes from
-- unique  kind, label, word
with

-- Where each candidate stands: a word in itself, a piece in its words.
spans as (
    select
        'word' as kind,
        word,
        example_id,
        word_start as span_start,
        word_end as span_end
    from word_occurrences
    where word in (select word from candidates where kind = 'word')
    union all
    select
        'piece' as kind,
        pieces.piece as word,
        pieces.example_id,
        tokens.token_start as span_start,
        tokens.token_end as span_end
    from piece_occurrences as pieces
    inner join read_parquet($token_parts) as tokens
        on pieces.example_id = tokens.example_id and pieces.position = tokens.position
    where pieces.piece in (select word from candidates where kind = 'piece')
),

texts as (
    select
        kind,
        word,
        example_id,
        list({'span_start': span_start, 'span_end': span_end} order by span_start) as spans
    from spans
    group by kind, word, example_id
),

texts_with as (
    select
        kind,
        word,
        arg_min(
            {'example_id': example_id, 'spans': spans}, md5(concat('held ', word, ' ', example_id)), $max_documents
        ) as drawn
    from texts
    group by kind, word
),

-- A pool for each label: not every text has to be compared with every candidate. Texts that are cut come last, since
-- the place could be behind the cut.
pool as (
    select
        example_id,
        predicted_label
    from examples
    where converged
    qualify row_number() over (partition by predicted_label order by n_cut > 0, md5(concat('pool ', example_id))) <= 100
),

texts_without as (
    select
        candidates.kind,
        candidates.label,
        candidates.word,
        arg_min(
            pool.example_id, md5(concat('other ', candidates.word, ' ', pool.example_id)), $max_documents
        ) as drawn
    from candidates
    inner join pool on candidates.label != pool.predicted_label
    anti join word_scores using (kind, word, example_id)
    group by candidates.kind, candidates.label, candidates.word
),

counted as (
    select
        kind,
        word,
        count(*) as n_examples
    from word_scores
    where kind in ('word', 'piece')
    group by kind, word
),

-- What may stand in the place of what: a word of the same type, and of the same group of function words; a beginning
-- for a beginning, an end for an end.
sorts as (
    select
        counted.*,
        if(
            kind = 'word',
            concat(types.type, ' ', types.word_group),
            concat(if(starts_with(word, '·'), '·', ''), 'piece', if(ends_with(word, '·'), '·', ''))
        ) as sort
    from counted
    left join word_types as types using (kind, word)
    where kind = 'piece' or types.type is not null
),

-- At most a thousand of each sort, so that the pairs stay few.
stand_ins as (
    select *
    from sorts
    where word not in (select word from words where used)
    qualify row_number() over (partition by kind, sort order by n_examples = 1, md5(word)) <= 1000
),

-- The usual spelling, where no sentence starts if there is such a place.
spellings as (
    select
        word,
        arg_max(surface, (inside, n_occurrences, surface)) as surface
    from (
        select
            word,
            surface,
            not starts_sentence as inside,
            count(*) as n_occurrences
        from word_occurrences
        group by word, surface, inside
    )
    group by word
),

-- Materialized: joined in another order, all pairs of a sort would be made, and those of candidates picked from them.
own_sorts as materialized (
    select sorts.*
    from sorts
    semi join candidates using (kind, word)
),

pairs as (
    select
        own.kind,
        own.word,
        stand_ins.word as stand_in,
        abs(ln(stand_ins.n_examples / own.n_examples)) + abs(length(stand_ins.word) - length(own.word)) / 2 as distance
    from own_sorts as own
    inner join stand_ins on own.kind = stand_ins.kind and own.sort = stand_ins.sort
    where own.word != stand_ins.word
    qualify row_number() over (partition by own.kind, own.word order by distance, md5(stand_ins.word)) <= 24
),

replacements as (
    select
        pairs.kind,
        pairs.word,
        arg_min(
            coalesce(spellings.surface, replace(pairs.stand_in, '·', '')),
            md5(concat('swap ', pairs.word, ' ', pairs.stand_in)),
            8
        ) as drawn
    from pairs
    left join spellings on pairs.kind = 'word' and pairs.stand_in = spellings.word
    group by pairs.kind, pairs.word
),

sources as (
    select
        piece,
        arg_min(surface, md5(concat('insert ', piece, ' ', source_word)), 8) as drawn
    from (select distinct piece, source_word from piece_occurrences)
    inner join spellings on source_word = spellings.word
    where piece in (select word from candidates where kind = 'piece')
    group by piece
)

select
    candidates.kind,
    candidates.label,
    candidates.word,
    candidates.type,
    coalesce(texts_with.drawn, []) as held,
    coalesce(texts_without.drawn, []) as others,
    coalesce(replacements.drawn, []) as replacements,
    case when candidates.kind = 'piece' then coalesce(sources.drawn, []) else [spellings.surface] end as inserts
from candidates
left join texts_with using (kind, word)
left join texts_without using (kind, label, word)
left join replacements using (kind, word)
left join spellings on candidates.kind = 'word' and candidates.word = spellings.word
left join sources on candidates.kind = 'piece' and candidates.word = sources.piece
order by candidates.rank
