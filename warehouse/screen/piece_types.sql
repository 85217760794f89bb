-- piece_types: what kind of thing a piece of words is, by the words that it stands for.
-- One row per piece.
--
-- param   function_words  CSV file: word, word_group
-- column  piece           piece with · where the word goes on
-- column  type            affix, fragment, markup or number
-- column  rule            id of the first rule that fits
-- column  entropy         spread of the words that the piece stands for  [bits]
-- column  figures         words that it stands for; share of them that are names, if it is half or more
-- unique  piece
with

affixes as (
    select word
    from read_csv($function_words, header = true, all_varchar = true)
    where word_group = 'affix'
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
        count(*) filter (where words.type = 'markup') as n_markup,
        count(*) filter (where words.type = 'number') as n_numbers,
        count(*) filter (where words.type = 'name' or words.type = 'place') as n_names
    from piece_occurrences as pieces
    left join word_rules as words on pieces.source_word = words.word
    group by pieces.piece, stem
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
        sum(stems.n_markup) / n as markup_share,
        sum(stems.n_numbers) / n as number_share,
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
        *,
        case
            when is_affix then 'affix.list'
            when markup_share >= 0.5 then 'markup.piece'
            when number_share >= 0.5 then 'number.piece'
            when is_word then 'affix.word'
            when negation_share >= 0.5 then 'affix.negation'
            when function_share >= 0.5 then 'affix.clitic'
            -- 1.5 bits: fewer than three words in equal shares
            when entropy < 1.5 or top_share > 0.5 then 'fragment.one_word'
            else 'fragment.piece'
        end as rule
    from piece_sources
)

select
    piece,
    split_part(rule, '.', 1) as type,
    rule,
    entropy,
    map {'n_words': n_words::double, 'name_share': if(name_share >= 0.5, name_share, null)} as figures
from ruled_pieces
order by piece
