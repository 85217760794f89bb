-- plan: what every candidate is tried with.
-- One row per candidate.
--
-- Texts and words are drawn by a hash of their content, so that a candidate is tried on the same ones whatever else
-- is tried beside it.
--
-- param   token_parts    Parquet files of attribution, one row per token
-- param   max_documents  most texts for an operator
-- column  kind           word or piece
-- column  label          label the word speaks for
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
        candidates.kind,
        candidates.label,
        candidates.word,
        occurrences.example_id,
        occurrences.word_start as span_start,
        occurrences.word_end as span_end
    from candidates
    inner join word_occurrences as occurrences using (word)
    where candidates.kind = 'word'
    union all
    select
        candidates.kind,
        candidates.label,
        candidates.word,
        tokens.example_id,
        tokens.token_start as span_start,
        tokens.token_end as span_end
    from candidates
    inner join piece_occurrences as pieces on candidates.word = pieces.piece
    inner join read_parquet($token_parts) as tokens
        on pieces.example_id = tokens.example_id and pieces.position = tokens.position
    where candidates.kind = 'piece'
),

texts as (
    select
        kind,
        label,
        word,
        example_id,
        list({'span_start': span_start, 'span_end': span_end} order by span_start) as spans
    from spans
    group by kind, label, word, example_id
),

held as (
    select
        kind,
        label,
        word,
        list({'example_id': example_id, 'spans': spans} order by hash) as held
    from (
        select
            *,
            md5(concat('held ', word, ' ', example_id)) as hash
        from texts
        qualify row_number() over (partition by kind, label, word order by hash) <= $max_documents
    )
    group by kind, label, word
),

-- A pool for each label: not every text has to be compared with every candidate. Texts that are cut come last, since
-- the place could be behind the cut.
pool as (
    select
        example_id,
        predicted_label
    from examples
    where converged
    qualify row_number() over (
        partition by predicted_label order by n_cut > 0, md5(concat('pool ', example_id))
    ) <= 100
),

others as (
    select
        kind,
        label,
        word,
        list(example_id order by hash) as others
    from (
        select
            candidates.kind,
            candidates.label,
            candidates.word,
            pool.example_id,
            md5(concat('other ', candidates.word, ' ', pool.example_id)) as hash
        from candidates
        inner join pool on candidates.label != pool.predicted_label
        anti join word_scores
            on candidates.kind = word_scores.kind
            and candidates.word = word_scores.word
            and pool.example_id = word_scores.example_id
        qualify row_number() over (
            partition by candidates.kind, candidates.label, candidates.word order by hash
        ) <= $max_documents
    )
    group by kind, label, word
),

counted as (
    select
        kind,
        word,
        count(*) as n_examples
    from word_scores
    group by kind, word
),

-- What may stand in a word's place: at most a thousand of each sort, so that the pairs stay few.
sorts as (
    select
        counted.kind,
        counted.word,
        counted.n_examples,
        concat(types.type, ' ', types.word_group) as sort
    from counted
    inner join word_types as types using (kind, word)
    where counted.kind = 'word'
    union all
    select
        kind,
        word,
        n_examples,
        -- Beginnings for beginnings, ends for ends.
        concat(if(starts_with(word, '·'), '·', ''), 'piece', if(ends_with(word, '·'), '·', '')) as sort
    from counted
    where kind = 'piece'
),

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

pairs as (
    select
        candidates.kind,
        candidates.label,
        candidates.word,
        stand_ins.word as stand_in,
        abs(ln(stand_ins.n_examples / own.n_examples))
        + abs(length(stand_ins.word) - length(candidates.word)) / 2 as distance
    from candidates
    inner join sorts as own using (kind, word)
    inner join stand_ins on own.kind = stand_ins.kind and own.sort = stand_ins.sort
    where own.word != stand_ins.word
    qualify row_number() over (
        partition by candidates.kind, candidates.label, candidates.word order by distance, md5(stand_ins.word)
    ) <= 24
),

replacements as (
    select
        pairs.kind,
        pairs.label,
        pairs.word,
        list(coalesce(spellings.surface, replace(pairs.stand_in, '·', '')) order by pairs.hash) as replacements
    from (
        select
            *,
            md5(concat('swap ', word, ' ', stand_in)) as hash
        from pairs
        qualify row_number() over (partition by kind, label, word order by hash) <= 8
    ) as pairs
    left join spellings on pairs.kind = 'word' and pairs.stand_in = spellings.word
    group by pairs.kind, pairs.label, pairs.word
),

sources as (
    select
        piece as word,
        list(surface order by hash) as surfaces
    from (
        select distinct
            pieces.piece,
            spellings.surface,
            md5(concat('insert ', pieces.piece, ' ', pieces.source_word)) as hash
        from piece_occurrences as pieces
        inner join spellings on pieces.source_word = spellings.word
        where pieces.piece in (select word from candidates where kind = 'piece')
        qualify dense_rank() over (partition by pieces.piece order by hash) <= 8
    )
    group by piece
)

select
    candidates.kind,
    candidates.label,
    candidates.word,
    candidates.type,
    coalesce(held.held, []) as held,
    coalesce(others.others, []) as others,
    coalesce(replacements.replacements, []) as replacements,
    case when candidates.kind = 'piece' then coalesce(sources.surfaces, []) else [spellings.surface] end as inserts
from candidates
left join held using (kind, label, word)
left join others using (kind, label, word)
left join replacements using (kind, label, word)
left join spellings on candidates.kind = 'word' and candidates.word = spellings.word
left join sources on candidates.kind = 'piece' and candidates.word = sources.word
order by candidates.place
