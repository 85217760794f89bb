-- listed_words: the function words of the texts, by the lists of their languages.
-- One row per word.
--
-- Where languages share a word, that of the more frequent one counts. In French and Italian a short word leans on the
-- next with an apostrophe: c'est is a function word since both halves are, n'aime a negation since n' is one.
--
-- param   function_words  CSV file: language, word, word_group
-- column  word            lower-case word
-- column  word_group      group of the function word
-- unique  word
with

listed as (
    select
        function_words.word,
        function_words.word_group,
        function_words.language,
        row_number() over (order by languages.share desc nulls last, languages.language) as place
    from read_csv($function_words, header = true, all_varchar = true) as function_words
    inner join languages using (language)
),

whole as (
    select
        casing.word,
        listed.word_group,
        listed.place
    from casing
    inner join listed using (word)
),

elided as (
    select
        casing.word,
        if(firsts.word_group = 'negation', firsts.word_group, seconds.word_group) as word_group,
        firsts.place
    from casing
    inner join listed as firsts
        on contains(casing.word, '''') and split_part(casing.word, '''', 1) = firsts.word
        and firsts.language in ('fr', 'it')
    left join listed as seconds
        on substring(casing.word, strpos(casing.word, '''') + 1) = seconds.word
        and firsts.language = seconds.language
)

select
    word,
    arg_min(word_group, place) as word_group
from (
    select * from whole
    union all
    select * from elided
    where word_group is not null
)
group by word
order by word
