"""Numbers that are read without the library's parser are read as the library reads them."""

from __future__ import annotations

import phonenumbers
from hypothesis import given
from hypothesis import strategies as st

from syncd.mapping.functions import phones
from syncd.mapping.functions.phone_plans import Phone, plain

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
EXAMPLES = [
    number
    for region in REGIONS
    for type_ in (0, 1, 3, 4, 6)  # fixed line, mobile, toll free, premium rate, voice over IP
    if (number := phonenumbers.example_number_for_type(region, type_)) is not None
]
USUAL = st.sampled_from(["CN", "ID", "SG", "HK", "DE", "BR", "AR", "MX", "US", "IT", "RU"])
PLACES = st.integers(0, 20)


def by_library(text: str, region: str) -> Phone | None:
    """Return what the library makes of a text, None where that is no valid number."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return Phone(
        e164=phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        country=number.country_code or 0,
        significant=phonenumbers.national_significant_number(number),
        mobile=phonenumbers.number_type(number)
        in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE),
    )


@st.composite
def written(draw: st.DrawFn) -> str:
    """Draw a number in any of the ways in which people write it, often with one digit changed."""
    number = draw(st.sampled_from(EXAMPLES))
    digits = phonenumbers.national_significant_number(number)
    if draw(st.booleans()):
        at = draw(PLACES) % len(digits)
        digits = digits[:at] + draw(st.sampled_from("0123456789")) + digits[at + 1 :]
    begin = draw(st.sampled_from(["", "", "0", "00", "00 86 "]))
    code = (
        draw(st.sampled_from(["", "+", "+", "+"])) and f"+{number.country_code}{draw(st.sampled_from(['', ' ', '-']))}"
    )
    text = f"{code}{begin}{digits}"
    at = draw(PLACES) % len(text)
    return text[:at] + draw(st.sampled_from(["", " ", "-", " - ", ".", "/", "x"])) + text[at:]


@given(written() | st.from_regex(r"\+?[0-9][0-9 -]{5,16}", fullmatch=True), USUAL | st.sampled_from(REGIONS))
def test_what_is_read_without_the_parser_is_what_the_parser_reads(text: str, region: str) -> None:
    found = plain(text, region)
    assert found is None or found == by_library(text, region)


def test_one_number_of_each_kind_and_country_is_read_as_the_parser_reads_it() -> None:
    texts = [f"+{one.country_code} {phonenumbers.national_significant_number(one)}" for one in EXAMPLES]
    found = {text: phone for text in texts if (phone := plain(text, "CN"))}
    assert len(found) > 300
    assert found == {text: by_library(text, "CN") for text in found}


@given(st.integers(0, 10**8 - 1), st.sampled_from(["+86 138", "138", "+86-138-", "+86138"]))
def test_the_numbers_of_most_people_need_no_parser(number: int, begin: str) -> None:
    found = plain(f"{begin}{number:08}", "CN")
    assert found == Phone(e164=f"+86138{number:08}", country=86, significant=f"138{number:08}", mobile=True)


@given(st.integers(0, 10**8 - 1), st.sampled_from(["+62 811-", "0811 ", "811", "+62 0811"]))
def test_nor_do_those_that_are_written_as_they_are_dialled_at_home(number: int, begin: str) -> None:
    found = plain(f"{begin}{number:08}", "ID")
    assert found == Phone(e164=f"+62811{number:08}", country=62, significant=f"811{number:08}", mobile=True)


def test_the_regions_that_rules_may_name_are_those_of_the_library() -> None:
    assert set(phonenumbers.SUPPORTED_REGIONS) == phones.REGIONS
