-- word_rules: the first rule that fits a word, and with it the type of the word.
-- One row per word.
--
-- column  word        lower-case word
-- column  type        type that the rule gives, by rule_types
-- column  rule        id of the rule that fits
-- column  word_group  group of a function word; unlisted where the language has no list; null for all others
-- unique  word
with

-- Without a list a rule that makes words suspect is off, rather than wrong.
lists as (
    select
        coalesce(bool_or(is_known) filter (where list = 'function_words'), false) as knows_function_words,
        coalesce(bool_or(is_known) filter (where list = 'ordinary_words'), false) as knows_ordinary_words,
        coalesce(bool_or(is_used) filter (where list = 'contractions'), false) as has_contractions,
        -- There letters of full width are set like any others.
        (select count(*) > 0 from languages where language in ('zh', 'ja', 'ko')) as has_wide_letters
    from language_lists
),

ruled as (
    select
        word,
        word_group,
        case
            when regexp_matches(word, '^(\[(cls|sep|pad|unk|mask)\]|</?s>|<(unk|pad|mask|bos|eos|cls|sep)>|<\|.*\|>)$')
                then 'markup.special_token'
            when regexp_matches(word, '^(https?://|www\.)') then 'markup.url'
            when regexp_matches(word, '^[^@\s]+@[^@\s]+\.') then 'markup.email'
            when regexp_matches(word, '^[@＠][\p{L}\p{M}\p{N}_@.-]+$') then 'markup.handle'
            when regexp_matches(word, '^[#＃][\p{L}\p{M}\p{N}_·《》—-]+[#＃]?$') then 'markup.hashtag'
            when regexp_matches(word, '^</?[a-z][^<>]*>$') then 'markup.tag'
            when regexp_matches(word, '^&#?[\p{L}\p{N}]+;$') then 'markup.entity'
            when 2 * n_in_boilerplate > n_occurrences then boilerplate_rule
            when regexp_matches(word, '\p{Latin}') and regexp_matches(word, '[\p{Greek}\p{Cyrillic}\p{Armenian}]')
                then 'mixed.scripts'
            -- letters of mathematics and of full width, which look like plain ones
            when
                regexp_matches(word, '[\x{1D400}-\x{1D7FF}]')
                or (regexp_matches(word, '[\x{FF21}-\x{FF5A}]') and not has_wide_letters)
                then 'mixed.look_alikes'
            when regexp_matches(word, '\p{Latin}') and regexp_matches(word, '[\x{200C}\x{200D}\x{2060}]')
                then 'mixed.invisible'
            when regexp_matches(word, '[\x{1F000}-\x{1FAFF}\x{2600}-\x{27BF}\x{2B00}-\x{2BFF}\x{20E3}\x{FE0F}]')
                then 'symbol.emoji'
            when regexp_matches(word, '^\p{N}[\p{N}\p{P}]*%$') then 'number.percentage'
            when regexp_matches(word, '^[0-9]{1,2}(:[0-9]{2}){1,2}$|^[0-9]{1,2}[ap]m$') then 'number.time'
            when regexp_matches(word, '^[0-9]{1,4}([/.-][0-9]{1,4}){2}$|^(1[5-9]|20)[0-9]{2}s?$|^[0-9]0s$')
                then 'number.date'
            when regexp_matches(word, '^\p{N}[^\p{L}]*(st|nd|rd|th|s|k|m|bn|x|km|kg|lbs?|mph|hrs?|mins?)?$')
                then 'number.digits'
            when regexp_matches(word, '^\p{Sc}$') then 'number.money'
            when regexp_matches(word, '^\p{P}+$') then 'punctuation.character'
            when not regexp_matches(word, '\p{L}') and regexp_matches(word, '[\x{FFFD}\p{Co}\p{Cc}\p{Cf}]')
                then 'symbol.control'
            when not regexp_matches(word, '\p{L}') then 'symbol.character'
            when has_contractions and 2 * n_clitic > n_occurrences
                then if(word in ('t', 'don'), 'function.negation', 'function.clitic')
            when word_group is not null then 'function.list'
            when fixed_rule = 'number.date' and (proper or perhaps_proper or (n_inside = 0 and not is_ordinary))
                then fixed_rule
            when fixed_rule != 'number.date' then fixed_rule
            when regexp_matches(word, '^(ii|iii|iv|vi{1,3}|ix|xi{1,3}|xiv|xv|xvi)$') and (proper or perhaps_proper)
                then 'number.roman'
            when knows_function_words and regexp_matches(word, '^[\p{Latin}\p{Greek}\p{Cyrillic}]$')
                then 'fragment.letter'
            when is_identity_term then 'identity.list'
            when recognised_type is not null then concat(recognised_type, '.ner')
            when (proper or perhaps_proper) and is_place then 'place.casing_and_list'
            when proper and 2 * n_in_places > n_occurrences then 'place.part'
            when proper and may_be_name then if(nouns_are_capitalised, 'name.casing_and_list', 'name.casing')
            when
                perhaps_proper and may_be_name
                and (is_first_name or is_surname or n_after_first_name > 0)
                then 'name.casing_and_list'
            when knows_ordinary_words and n_inside = 0 and is_place and not is_ordinary and length(word) > 3
                then 'place.list'
            when knows_ordinary_words and n_inside = 0 and not is_ordinary and 2 * n_in_places > n_occurrences
                then 'place.part'
            when
                knows_ordinary_words and n_inside = 0 and (is_first_name or is_surname) and not is_ordinary
                and length(word) > 2
                then 'name.list'
            when not knows_function_words then 'content.unlisted'
            else 'content.other'
        end as rule
    from word_evidence
    cross join lists
)

select
    ruled.word,
    rule_types.type,
    ruled.rule,
    case ruled.rule
        when 'function.negation' then 'negation'
        when 'function.clitic' then 'clitic'
        when 'content.unlisted' then 'unlisted'
        else ruled.word_group
    end as word_group
from ruled
inner join rule_types using (rule)
order by ruled.word
