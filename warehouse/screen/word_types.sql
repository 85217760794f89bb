-- word_types: what kind of thing a word is, by the first rule that fits.
-- One row per (kind, word).
--
-- column  kind           word, piece or bigram
-- column  word           lower-case word
-- column  type           name, place, number, markup, mixed script, fragment, affix, function word ...
-- column  rule           id of the rule that fired
-- column  word_group     group of a function word; null for all others
-- column  n_inside       occurrences where no sentence starts and capitals say something; null but for a word
-- column  n_capitalised  of these, capitalised
-- column  entropy        spread of the words that a piece stands for; null but for a piece  [bits]
-- column  evidence       the rule with its figures, in words
-- unique  kind, word
with

words as (
    select
        'word' as kind,
        word,
        rules.type,
        rules.rule,
        rules.word_group,
        found.n_inside,
        found.n_capitalised,
        case rule
            when 'markup.special_token' then 'a special token, written out in the text'
            when 'markup.url' then 'a web address'
            when 'markup.email' then 'an e-mail address'
            when 'markup.handle' then 'a handle'
            when 'markup.hashtag' then 'a hashtag'
            when 'markup.tag' then 'a markup tag'
            when 'markup.entity' then 'a character written as an HTML entity'
            when 'markup.residue' then 'what is left of an address or of markup'
            when 'markup.quote'
                then concat('marks a quoted line in ', n_in_boilerplate, ' of ', n_occurrences, ' places')
            when 'markup.header'
                then concat('heads lines of many texts in ', n_in_boilerplate, ' of ', n_occurrences, ' places')
            when 'markup.repeated_line'
                then concat('in a line that many texts share in ', n_in_boilerplate, ' of ', n_occurrences, ' places')
            when 'mixed.scripts' then 'letters of two alphabets in one word'
            when 'mixed.look_alikes' then 'letters that only look like plain ones'
            when 'mixed.invisible' then 'an invisible character inside'
            when 'symbol.emoji' then 'an emoji'
            when 'symbol.control' then 'a character that cannot be shown'
            when 'symbol.character' then 'a symbol without letters'
            when 'number.percentage' then 'a percentage'
            when 'number.time' then 'a time of day'
            when 'number.date' then 'a date, or part of one'
            when 'number.money' then 'a currency sign'
            when 'number.word' then 'a number in words'
            when 'number.roman' then 'a Roman number'
            when 'number.digits' then 'a number'
            when 'punctuation.character' then 'a punctuation mark'
            when 'function.list' then concat('a function word (', rules.word_group, ')')
            when 'function.negation'
                then concat('half of a contraction in ', n_clitic, ' of ', n_occurrences, ' places, as in don ''t')
            when 'function.clitic' then concat('behind an apostrophe in ', n_clitic, ' of ', n_occurrences, ' places')
            when 'fragment.letter' then 'a single letter'
            when 'place.part' then concat(
                'part of a place in the list in ', n_in_places, ' of ', n_occurrences, ' places'
            )
            else concat_ws(
                ', ',
                case
                    when ends_with(rule, '.ner')
                        then concat(
                            'the recogniser says ', recognised_type, ' in ', n_votes, ' of ', n_seen, ' places'
                        )
                end,
                case
                    when n_inside > 0
                        then concat('capitalised in ', n_capitalised, ' of ', n_inside, ' places inside a sentence')
                    when regexp_matches(word, '^[\p{Lu}\p{Ll}\p{Lt}]') then 'casing says nothing here'
                end,
                case when starts_with(rule, 'place.') and place_kind is not null then concat(
                    'in the list of places (', place_kind, ')'
                ) end,
                case
                    when not ends_with(rule, 'list') or starts_with(rule, 'place.') then null
                    when is_first_name then 'in the list of first names'
                    when is_surname then 'in the list of surnames'
                    else concat('after a first name in ', n_after_first_name, ' places')
                end
            )
        end as evidence
    from word_rules as rules
    inner join word_evidence as found using (word)
),

typed as (
    select * from words
    union all by name
    select 'piece' as kind, piece as word, type, rule, entropy, evidence from piece_types
    union all by name
    select 'bigram' as kind, word, type, rule, word_group, evidence from bigram_types
)

select
    kind,
    word,
    type,
    rule,
    word_group,
    n_inside,
    n_capitalised,
    entropy,
    evidence
from typed
order by kind, word
