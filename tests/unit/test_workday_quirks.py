"""Each quirk of Workday that is known, by the test that tries it. A quirk whose test is gone is found here.

What is known is gathered from Workday's published descriptions and from what users of other connectors report; what is only
recalled is said to be so in the code that relies on it.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
QUIRKS = {
    # requests and answers
    "an absent Response_Group means another answer": "test_a_request_always_says_what_it_wants_to_be_told",
    "Page 0 and Count above 999 are refused": "test_the_sandbox_refuses_what_workday_refuses",
    "a page beyond the end has no Response_Data": "test_a_page_beyond_the_end_has_no_rows_and_no_data",
    "no Response_Data without rows": "test_no_worker_at_all_is_no_answer_without_response_data_to_stumble_over",
    "one row is one element": "test_one_worker_is_one_worker",
    "pages are stable only while pinned": "test_pages_that_are_not_pinned_shift_while_somebody_is_changed",
    "entered between two pages": "test_every_page_is_of_one_moment_of_entry_whatever_is_entered_meanwhile",
    "the cache of a list ends after two hours": (
        "test_a_list_whose_cache_has_ended_between_two_pages_goes_on_as_of_the_same_moment"
    ),
    "dates with offsets, booleans as 1 or true": ("test_dates_with_offsets_and_both_forms_of_booleans_mean_the_same"),
    "descriptors only on request": "test_descriptors_are_asked_for_since_new_versions_leave_them_out",
    # rights
    "a constrained integration user": "test_a_constrained_integration_user_proves_nobody_gone",
    "a constrained user within the allowed loss": (
        "test_an_organization_that_loses_all_its_people_is_noticed_within_the_allowed_loss"
    ),
    "a missing domain is a missing element": (
        "test_a_domain_that_is_taken_away_is_told_before_anybody_loses_what_it_showed"
    ),
    "an operation that is not granted": "test_a_wrong_password_and_a_task_that_is_not_granted_are_told_apart",
    # people
    "ids are free text with leading zeros": "test_ids_are_free_text_and_keep_their_zeros",
    "a missing preferred name, a name in another script": (
        "test_a_missing_preferred_name_is_the_legal_one_and_a_local_name_is_read"
    ),
    "two mails of work, private data, national ids": (
        "test_of_several_mails_the_primary_public_one_of_work_counts_and_what_is_private_is_not_read"
    ),
    "several positions, international assignment": "test_the_primary_job_is_the_title_and_others_are_listed_beside",
    "a vacant manager, the topmost manager": (
        "test_the_manager_of_a_vacant_organization_is_the_next_one_above_and_nobody_is_their_own"
    ),
    "leave of absence": "test_who_is_on_leave_still_works_here",
    "organizations of other types": "test_organizations_of_other_types_are_no_units",
    "a manager of two organizations, one above the other": "test_a_manager_of_two_organizations_in_a_row_is_one_manager",
    "an XPath that is not anchored": ("test_an_attribute_of_ones_own_is_that_of_each_worker_and_of_nobody_else"),
    # time
    "pre-hires are no workers": "test_a_pre_hire_of_a_report_is_the_person_whom_workday_hires_later",
    "several changes that lie ahead": (
        "test_of_several_changes_that_lie_ahead_the_nearest_comes_first_and_none_is_skipped"
    ),
    "a window must not end after Workday's now": "test_windows_end_by_workdays_clock_however_wrong_ours_is",
    "a future hire is hardly more than a name": (
        "test_a_future_hire_comes_some_days_ahead_with_what_holds_on_the_first_day"
    ),
    "a future move, and where its day begins": ("test_a_move_takes_effect_when_its_day_begins_where_the_person_works"),
    "entered before, taking effect now": (
        "test_a_change_that_takes_effect_later_is_seen_by_a_delta_of_that_day_although_nothing_was_entered"
    ),
    "a future move taken back": "test_a_move_that_is_rescinded_before_its_day_is_forgotten_with_its_moment",
    "midnight in US Pacific time": (
        "test_a_termination_ends_with_the_day_where_the_person_works_not_at_midnight_in_california"
    ),
    "a rescinded hire vanishes or is flagged": (
        "test_a_rescinded_hire_is_cancelled_whether_the_record_vanishes_or_is_flagged"
    ),
    "corrections and backdated changes": "test_a_correction_and_a_backdated_change_are_read_again",
    "a backdated termination": "test_a_backdated_termination_is_a_leaver_at_once",
    "a resignation of the employment before": (
        "test_a_rehire_who_still_carries_the_end_of_the_employment_before_works_here"
    ),
    "international transfer": (
        "test_an_international_transfer_keeps_the_person_and_takes_the_new_zone_from_its_day_on"
    ),
    # several records
    "a rehire": "test_a_rehire_is_the_same_person_and_the_record_that_works_counts",
    "a conversion changes WID and worker id": (
        "test_a_conversion_is_one_person_by_the_universal_id_although_the_worker_id_changes"
    ),
    "same-day conversion, same-day rehire": "test_whoever_ends_and_begins_on_the_same_day_never_stops_working",
    "a future conversion": "test_a_future_conversion_does_not_take_the_place_of_the_record_that_works",
    # faults
    "throttling is a fault with status 500": ("test_a_throttled_call_is_a_fault_with_status_500_and_is_tried_again"),
    "a connection that breaks in a page": "test_a_connection_that_breaks_in_a_page_goes_on_with_that_page",
    "entities and document types in an answer": "test_an_answer_with_entities_of_its_own_is_refused",
    "maintenance pages, cut messages": "test_what_is_no_response_is_told_apart_by_its_content",
    # tokens
    "rotated refresh tokens, tokens that end": (
        "test_an_api_client_opens_every_door_and_a_token_that_has_ended_is_renewed"
    ),
    "JWT bearer": "test_an_assertion_that_another_key_has_signed_gives_no_token",
    # reports
    "column names, groups, references": ("test_columns_are_found_whatever_their_author_made_of_case_spaces_and_groups"),
    "missing keys and empty texts": "test_an_empty_text_and_a_missing_key_mean_the_same",
    "dates in the report's own form": (
        "test_flags_and_dates_are_read_in_the_form_of_the_report_and_nothing_is_guessed"
    ),
    "Report_Entry absent without rows": "test_nobody_in_the_report_proves_nobody_gone",
    "a cut report": "test_a_report_that_is_cut_off_is_never_taken_for_a_whole_one_and_is_asked_for_again",
    "required prompts": "test_a_required_prompt_is_named_by_workday_and_filled_by_the_settings",
    "login pages with 200, 2 GB and 30 minutes, 429": "test_what_comes_instead_of_a_report_is_told_by_what_it_is",
    "a report is renamed or given to another owner": ("test_a_report_that_another_owner_has_now_is_missed_by_its_name"),
    "several rows of a worker": "test_a_worker_with_several_rows_that_differ_proves_nobody_gone",
    # queries
    "pages by offset without a snapshot": (
        "test_whoever_is_pushed_from_one_page_to_another_meanwhile_is_not_taken_for_gone"
    ),
    "fewer rows than asked for": "test_a_page_may_have_fewer_rows_than_were_asked_for",
    "REST knows API clients only": "test_a_query_is_asked_by_an_api_client_only_and_settings_fit_their_way",
}


@pytest.fixture(scope="module")
def there() -> set[str]:
    files = TESTS.glob("*/test_workday_*.py")
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_a_quirk_has_a_test_that_names_it(quirk: str, there: set[str]) -> None:
    assert QUIRKS[quirk] in there
