-- bigram_types: what kind of thing a pair of words is, by its words.
-- One row per pair.
--
-- param   min_capitalised  share of capitalised occurrences that makes a place          [0..1]
-- column  word             the two words in lower case
-- column  type             that of a place of the list, else the one of its words that comes first in the order of
--                          types for pairs
-- column  rule             the rule that gives a pair this type
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
        -- Both have one: only pieces are of types without.
        if(first_types.pair_order <= second_types.pair_order, first_type, second_type) as type,
        [firsts.word_group, seconds.word_group] as word_groups,
        first_rules.type as first_meaning,
        second_rules.type as second_meaning
    from (select distinct word from word_importance where kind = 'bigram') as pairs
    inner join word_rules as firsts on split_part(pairs.word, ' ', 1) = firsts.word
    inner join word_rules as seconds on split_part(pairs.word, ' ', 2) = seconds.word
    inner join type_rules as first_types on firsts.type = first_types.type
    inner join type_rules as second_types on seconds.type = second_types.type
    left join type_rules as first_rules on firsts.word_group = first_rules.type
    left join type_rules as second_rules on seconds.word_group = second_rules.type
),

ruled_bigrams as (
    select
        bigram_parts.* exclude (type),
        if(listed.place is null, rules.rule, 'place.bigram_list') as rule
    from bigram_parts
    inner join rule_types as rules on bigram_parts.type = rules.type and rules.rule like '%.bigram'
    left join place_pairs as listed
        on bigram_parts.word = listed.place and coalesce(listed.capitalised_share, 1) >= $min_capitalised
)

select
    ruled_bigrams.word,
    rule_types.type,
    ruled_bigrams.rule,
    -- not only, very funny: the group that carries meaning is that of the pair
    coalesce(
        first_meaning,
        second_meaning,
        if(rule_types.type = 'function word', list_filter(word_groups, lambda g: g is not null)[1], null)
    ) as word_group,
    map {
        'first_word': first_word,
        'first_type': first_type,
        'second_word': second_word,
        'second_type': second_type
    } as words
from ruled_bigrams
inner join rule_types using (rule)
order by ruled_bigrams.word
