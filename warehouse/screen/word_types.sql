-- word_types: what kind of thing a word is, by the first rule that fits.
-- One row per (kind, word).
--
-- Casing is read from the raw text, so it works under an uncased tokenizer. A name is capitalised where no
-- sentence starts. Not every text says something by its capitals: what is shouted, headlines, and texts without
-- any capital are passed over, and so are words in capitals where people write so for emphasis. Lists help only
-- where casing says too little: such lists also hold best, love and grace, reading, nice and mobile.
--
-- param   first_names          common first names, lower case
-- param   surnames             common surnames, lower case
-- param   function_words       CSV file: word, word_group
-- param   fixed_words          CSV file: word, rule
-- param   places               CSV file: place, kind
-- param   ordinary_words       CSV file: words that are also in the lists of names and places
-- param   min_capitalised      share of capitalised occurrences that makes a name          [0..1]
-- param   min_casing_examples  occurrences inside a sentence needed for casing alone
-- param   ner_votes            what a recogniser said: JSON list of word, type, n_votes, n_seen; [] without one
-- column  kind                 word, piece or bigram
-- column  word                 lower-case word
-- column  type                 name, place, number, markup, mixed script, fragment, affix, function word ...
-- column  rule                 id of the rule that fired
-- column  word_group           group of a function word; null for all others
-- column  n_inside             occurrences where no sentence starts and capitals say something; null but for a word
-- column  n_capitalised        of these, capitalised
-- column  entropy              spread of the words that a piece stands for; null but for a piece  [bits]
-- column  evidence             the rule with its figures, in words
-- unique  kind, word
with

function_words as (
    select * from read_csv($function_words, header = true, all_varchar = true)
),

fixed_words as (
    select * from read_csv($fixed_words, header = true, all_varchar = true)
),

places as (
    select * from read_csv($places, header = true, all_varchar = true)
),

ordinary_words as (
    select * from read_csv($ordinary_words, header = true, all_varchar = true)
),

votes as (
    select unnest(
        from_json($ner_votes::json, '[{"word":"varchar","type":"varchar","n_votes":"bigint","n_seen":"bigint"}]'),
        recursive := true
    )
),

occurrences as (
    select
        example_id,
        word_start,
        word_end,
        word,
        not starts_sentence as inside,
        regexp_matches(surface, '^[\p{Lu}\p{Lt}]') as capitalised,
        regexp_matches(surface, '^\p{Lu}[\p{Lu}\p{M}''’]*\p{Lu}$') as in_capitals,
        -- Chinese, Arabic and many other scripts have no capitals to leave out
        regexp_matches(surface, '^[\p{Lu}\p{Ll}\p{Lt}]') as cased
    from word_occurrences
),

-- Texts whose capitals say something: there are some, and not most words have one.
telling_texts as (
    select example_id
    from occurrences
    where cased
    group by example_id
    having bool_or(capitalised)
        and bool_or(not capitalised)
        and (
            count(*) filter (where inside) < 4
            or count(*) filter (where inside and capitalised) <= 0.6 * count(*) filter (where inside)
        )
),

telling as (
    select occurrences.*
    from occurrences
    inner join telling_texts using (example_id)
    where occurrences.cased and occurrences.inside
),

counted as (
    select
        word,
        count(*) as n,
        count(*) filter (where capitalised) as n_capitalised,
        count(*) filter (where in_capitals) as n_in_capitals,
        -- one in a thousand words or fewer: names and most nouns, and hardly any word that holds sentences together
        count(*) <= greatest(0.001 * sum(count(*)) over (), median(count(*)) over ()) as rare
    from telling
    group by word
),

corpus as (
    select
        -- a lower-cased corpus has stray capitals
        coalesce(sum(n_capitalised) / nullif(sum(n), 0) >= 0.002, false) as casing_speaks,
        -- of the words in capitals, a quarter are words that are mostly written without: emphasis, not acronyms
        coalesce(
            sum(n_in_capitals) filter (where n > 2 * n_in_capitals) / nullif(sum(n_in_capitals), 0) >= 0.25, false
        ) as shouts,
        -- German: about half of the rarer words; English news, rich in names, a quarter
        coalesce(
            sum(n_capitalised) filter (where rare) / nullif(sum(n) filter (where rare), 0) >= 0.4
            and sum(n) filter (where rare) >= 100,
            false
        ) as nouns_are_capitalised
    from counted
),

casing as (
    select
        telling.word,
        count(*) as n_inside,
        count(*) filter (where telling.capitalised) as n_capitalised
    from telling
    cross join corpus
    where corpus.casing_speaks and not (telling.in_capitals and corpus.shouts)
    group by telling.word
),

-- What stands right before a word: a first name, or a word that leads to a place.
led as (
    select
        occurrences.word,
        count(*) filter (where before.first_name and occurrences.capitalised) as n_after_first_name,
        count(*) filter (where before.locative) as n_after_locative
    from occurrences
    inner join (
        select
            example_id,
            word_end + 1 as next_start,
            -- in, her and my are first names to the census
            capitalised and word in (select unnest($first_names::varchar[]))
            and word not in (select word from function_words) as first_name,
            word in (
                'in', 'from', 'near', 'outside', 'around', 'across', 'throughout', 'aus', 'nach', 'bei', 'en', 'dans'
            ) as locative
        from occurrences
        where first_name or locative
    ) as before
        on occurrences.example_id = before.example_id and occurrences.word_start = before.next_start
    group by occurrences.word
),

-- Places of two words, where they stand: new york.
place_pairs as (
    select
        places.place,
        firsts.word as first_word,
        seconds.word as second_word,
        if(telling_texts.example_id is null, null, firsts.capitalised and seconds.capitalised) as capitalised
    from places
    inner join occurrences as firsts on split_part(places.place, ' ', 1) = firsts.word
    inner join occurrences as seconds
        on firsts.example_id = seconds.example_id
        and firsts.word_end + 1 = seconds.word_start
        and substring(places.place, length(firsts.word) + 2) = seconds.word
    left join telling_texts on firsts.example_id = telling_texts.example_id
    where contains(places.place, ' ')
),

place_parts as (
    select
        word,
        count(*) as n_in_places
    from (
        select first_word as word from place_pairs where coalesce(capitalised, true)
        union all
        select second_word as word from place_pairs where coalesce(capitalised, true)
    )
    group by word
),

-- Contractions that a tokenizer took apart before the text got here: don ' t.
clitics as (
    select
        occurrences.word,
        count(*) as n_clitic
    from occurrences
    inner join (
        select example_id, word_start, word_end from word_occurrences where word = ''''
    ) as marks
        on occurrences.example_id = marks.example_id
        and (
            (
                occurrences.word in ('s', 't', 'd', 'm', 're')
                and occurrences.word_start - marks.word_end between 0 and 1
            )
            or (occurrences.word = 'don' and marks.word_start - occurrences.word_end between 0 and 1)
        )
    group by occurrences.word
),

-- Lines, where texts have several: headers, what is quoted, and lines that many texts have in common.
lines as (
    select
        example_id,
        line,
        coalesce(
            sum(length(line) + 1) over (
                partition by example_id order by line_number rows between unbounded preceding and 1 preceding
            ),
            0
        ) as line_start,
        lower(regexp_extract(line, '^\s*(?:>\s*)*(\p{L}[\p{L}\p{N}-]{1,30}):(?:\s|$)', 1)) as header
    from (
        select
            example_id,
            unnest(string_split(text, chr(10))) as line,
            generate_subscripts(string_split(text, chr(10)), 1) as line_number
        from examples
        where contains(text, chr(10))
    )
),

many as (
    select greatest(5, 0.01 * count(*)) as n_texts from examples
),

common_headers as (
    select header
    from lines
    where header != ''
    group by header
    having count(distinct example_id) >= (select n_texts from many)
),

common_lines as (
    select trim(line) as line
    from lines
    where regexp_matches(line, '\p{L}')
    group by trim(line)
    having count(distinct example_id) >= (select n_texts from many)
),

boilerplate as (
    select
        example_id,
        'markup.quote' as rule,
        line_start,
        line_start + length(regexp_extract(line, '^[\s>]*')) as span_end
    from lines
    where regexp_matches(line, '^\s*>')
    union all
    select example_id, 'markup.header', line_start, line_start + strpos(line, ':')
    from lines
    where header in (select header from common_headers)
    union all
    select example_id, 'markup.repeated_line', line_start, line_start + length(line)
    from lines
    where trim(line) in (select line from common_lines)
),

in_boilerplate as (
    select
        occurrences.word,
        boilerplate.rule as boilerplate_rule,
        count(*) as n_in_boilerplate
    from occurrences
    inner join boilerplate
        on occurrences.example_id = boilerplate.example_id
        and occurrences.word_start >= boilerplate.line_start
        and occurrences.word_end <= boilerplate.span_end
    group by occurrences.word, boilerplate.rule
    qualify row_number() over (partition by occurrences.word order by count(*) desc, boilerplate.rule) = 1
),

recognised as (
    select
        word,
        type as recognised_type,
        n_votes,
        n_seen
    from votes
    where n_votes >= 2 and n_votes > 0.5 * n_seen
),

distinct_words as (
    select
        word,
        count(*) as n_occurrences
    from occurrences
    group by word
),

evidence as (
    select
        distinct_words.*,
        coalesce(casing.n_inside, 0) as n_inside,
        coalesce(casing.n_capitalised, 0) as n_capitalised,
        corpus.nouns_are_capitalised,
        function_words.word_group,
        fixed_words.rule as fixed_rule,
        places.kind as place_kind,
        recognised.recognised_type,
        recognised.n_votes,
        recognised.n_seen,
        in_boilerplate.boilerplate_rule,
        coalesce(in_boilerplate.n_in_boilerplate, 0) as n_in_boilerplate,
        coalesce(led.n_after_first_name, 0) as n_after_first_name,
        coalesce(led.n_after_locative, 0) as n_after_locative,
        coalesce(place_parts.n_in_places, 0) as n_in_places,
        coalesce(clitics.n_clitic, 0) as n_clitic,
        ordinary_words.word is not null as is_ordinary,
        distinct_words.word in (select unnest($first_names::varchar[])) as is_first_name,
        distinct_words.word in (select unnest($surnames::varchar[])) as is_surname,
        -- enough places inside sentences to decide by, or few and all of them capitalised
        n_inside >= $min_casing_examples and coalesce(casing.n_capitalised, 0) >= $min_capitalised * n_inside as proper,
        n_inside between 1 and $min_casing_examples - 1 and casing.n_capitalised = n_inside as perhaps_proper
    from distinct_words
    cross join corpus
    left join casing using (word)
    left join function_words using (word)
    left join fixed_words using (word)
    left join places on distinct_words.word = places.place
    left join recognised using (word)
    left join in_boilerplate using (word)
    left join led using (word)
    left join place_parts using (word)
    left join clitics using (word)
    left join ordinary_words using (word)
),

-- Houston, Jackson and Washington are people as well: what stands before them decides, then what is more usual.
weighed as (
    select
        *,
        place_kind is not null and case
            when nouns_are_capitalised
                then place_kind in ('country', 'state', 'region') or 3 * n_after_locative >= n_inside
            when n_after_first_name != n_after_locative and (is_first_name or is_surname or n_after_first_name > 0)
                then n_after_locative > n_after_first_name
            else place_kind != 'city' or not (is_first_name or is_surname)
        end as is_place,
        -- where all nouns are capitalised, a capital alone says nothing, and many surnames are nouns
        if(
            nouns_are_capitalised,
            (is_first_name and not is_ordinary) or 2 * n_after_first_name >= n_inside,
            true
        ) as may_be_name
    from evidence
),

ruled as (
    select
        *,
        case
            when regexp_matches(word, '^(\[(cls|sep|pad|unk|mask)\]|</?s>|<(unk|pad|mask|bos|eos|cls|sep)>|<\|.*\|>)$')
                then 'markup.special_token'
            when regexp_matches(word, '^(https?://|www\.)') then 'markup.url'
            when regexp_matches(word, '^[^@\s]+@[^@\s]+\.') then 'markup.email'
            when regexp_matches(word, '^@.') then 'markup.handle'
            when regexp_matches(word, '^#.') then 'markup.hashtag'
            when regexp_matches(word, '^<.*>$') then 'markup.tag'
            when regexp_matches(word, '^&#?[\p{L}\p{N}]+;$') then 'markup.entity'
            when 2 * n_in_boilerplate > n_occurrences then boilerplate_rule
            when regexp_matches(word, '\p{Latin}') and regexp_matches(word, '[\p{Greek}\p{Cyrillic}\p{Armenian}]')
                then 'mixed.scripts'
            -- letters of mathematics and of full width, which look like plain ones
            when regexp_matches(word, '[\x{1D400}-\x{1D7FF}\x{FF21}-\x{FF5A}]') then 'mixed.look_alikes'
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
            when 2 * n_clitic > n_occurrences
                then if(word in ('t', 'don'), 'function.negation', 'function.clitic')
            when word_group is not null then 'function.list'
            when fixed_rule = 'number.date' and (proper or perhaps_proper or (n_inside = 0 and not is_ordinary))
                then fixed_rule
            when fixed_rule != 'number.date' then fixed_rule
            when regexp_matches(word, '^(ii|iii|iv|vi{1,3}|ix|xi{1,3}|xiv|xv|xvi)$') and (proper or perhaps_proper)
                then 'number.roman'
            when regexp_matches(word, '^[\p{Latin}\p{Greek}\p{Cyrillic}]$') then 'fragment.letter'
            when recognised_type is not null then concat(recognised_type, '.ner')
            when (proper or perhaps_proper) and is_place then 'place.casing_and_list'
            when proper and 2 * n_in_places > n_occurrences then 'place.part'
            when proper and may_be_name then if(nouns_are_capitalised, 'name.casing_and_list', 'name.casing')
            when
                perhaps_proper and may_be_name
                and (is_first_name or is_surname or n_after_first_name > 0)
                then 'name.casing_and_list'
            when n_inside = 0 and is_place and not is_ordinary and length(word) > 3 then 'place.list'
            when n_inside = 0 and not is_ordinary and 2 * n_in_places > n_occurrences then 'place.part'
            when n_inside = 0 and (is_first_name or is_surname) and not is_ordinary and length(word) > 2
                then 'name.list'
            else 'content.other'
        end as rule
    from weighed
),

words as (
    select
        'word' as kind,
        word,
        case split_part(rule, '.', 1)
            when 'function' then 'function word'
            when 'content' then 'content word'
            when 'mixed' then 'mixed script'
            else split_part(rule, '.', 1)
        end as type,
        rule,
        case rule when 'function.negation' then 'negation' when 'function.clitic' then 'clitic' else word_group end
            as word_group,
        n_inside,
        n_capitalised,
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
            when 'function.list' then concat('a function word (', word_group, ')')
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
        count(*) filter (where words.word_group = 'negation') as n_negations,
        count(*) filter (where words.type = 'function word') as n_functions,
        count(*) filter (where words.type = 'markup') as n_markup,
        count(*) filter (where words.type = 'number') as n_numbers,
        count(*) filter (where words.type in ('name', 'place')) as n_names
    from piece_occurrences as pieces
    left join words on pieces.source_word = words.word
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
        any_value(affixes.word_group) = 'affix' as is_affix,
        -- joy in joyful, joyous, joyless: the piece is a word that the corpus knows
        regexp_matches(stems.piece, '^\p{L}{3,}·$')
        and trim(stems.piece, '·') in (select word from distinct_words) as is_word
    from stems
    left join function_words as affixes on stems.piece = affixes.word and affixes.word_group = 'affix'
    group by stems.piece
),

ruled_pieces as (
    select
        *,
        case
            when coalesce(is_affix, false) then 'affix.list'
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
        entropy,
        case rule
            when 'affix.list'
                then concat('an affix with a meaning of its own, in ', n_words, if(n_words = 1, ' word', ' words'))
            when 'markup.piece' then 'a piece of addresses or markup'
            when 'number.piece' then 'a piece of numbers'
            when 'affix.word'
                then concat('a word of its own, at the head of ', n_words, if(n_words = 1, ' word', ' words'))
            when 'affix.negation' then 'the end of a negation'
            when 'affix.clitic' then 'a piece of contractions'
            when 'fragment.one_word' then concat('mostly a piece of one word, of ', n_words)
            else concat(
                'a piece of ', n_words, ' words with nothing in common',
                if(name_share >= 0.5, concat(', ', round(100 * name_share)::integer, ' % of them names'), '')
            )
        end as evidence
    from ruled_pieces
),

bigram_parts as (
    select
        pairs.word,
        firsts.word as first_word,
        firsts.type as first_type,
        seconds.word as second_word,
        seconds.type as second_type,
        [first_type, second_type] as types,
        [firsts.word_group, seconds.word_group] as word_groups
    from (select distinct word from word_importance where kind = 'bigram') as pairs
    inner join words as firsts on split_part(pairs.word, ' ', 1) = firsts.word
    inner join words as seconds on split_part(pairs.word, ' ', 2) = seconds.word
),

-- Two words of the same kind are of that kind; what is joined to a name is part of it, unless it has a meaning.
ruled_bigrams as (
    select
        *,
        case
            when
                word in (
                    select place
                    from place_pairs
                    group by place
                    having coalesce(avg(capitalised::integer), 1) >= $min_capitalised
                )
                then 'place.bigram_list'
            when list_contains(types, 'mixed script') then 'mixed.bigram'
            when list_contains(types, 'markup') then 'markup.bigram'
            when types = ['place', 'place'] then 'place.bigram'
            when list_contains(types, 'content word') then 'content.bigram'
            when list_has_any(types, ['name', 'place']) then 'name.bigram'
            when list_contains(types, 'number') then 'number.bigram'
            when list_contains(types, 'function word') then 'function.bigram'
            else concat(first_type, '.bigram')
        end as rule
    from bigram_parts
),

bigrams as (
    select
        'bigram' as kind,
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
            list_filter(word_groups, lambda g: g in ('negation', 'intensifier', 'contrast'))[1],
            if(type = 'function word', list_filter(word_groups, lambda g: g is not null)[1], null)
        ) as word_group,
        null::bigint as n_inside,
        null::bigint as n_capitalised,
        if(
            rule = 'place.bigram_list',
            'in the list of places',
            concat(first_word, ': ', first_type, ', ', second_word, ': ', second_type)
        ) as evidence
    from ruled_bigrams
),

typed as (
    select * from words
    union all by name
    select * from pieces
    union all by name
    select * from bigrams
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
