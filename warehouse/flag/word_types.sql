-- word_types: what kind of thing a word is, by the first rule that fits.
-- One row per (kind, word).
--
-- Casing is read from the raw text, so it works under an uncased tokenizer. A name is capitalised where no
-- sentence starts; a list of names only helps where the text shows too few such places, because such lists also
-- hold best, love and grace.
--
-- param   first_names          common first names, lower case
-- param   surnames             common surnames, lower case
-- param   function_words       CSV file: word, word_group
-- param   min_capitalised      share of capitalised occurrences that makes a name          [0..1]
-- param   min_casing_examples  occurrences inside a sentence needed for casing alone
-- column  kind                 word or piece
-- column  word                 lower-case word
-- column  type                 fragment, affix, markup, number, punctuation, symbol, function word, name, content word
-- column  rule                 id of the rule that fired
-- column  word_group           group of a function word; null for all others
-- column  n_inside             occurrences where no sentence starts
-- column  n_capitalised        of these, capitalised
-- column  evidence             the rule with its figures, in words
-- unique  kind, word
with

occurrences as (
    select
        word,
        not starts_sentence as inside,
        not starts_sentence and regexp_matches(surface, '^\p{Lu}') as capitalised,
        regexp_matches(surface, '^\p{L}') as alphabetic
    from word_occurrences
),

-- All-caps text, lower-cased text, German nouns, scripts without case: there a capital says nothing.
corpus as (
    select
        coalesce(
            count(*) filter (where capitalised)
            / nullif(count(*) filter (where inside and alphabetic), 0) between 0.002 and 0.4,
            false
        ) as casing_speaks
    from occurrences
),

casing as (
    select
        word,
        count(*) filter (where inside) as n_inside,
        count(*) filter (where capitalised) as n_capitalised
    from occurrences
    group by word
),

function_words as (
    select * from read_csv($function_words, header = true, all_varchar = true)
),

evidence as (
    select
        casing.*,
        function_words.word_group,
        corpus.casing_speaks,
        casing.word in (select unnest($first_names::varchar[])) as is_first_name,
        casing.word in (select unnest($surnames::varchar[])) as is_surname
    from casing
    cross join corpus
    left join function_words using (word)
),

ruled as (
    select
        *,
        case
            when regexp_matches(word, '^(https?://|www\.)') then 'markup.url'
            when regexp_matches(word, '^[^@\s]+@[^@\s]+\.') then 'markup.email'
            when regexp_matches(word, '^[@#].') then 'markup.handle'
            when regexp_matches(word, '^<.*>$') then 'markup.tag'
            when regexp_matches(word, '^\p{N}') then 'number.digits'
            when regexp_matches(word, '^\p{P}+$') then 'punctuation.character'
            when not regexp_matches(word, '\p{L}') then 'symbol.character'
            when word_group is not null then 'function.list'
            when regexp_matches(word, '^[\p{Latin}\p{Greek}\p{Cyrillic}]$') then 'fragment.letter'
            when
                casing_speaks and n_inside >= $min_casing_examples
                and n_capitalised >= $min_capitalised * n_inside
                then 'name.casing'
            when
                casing_speaks and n_inside between 1 and $min_casing_examples - 1 and n_capitalised = n_inside
                and (is_first_name or is_surname)
                then 'name.casing_and_list'
            when not casing_speaks and (is_first_name or is_surname) then 'name.list'
            else 'content.other'
        end as rule
    from evidence
),

words as (
    select
        'word' as kind,
        word,
        case
            when rule = 'function.list' then 'function word'
            when rule = 'content.other' then 'content word'
            else split_part(rule, '.', 1)
        end as type,
        rule,
        word_group,
        n_inside,
        n_capitalised,
        case rule
            when 'markup.url' then 'a web address'
            when 'markup.email' then 'an e-mail address'
            when 'markup.handle' then 'a handle or hashtag'
            when 'markup.tag' then 'a markup tag'
            when 'number.digits' then 'a number'
            when 'punctuation.character' then 'a punctuation mark'
            when 'symbol.character' then 'a symbol without letters'
            when 'function.list' then concat('a function word (', word_group, ')')
            when 'fragment.letter' then 'a single letter'
            when 'name.casing'
                then concat('capitalised in ', n_capitalised, ' of ', n_inside, ' places inside a sentence')
            when 'name.casing_and_list' then concat(
                'capitalised in ', n_capitalised, ' of ', n_inside,
                ' places inside a sentence, and in the list of ', if(is_first_name, 'first names', 'surnames')
            )
            when 'name.list' then concat(
                'in the list of ', if(is_first_name, 'first names', 'surnames'), ', and casing says nothing here'
            )
            else concat('capitalised in ', n_capitalised, ' of ', n_inside, ' places inside a sentence')
        end as evidence
    from ruled
),

-- Words with the same first four letters count as one (cliche, cliched, cliches): a piece that mostly stands for
-- one of them is that word under another name, and no evidence about fragments.
stems as (
    select
        pieces.piece,
        left(pieces.source_word, 4) as stem,
        count(*) as n_occurrences,
        count(distinct pieces.source_word) as n_words,
        count(*) filter (where function_words.word_group = 'negation') as n_negations
    from piece_occurrences as pieces
    left join function_words on pieces.source_word = function_words.word
    group by pieces.piece, stem
),

piece_sources as (
    select
        stems.piece,
        count(*) as n_stems,
        sum(stems.n_words) as n_words,
        max(stems.n_occurrences) / sum(stems.n_occurrences) as top_share,
        sum(stems.n_negations) / sum(stems.n_occurrences) as negation_share,
        any_value(affixes.word_group) = 'affix' as is_affix,
        -- joy in joyful, joyous, joyless: the piece is a word that the corpus knows
        regexp_matches(stems.piece, '^\p{L}{3,}·$') and trim(stems.piece, '·') in (select word from casing) as is_word
    from stems
    left join function_words as affixes on stems.piece = affixes.word and affixes.word_group = 'affix'
    group by stems.piece
),

ruled_pieces as (
    select
        *,
        case
            when coalesce(is_affix, false) then 'affix.list'
            when is_word then 'affix.word'
            when negation_share >= 0.5 then 'affix.negation'
            when n_stems < 3 or top_share > 0.5 then 'fragment.one_word'
            else 'fragment.piece'
        end as rule
    from piece_sources
),

pieces as (
    select
        'piece' as kind,
        piece as word,
        split_part(rule, '.', 1) as type,
        rule,
        null::varchar as word_group,
        null::bigint as n_inside,
        null::bigint as n_capitalised,
        case rule
            when 'affix.list'
                then concat('an affix with a meaning of its own, in ', n_words, if(n_words = 1, ' word', ' words'))
            when 'affix.word'
                then concat('a word of its own, at the head of ', n_words, if(n_words = 1, ' word', ' words'))
            when 'affix.negation' then 'the end of a negation'
            when 'fragment.one_word' then concat('mostly a piece of one word, of ', n_words)
            else concat('a piece of ', n_words, ' words with nothing in common')
        end as evidence
    from ruled_pieces
)

select * from words
union all by name
select * from pieces
order by kind, word
