-- pattern_words: the words that openings, endings and lines have in common.
-- One row per (type, pattern, word).
--
-- column  type     opening, ending or line
-- column  pattern  what its texts have in common
-- column  word     lower-case word of it
-- unique  type, pattern, word
select distinct
    parts.type,
    parts.pattern,
    types.word
from (
    select
        type,
        pattern,
        unnest(string_split(pattern, ' ')) as token
    from patterns
    where type in (select type from type_rules where pattern = 'template')
) as parts
inner join word_types as types
    on types.kind = 'word' and regexp_replace(token, '^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$', '', 'g') = types.word
order by parts.type, parts.pattern, types.word
