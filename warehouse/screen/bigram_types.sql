-- bigram_types: what kind of thing a pair of words is, by its words.
-- One row per pair.
--
-- param   min_capitalised  share of capitalised occurrences that makes a place          [0..1]
-- column  word             the two words in lower case
-- column  type             place, name, number, markup, mixed script, function word, content word ...
-- column  rule             id of the first rule that fits
-- column  word_group       group of its function word; null for all others
-- column  words            its words and their types
-- unique  word
with

bigram_parts as (
    select
        pairs.word,
        firsts.word as first_word,
        firsts.type as first_type,
        seconds.word as second_word,
        seconds.type as second_type,
        [first_type, second_type] as types,
        [firsts.word_group, seconds.word_group] as word_groups,
        first_rules.type as first_meaning,
        second_rules.type as second_meaning
    from (select distinct word from word_importance where kind = 'bigram') as pairs
    inner join word_rules as firsts on split_part(pairs.word, ' ', 1) = firsts.word
    inner join word_rules as seconds on split_part(pairs.word, ' ', 2) = seconds.word
    left join type_rules as first_rules on firsts.word_group = first_rules.type
    left join type_rules as second_rules on seconds.word_group = second_rules.type
),

-- Two words of the same kind are of that kind; what is joined to a name is part of it, unless it has a meaning.
ruled_bigrams as (
    select
        *,
        case
            when
                word in (select place from place_pairs where coalesce(capitalised_share, 1) >= $min_capitalised)
                then 'place.bigram_list'
            when list_contains(types, 'mixed script') then 'mixed.bigram'
            when list_contains(types, 'markup') then 'markup.bigram'
            when first_type = 'place' and second_type = 'place' then 'place.bigram'
            when list_contains(types, 'content word') then 'content.bigram'
            when list_contains(types, 'name') or list_contains(types, 'place') then 'name.bigram'
            when list_contains(types, 'number') then 'number.bigram'
            when list_contains(types, 'function word') then 'function.bigram'
            else concat(first_type, '.bigram')
        end as rule
    from bigram_parts
)

select
    word,
    case split_part(rule, '.', 1)
        when 'function' then 'function word'
        when 'content' then 'content word'
        when 'mixed' then 'mixed script'
        else split_part(rule, '.', 1)
    end as type,
    rule,
    -- not only, very funny: the group that carries meaning is that of the pair
    coalesce(
        first_meaning,
        second_meaning,
        if(type = 'function word', list_filter(word_groups, lambda g: g is not null)[1], null)
    ) as word_group,
    map {
        'first_word': first_word,
        'first_type': first_type,
        'second_word': second_word,
        'second_type': second_type
    } as words
from ruled_bigrams
order by word
