"""Each quirk of SCIM services and providers that is known, by the test that tries it. A quirk whose test is gone is found here.

What is known is gathered from the RFCs, from what providers publish, and from what users and authors of other software report.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PULLED = {
    # what a service says of itself
    "no ServiceProviderConfig, no ResourceTypes, a page of HTML instead": (
        "a_service_that_keeps_to_itself_what_it_can_do_is_read_the_plain_way"
    ),
    "endpoints of its own, in lower case or relative": (
        "a_service_that_has_people_and_groups_elsewhere_is_asked_there"
    ),
    "an address on another host in location, $ref or endpoint": (
        "an_address_that_the_service_names_outside_its_base_is_not_gone_to"
    ),
    # pages
    "cursors (RFC 9865) only": "a_service_that_says_it_has_cursors_is_asked_by_cursor",
    "a cursor that expires": "a_cursor_that_expires_begins_the_list_anew",
    "clamped counts, an end with 400, no total, names in lower case": (
        "everybody_is_read_whatever_the_pages_look_like"
    ),
    "totalResults is the page's": "a_count_of_the_page_instead_of_all_is_a_doubt_and_everybody_is_read",
    "startIndex off by one": "indices_that_count_from_zero_hide_the_first_and_prove_nothing",
    "startIndex is ignored": "a_service_that_ignores_start_index_is_an_error_and_no_small_company",
    "nothing without startIndex and count; count=0 is refused": (
        "every_list_is_asked_for_with_a_start_and_a_count_and_never_for_a_count_of_none"
    ),
    "rows lost while others are deleted": (
        "rows_that_slip_between_pages_while_others_are_deleted_are_fetched_by_themselves"
    ),
    "tooMany": "a_list_that_is_too_long_for_the_service_says_what_to_set",
    # deltas
    "deletions are not shown by lastModified": "somebody_who_is_missing_leads_to_a_full_read",
    "the filter is ignored, or there is no count": "a_delta_that_cannot_be_trusted_is_a_full_read_with_its_reason",
    "the filter is refused": "a_service_that_refuses_the_question_is_read_in_full",
    "the overlap shows people twice": "a_delta_tells_who_changed_and_who_is_new",
    # resources
    "active absent": "who_does_not_say_whether_they_are_active_is_counted",
    "flags as text, extensions flattened, managers of every shape": "values_are_found_where_services_put_them",
    "members absent from lists, an unknown id is 400": (
        "who_is_deleted_while_groups_are_asked_for_one_by_one_is_no_error"
    ),
    "members without a type, nested groups": "a_member_of_a_group_may_be_a_group_and_need_not_say_what_it_is",
    "a row without an id": "a_row_without_an_id_proves_nobody_gone",
    "text/html for JSON, no meta": ("a_service_without_times_types_or_addresses_in_its_answers_is_read_in_full"),
    # the wire
    "429 and 503 with Retry-After": "a_service_that_is_busy_is_waited_for",
    "a wait that is too long for a read": "a_service_that_is_busy_for_long_is_asked_later",
    "a login page with 200, a redirect, an answer cut off": "what_is_no_list_is_an_error_with_its_reason",
    "a token that ends": "a_token_that_has_ended_is_asked_for_anew",
}
PUSHED = {
    # Entra ID
    "Test Connection": "01_a_connection_is_tried_with_a_name_that_nobody_has",
    "nulls, a manager as text": "02_a_user_is_made_with_nulls_and_a_manager_that_is_a_text",
    "unquoted literals, only eq and and": "11_a_filter_finds_whom_it_means",
    "the manager check": "11_a_manager_is_checked_by_a_filter_of_ids",
    "the same userName in another case": "03_the_same_name_in_another_case_is_taken",
    "both columns of PATCH for plain attributes": "a_shape_of_a_plain_attribute_does_what_it_means",
    "filtered paths without a match": "a_filtered_attribute_is_changed_or_made",
    "a manager taken away by an empty text": "an_empty_manager_takes_the_manager_away",
    "roles as a text of JSON": "a_role_that_is_a_text_of_json_is_stored_as_it_came",
    "members by value list, by filter, without a path, as one object": "a_shape_of_members_does_what_it_means",
    "custom lists come as Add": "a_change_of_a_custom_list_that_comes_as_add_is_added",
    "ADSCIM's URN, groups by externalId": "a_group_of_entra_with_its_old_urn_is_found_by_either_name",
    "excludedAttributes=members": "12_members_that_are_not_wanted_are_not_shown",
    "reactivation sends no memberships": "10_who_comes_back_is_in_the_same_groups",
    "/Schemas in camelCase without nulls": "schemas_are_listed_in_camel_case_and_without_nulls",
    "values are not trimmed": "values_come_back_as_they_were_sent",
    "quarantine after a storm of errors": (
        "a_push_reaches_the_target_at_once_and_a_mass_deactivation_is_held_and_answered_with_success"
    ),
    "a token of Entra instead of a pasted one": "a_token_that_says_what_it_must_opens_its_source",
    # Okta
    "the SPEC test": "the_specification_test_of_okta",
    "GET and PUT of the whole profile": "05_what_is_read_and_put_back_keeps_what_we_do_not_know",
    "PUT without active or members": "05_a_put_that_is_silent_about_it_wakes_nobody_and_empties_no_group",
    "import in pages of 100": "pages_of_okta_are_stable_and_counted_in_integers",
    "addresses of okta.local": "18_an_address_is_no_business_of_ours",
    "a placeholder for a password": "a_password_is_never_kept",
    # OneLogin and others
    "texts for flags, managerId, a URN of SCIM 1.1, id null": (
        "a_template_of_onelogin_with_texts_for_flags_and_a_urn_of_scim_1_1_makes_a_user"
    ),
    "schema URNs in another case": "an_extension_is_known_by_its_urn_in_any_case",
    "names in another case": "a_patch_whose_names_are_in_another_case_is_understood",
    "numbers as texts": "numbers_that_are_texts_are_numbers",
    "a slash at the end, paths in lower case, any content type": (
        "22_bodies_are_taken_as_providers_send_them_and_no_larger_than_a_megabyte"
    ),
    # what others got wrong
    "adding twice makes two": "adding_what_is_there_adds_nothing_and_a_new_primary_takes_the_place_of_the_old",
    "an unknown operation answered with success": "what_fails_in_the_third_operation_leaves_the_first_two_undone",
    "a list without paging shows nothing": "16_pages_are_counted_as_the_rfc_says",
    "rows lost from a provider's pages": "16_a_cursor_loses_nobody_when_rows_are_deleted_between_pages",
    "members lost by patches at once": "20_patches_at_once_lose_no_member",
    "ten thousand members": "13_one_of_ten_thousand_members_is_taken_out_by_one_row",
    "401 without a body": "14_who_shows_no_token_of_ours_is_told_so_in_scims_words",
    "deleted twice": "15_who_is_deleted_twice_is_not_there_the_second_time",
    "If-Match": "17_a_version_that_is_over_is_refused_and_one_that_stands_is_not_sent_again",
    "hostile filters": "19_a_filter_that_is_hostile_or_broken_is_refused",
    "active taken away": "taking_active_away_brings_nobody_back_and_sends_nobody_away",
}


@pytest.fixture(scope="module")
def there() -> set[str]:
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in TESTS.glob("*/test_scim_*.py")]
    functions = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return {node.name.removeprefix("test_") for node in functions if node.name.startswith("test_")}


@pytest.mark.parametrize("quirk", [*PULLED, *PUSHED])
def test_a_quirk_has_a_test_that_names_it(quirk: str, there: set[str]) -> None:
    assert (PULLED | PUSHED)[quirk] in there
