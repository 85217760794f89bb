-- plan: the texts and words with which every candidate is tried.
-- One row per candidate.
--
-- Texts and words are drawn by a hash of their content, so that a candidate is tried on the same ones whatever else
-- is tried beside it. The first n by the hash are drawn: arg_min(what, hash, n).
--
-- No text both chooses a word and convicts it (cross-screening, Fithian et al. 2014): texts fall into two halves, and
-- those of one half are tried only if the scores of the other half push towards the candidate's label. Texts that the
-- word is inserted into do not hold it. A word in fewer than min_halved texts is taken out of all of them.
--
-- param   token_parts    Parquet files of attribution, one row per token
-- param   max_documents  most texts for an operator
-- param   mirrored       a score towards one label is minus the score towards the other
-- param   max_stand_ins  most words that stand in for one word
-- param   min_stand_ins  fewest words of a type that stand in for each other
-- param   min_halved     texts from which on the texts of a word are tried by halves
-- column  kind           word or piece
-- column  label          label the word pushes towards
-- column  word           lower-case word; a piece with · where the word goes on
-- column  type           type of the word
-- column  within_type    compared with other words of its type, since its type should not decide; else with no word
-- column  is_judged      it can be spurious; else a few texts are enough to show its effect
-- column  placebo_type   type of the placebo words of an insertion
-- column  held           texts with the word, and where in them it stands          [code points]
-- column  others         texts without it that are read as another label, and which share of each is read  [0..1]
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
        list({'span_start': span_start, 'span_end': span_end} order by span_start) as spans,
        md5_number_lower(concat('half ', example_id)) % 2 as half
    from spans
    group by kind, word, example_id
),

-- What the scores of each half say.
halves as (
    select
        candidates.kind,
        candidates.label,
        candidates.word,
        md5_number_lower(concat('half ', scores.example_id)) % 2 as half,
        avg(
            if(examples.target_label = candidates.label, scores.score, if($mirrored, -scores.score, null))
        ) as mean_score
    from candidates
    inner join word_scores as scores using (kind, word)
    inner join examples using (example_id)
    group by candidates.kind, candidates.label, candidates.word, half
),

texts_with as (
    select
        candidates.kind,
        candidates.label,
        candidates.word,
        arg_min(
            {'example_id': texts.example_id, 'spans': texts.spans},
            md5(concat('held ', candidates.word, ' ', texts.example_id)),
            $max_documents
        ) as drawn
    from candidates
    inner join texts using (kind, word)
    inner join words using (kind, label, word)
    left join halves as others
        on candidates.kind = others.kind and candidates.label = others.label and candidates.word = others.word
        and texts.half != others.half
    -- A word that the model does not use in one direction was not chosen by one: its test has two sides.
    where not words.used or words.n_examples < $min_halved or others.mean_score > 0
    group by candidates.kind, candidates.label, candidates.word
),

texts_without as (
    select
        candidates.kind,
        candidates.label,
        candidates.word,
        arg_min(
            {'example_id': pool_texts.example_id, 'read_share': pool_texts.read_share},
            md5(concat('other ', candidates.word, ' ', pool_texts.example_id)),
            $max_documents
        ) as drawn
    from candidates
    inner join pool_texts on candidates.label != pool_texts.predicted_label
    anti join word_scores using (kind, word, example_id)
    group by candidates.kind, candidates.label, candidates.word
),

placebo_types as (
    select type
    from stand_ins
    group by type
    having count(distinct inserted) >= $min_stand_ins
),

-- Materialized: joined in another order, all pairs of a sort would be made, and those of candidates picked from them.
own_sorts as materialized (
    select
        candidates.kind,
        candidates.word,
        any_value(words.n_examples) as n_examples,
        -- A word alone of its type is compared with content words.
        any_value(coalesce(sorts.sort, 'content word ')) as sort
    from candidates
    inner join words using (kind, label, word)
    inner join word_types as types using (kind, word)
    left join (select kind, sort from stand_ins group by kind, sort having count(*) >= $min_stand_ins) as sorts
        on candidates.kind = sorts.kind
        and sorts.sort = stand_in_sort(candidates.kind, candidates.word, types.type, types.word_group)
    group by candidates.kind, candidates.word
),

pairs as (
    select
        own.kind,
        own.word,
        stand_ins.surface,
        stand_ins.word as stand_in
    from own_sorts as own
    inner join stand_ins on own.kind = stand_ins.kind and own.sort = stand_ins.sort
    where own.word != stand_ins.word
    qualify row_number() over (
        partition by own.kind, own.word
        order by
            abs(ln(stand_ins.n_examples / own.n_examples)) + abs(length(stand_ins.word) - length(own.word)) / 2,
            md5(stand_ins.word)
    ) <= $max_stand_ins
),

replacements as (
    select
        kind,
        word,
        list(surface order by md5(concat('swap ', word, ' ', stand_in))) as drawn
    from pairs
    group by kind, word
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
    candidates.expectation = 'none' as within_type,
    candidates.expectation not in ('exempt', 'unknown') and candidates.type != 'function word' as is_judged,
    coalesce(placebo_types.type, 'content word') as placebo_type,
    coalesce(texts_with.drawn, []) as held,
    coalesce(texts_without.drawn, []) as others,
    coalesce(replacements.drawn, []) as replacements,
    if(candidates.kind = 'piece', coalesce(sources.drawn, []), [spellings.surface]) as inserts
from candidates
left join texts_with using (kind, label, word)
left join texts_without using (kind, label, word)
left join replacements using (kind, word)
left join placebo_types on candidates.type = placebo_types.type
left join spellings on candidates.kind = 'word' and candidates.word = spellings.word
left join sources on candidates.kind = 'piece' and candidates.word = sources.piece
order by candidates.rank
