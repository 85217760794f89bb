-- finding_places: where each spurious word, piece, pair, type and pattern stands.
-- One row per (kind, label, word, place in a text).
--
-- A pair stands where its words do in texts with both, a piece where the words it is cut from do, once in each.
--
-- column  kind        word, piece, pair, type or pattern
-- column  label       label it pushes towards
-- column  word        lower-case word; a piece with · where the word goes on; both words of a pair; a type; a pattern
-- column  example_id  explained example
-- column  span_start  first character                 [code points]
-- column  span_end    end, exclusive                  [code points]
-- column  is_text     it is the whole text, as capitals and length are
-- unique  kind, label, word, example_id, span_start
with

spurious as (from judged where verdict = 'spurious')

select
    spurious.kind,
    spurious.label,
    spurious.word,
    own.example_id,
    own.word_start as span_start,
    own.word_end as span_end,
    false as is_text
from spurious
inner join word_occurrences as own on spurious.word = own.word
where spurious.kind = 'word'
union
select
    pairs.kind,
    pairs.label,
    pairs.word,
    own.example_id,
    own.word_start,
    own.word_end,
    false
from (
    select
        *,
        unnest(string_split(word, ' … ')) as member
    from spurious
    where kind = 'pair'
) as pairs
inner join word_occurrences as own on pairs.member = own.word
window both_words as (partition by pairs.kind, pairs.label, pairs.word, own.example_id)
qualify min(own.word) over both_words != max(own.word) over both_words
union
select
    spurious.kind,
    spurious.label,
    spurious.word,
    own.example_id,
    own.word_start,
    own.word_end,
    false
from spurious
inner join word_types as types on types.kind = 'word' and spurious.word = types.type
inner join word_occurrences as own on types.word = own.word
where spurious.kind = 'type'
union
select
    spurious.kind,
    spurious.label,
    spurious.word,
    own.example_id,
    own.word_start,
    own.word_end,
    false
from spurious
inner join piece_occurrences as pieces on spurious.word = pieces.piece
inner join word_occurrences as own on pieces.example_id = own.example_id and pieces.source_word = own.word
where spurious.kind = 'piece'
union
select
    spurious.kind,
    spurious.label,
    spurious.word,
    spans.example_id,
    spans.span_start,
    spans.span_end,
    spans.place = 'whole'
from spurious
inner join patterns on spurious.word = patterns.pattern
inner join pattern_spans as spans on patterns.type = spans.type and patterns.pattern = spans.pattern
where spurious.kind = 'pattern'
order by kind, label, word, example_id, span_start
