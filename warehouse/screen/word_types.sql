-- word_types: what kind of thing a word is, by the first rule that fits.
-- One row per (kind, word).
--
-- column  kind           word, piece or bigram
-- column  word           lower-case word
-- column  type           type that the rule gives, by rule_types
-- column  rule           id of the rule that fired
-- column  figures        numbers that the rules look at, by their names
-- column  words          texts that they look at, by their names
-- column  word_group     group of a function word; null for all others
-- column  expectation    none, meaning, exempt or unknown: that of its group, else that of its type
-- column  n_inside       occurrences where no sentence starts and capitals say something; null but for a word
-- column  n_capitalised  of these, capitalised
-- column  entropy        spread of the words that a piece stands for; null but for a piece  [bits]
-- unique  kind, word
with

whole_words as (
    select
        'word' as kind,
        word,
        rules.type,
        rules.rule,
        rules.word_group,
        found.n_inside,
        found.n_capitalised,
        map {
            'n_occurrences': found.n_occurrences,
            'n_in_boilerplate': found.n_in_boilerplate,
            'n_clitic': found.n_clitic,
            'n_in_places': found.n_in_places,
            'n_inside': nullif(found.n_inside, 0),
            'n_capitalised': if(found.n_inside > 0, found.n_capitalised, null),
            'n_after_first_name': nullif(found.n_after_first_name, 0),
            'n_votes': found.n_votes,
            'n_seen': found.n_seen
        } as figures,
        map {
            'name_list': case when found.is_first_name then 'first names' when found.is_surname then 'surnames' end,
            'place_kind': found.place_kind,
            'identity_group': found.identity_group,
            'word_group': rules.word_group
        } as words
    from word_rules as rules
    inner join word_evidence as found using (word)
),

typed as (
    select * from whole_words
    union all by name
    select 'piece' as kind, piece as word, type, rule, word_group, entropy, figures, words from piece_types
    union all by name
    select 'bigram' as kind, word, type, rule, word_group, words from bigram_types
)

select
    typed.kind,
    typed.word,
    typed.type,
    typed.rule,
    coalesce(typed.figures, map {}) as figures,
    coalesce(typed.words, map {}) as words,
    typed.word_group,
    coalesce(groups.expectation, types.expectation) as expectation,
    typed.n_inside,
    typed.n_capitalised,
    typed.entropy
from typed
inner join type_rules as types using (type)
left join type_rules as groups on typed.word_group = groups.type
order by typed.kind, typed.word
