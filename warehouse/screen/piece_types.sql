-- piece_types: what kind of thing a piece of words is, by the words that it stands for.
-- One row per piece.
--
-- param   function_words  CSV file: language, word, word_group
-- column  piece           piece with · where the word goes on
-- column  type            affix, fragment, or the type of the words that it stands for if that should not decide
-- column  rule            id of the first rule that fits
-- column  word_group      unlisted where the language has no list of affixes; null for all others
-- column  entropy         spread of the words that the piece stands for  [bits]
-- column  figures         words that it stands for; share of them that are names, if it is half or more; how many of
--                         them have the affix
-- column  words           the affix that most of its words begin or end with, and at which of the two it stands; null
--                         unless it is named by it
-- unique  piece
with

affixes as (
    select
        word,
        trim(word, '·') as letters,
        starts_with(word, '·') as is_end
    from read_csv($function_words, header = true, all_varchar = true)
    where word_group = 'affix' and language in (select language from languages)
),

-- Words with the same first four letters count as one (cliche, cliched, cliches): a piece that mostly stands for
-- one of them is that word under another name, and no evidence about fragments.
stems as (
    select
        pieces.piece,
        left(pieces.source_word, 4) as stem,
        count(*) as n_occurrences,
        count(distinct pieces.source_word) as n_words,
        count(*) filter (where words.word_group = 'negation') as n_negations,
        count(*) filter (where words.type = 'function word') as n_functions,
        count(*) filter (where words.type = 'name' or words.type = 'place') as n_names
    from piece_occurrences as pieces
    left join word_rules as words on pieces.source_word = words.word
    group by pieces.piece, stem
),

-- Types that have a rule for pieces of their words: links, numbers and their like. No word is of the type fragment.
source_types as (
    select
        piece,
        sum(n_occurrences) as n_of_types,
        arg_max(rule, (n_occurrences, rule)) as type_rule
    from (
        select
            pieces.piece,
            rule_types.rule,
            count(*) as n_occurrences
        from piece_occurrences as pieces
        inner join word_rules as words on pieces.source_word = words.word
        inner join rule_types on words.type = rule_types.type and rule_types.rule like '%.piece'
        group by pieces.piece, rule_types.rule
    )
    group by piece
),

-- di· of disjointed and dishonest is the affix dis·, of which it is the first letters. Words are counted, not
-- occurrences: it is something that the words have in common, and a frequent one says it no better than a rare one.
-- A single letter begins too many words.
possible_affixes as (
    select
        pieces.piece,
        affixes.*
    from (select distinct piece from piece_occurrences) as pieces
    inner join affixes
        on if(
            affixes.is_end,
            starts_with(pieces.piece, '·') and not ends_with(pieces.piece, '·')
            and ends_with(affixes.letters, trim(pieces.piece, '·')),
            ends_with(pieces.piece, '·') and not starts_with(pieces.piece, '·')
            and starts_with(affixes.letters, trim(pieces.piece, '·'))
        )
    where length(trim(pieces.piece, '·')) >= 2
),

shared_affixes as (
    select
        possible_affixes.piece,
        possible_affixes.is_end,
        replace(possible_affixes.word, '·', '-') as affix,
        count(*) as n_affix
    from possible_affixes
    inner join (select distinct piece, source_word from piece_occurrences) as sources using (piece)
    where
        length(sources.source_word) > length(possible_affixes.letters)
        and if(
            possible_affixes.is_end,
            ends_with(sources.source_word, possible_affixes.letters),
            starts_with(sources.source_word, possible_affixes.letters)
        )
    group by possible_affixes.piece, possible_affixes.is_end, possible_affixes.word
    -- -ation before -tion, if as many words have it
    qualify
        row_number() over (
            partition by possible_affixes.piece order by count(*) desc, length(possible_affixes.word) desc, affix
        ) = 1
),

piece_sources as (
    select
        stems.piece,
        sum(stems.n_words) as n_words,
        sum(stems.n_occurrences) as n,
        max(stems.n_occurrences) / sum(stems.n_occurrences) as top_share,
        -- Shannon 1948, of the stems; rounded because the order of the terms is not fixed
        round(
            greatest(
                log2(sum(stems.n_occurrences))
                - sum(stems.n_occurrences * log2(stems.n_occurrences)) / sum(stems.n_occurrences),
                0
            ),
            9
        ) as entropy,
        sum(stems.n_negations) / n as negation_share,
        sum(stems.n_functions) / n as function_share,
        sum(stems.n_names) / n as name_share,
        count(affixes.word) > 0 as is_affix,
        -- joy in joyful, joyous, joyless: the piece is a word that the corpus knows
        regexp_matches(stems.piece, '^\p{L}{3,}·$')
        and trim(stems.piece, '·') in (select word from word_rules) as is_word
    from stems
    left join affixes on stems.piece = affixes.word
    group by stems.piece
),

ruled_pieces as (
    select
        piece_sources.*,
        shared_affixes.affix,
        shared_affixes.is_end,
        shared_affixes.n_affix,
        case
            when is_affix then 'affix.list'
            when 2 * source_types.n_of_types >= n then source_types.type_rule
            when is_word then 'affix.word'
            when negation_share >= 0.5 then 'affix.negation'
            when function_share >= 0.5 then 'affix.clitic'
            -- 1.5 bits: fewer than three words in equal shares
            when entropy < 1.5 or top_share > 0.5 then 'fragment.one_word'
            when 2 * shared_affixes.n_affix >= n_words then 'affix.of_words'
            -- A piece may be an affix that nobody has listed; those of names are none.
            when not (select is_known from language_lists where list = 'affixes') and name_share < 0.5
                then 'fragment.unlisted'
            else 'fragment.piece'
        end as rule
    from piece_sources
    left join source_types using (piece)
    left join shared_affixes using (piece)
)

select
    piece,
    rule_types.type,
    rule,
    if(rule = 'fragment.unlisted', 'unlisted', null) as word_group,
    entropy,
    map {
        'n_words': n_words::double,
        'name_share': if(name_share >= 0.5, name_share, null),
        'n_affix': if(is_named, n_affix, null)
    } as figures,
    map {
        'affix': if(is_named, affix, null),
        'affix_side': if(is_named, if(is_end, 'end', 'beginning'), null)
    } as words
from (select *, rule = 'affix.of_words' as is_named from ruled_pieces)
inner join rule_types using (rule)
order by piece
