-- type_rules: what is expected of the words of every type, and what they are called.
-- One row per type, and per group of function words of which something else is expected than of the others.
--
-- param   word_types      CSV file with these columns
-- param   identity_terms  identity terms are judged like names, and not exempt
-- column  type            type of a word, or group of a function word
-- column  expectation     none: another word of the type should make no difference; meaning: it is judged by what it
--                         means; exempt: it is never judged; unknown: no list of its language says
-- column  title           headline of its findings
-- column  one             what one of them is called
-- column  several         what several of them are called
-- column  is_mark         no word, and its effect may rightly depend on the text
-- column  is_personal     it is about people: one such word may be too much
-- column  is_named        it names somebody or a place: report.redact hides it
-- column  in_vocabulary   may be proposed as a token of its own
-- column  as_token        how a vocabulary review sorts its words: own, by the type; term; code, tokens only where they
--                         have letters and digits; never, no tokens; null: by the type, or as codes
-- column  in_labelling    may be proposed as a keyword
-- column  pair_order      a pair of words has that type of the two which comes first; null where only pieces have it
-- column  pattern         of patterns: part, template or whole; null for types of words
-- unique  type
select
    type,
    if(type = 'identity term' and $identity_terms, 'none', expectation) as expectation,
    title,
    one,
    several,
    is_mark::boolean as is_mark,
    is_personal::boolean as is_personal,
    is_named::boolean as is_named,
    in_vocabulary::boolean as in_vocabulary,
    as_token,
    in_labelling::boolean as in_labelling,
    pair_order::integer as pair_order,
    pattern
from read_csv($word_types, header = true, all_varchar = true)
order by type
