-- addresses: e-mail addresses and links, by their domain.
-- One row per place in a text.
--
-- What is written against an address, as its brackets and the mark that ends a sentence, is no part of it.
--
-- column  type        address
-- column  pattern     *@domain of an e-mail address, */domain of a link
-- column  example_id  explained example
-- column  span_start  first character  [code points]
-- column  span_end    end, exclusive   [code points]
-- unique  example_id, span_start
with

found as (
    select
        example_id,
        core,
        core_start,
        regexp_extract(core, '(?i)[\p{L}\p{N}_.+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+') as mail,
        regexp_extract(core, '(?i)(?:https?://|www\.)[^\s<>"]*[^\s<>".,;:!?)\]]') as link,
        if(link != '', link, mail) as address,
        if(
            link != '',
            concat('*/', regexp_extract(lower(link), '^(?:https?://)?(?:www\.)?([^/:?#]+)', 1)),
            concat('*@', regexp_extract(lower(mail), '@(.*)$', 1))
        ) as pattern
    from chunks
)

select
    'address' as type,
    pattern,
    example_id,
    core_start + strpos(core, address) - 1 as span_start,
    span_start + length(address) as span_end
from found
where contains(address, '.')
order by example_id, span_start
