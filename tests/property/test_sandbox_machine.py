"""Whatever is asked of a sandbox, in whatever order, its tenant stays a possible company."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from desks.sandbox import Desk
from syncd_dingtalk.sandbox.records import ROOT

NAMES = st.sampled_from(["A", "B", "C", "D", "a-b"])
NUMBERS = st.sampled_from([f"1390000000{n}" for n in range(4)] + ["+852-61234567"])
MAILS = st.sampled_from([None, "", "a@example.com", "A@example.com", "b@example.com"])
PHONES = st.sampled_from([None, None, "", "1", "2"])
IDS = st.sampled_from(["u0", "u1", "u2", "u3", "manager0001"])
BOSSES = st.sampled_from([None, None, None, "u0", "u1", "nobody"])


class Company(RuleBasedStateMachine):
    """Valid and invalid calls in any order; a refused call changes nothing."""

    places = Bundle("places")

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(members_limit=5, children_limit=4)
        self.made = {ROOT}

    def call(self, path: str, **params: Any) -> dict[str, Any]:
        before = self.desk.tenant.revision
        answer = self.desk.old(path, **params)
        if answer["errcode"] not in (0, 40103):  # an invitation is remembered
            assert self.desk.tenant.revision == before, f"{path} was refused and changed something"
        return answer

    @initialize(target=places)
    def found(self) -> Any:
        """Start with a small tree, so that few steps lead far."""
        upper = self.desk.department("A")
        self.made |= {upper, lower := self.desk.department("B", upper)}
        return multiple(ROOT, upper, lower)

    @rule(target=places, name=NAMES, parent=places, order=st.sampled_from([None, 0, 1, 5]))
    def create_department(self, name: str, parent: int, order: int | None) -> Any:
        answer = self.call("/topapi/v2/department/create", name=name, parent_id=parent, order=order)
        if answer["errcode"]:
            return multiple()
        dept_id = answer["result"]["dept_id"]
        assert dept_id not in self.made, "an id was given twice"
        self.made.add(dept_id)
        return dept_id

    @rule(dept_id=places, name=st.none() | NAMES, parent=st.none() | places, managers=st.none() | IDS)
    def update_department(self, dept_id: int, name: str | None, parent: int | None, managers: str | None) -> None:
        fields = {"name": name, "parent_id": parent, "dept_manager_userid_list": managers}
        self.call("/topapi/v2/department/update", dept_id=dept_id, **fields)

    @rule(dept_id=places, cascade=st.booleans())
    def delete_department(self, dept_id: int, cascade: bool) -> None:
        self.desk.control("PUT", "settings", {"cascade_department_delete": cascade})
        self.call("/topapi/v2/department/delete", dept_id=dept_id)

    @rule(
        userid=IDS,
        mobile=NUMBERS,
        email=MAILS,
        telephone=PHONES,
        homes=st.lists(places, min_size=1, max_size=2),
        boss=BOSSES,
    )
    def create_user(
        self, userid: str, mobile: str, email: str | None, telephone: str | None, homes: list[int], boss: str | None
    ) -> None:
        fields = {"mobile": mobile, "email": email, "telephone": telephone, "manager_userid": boss}
        self.call("/topapi/v2/user/create", userid=userid, name=userid, dept_id_list=homes, **fields)

    @rule(userid=IDS, email=MAILS, telephone=PHONES, homes=st.none() | st.lists(places, max_size=2), boss=BOSSES)
    def update_user(
        self, userid: str, email: str | None, telephone: str | None, homes: list[int] | None, boss: str | None
    ) -> None:
        fields = {"email": email, "telephone": telephone, "manager_userid": boss}
        self.call("/topapi/v2/user/update", userid=userid, dept_id_list=homes, **fields)

    @rule(userid=IDS)
    def delete_user(self, userid: str) -> None:
        self.call("/topapi/v2/user/delete", userid=userid)

    @rule(userid=IDS, mobile=NUMBERS, home=places)
    def invite_user(self, userid: str, mobile: str, home: int) -> None:
        self.desk.control("PUT", "settings", {"invite_all": True})
        self.call("/topapi/v2/user/create", userid=userid, name=userid, mobile=mobile, dept_id_list=[home])
        self.desk.control("PUT", "settings", {"invite_all": False})

    @rule()
    def accept_invitations(self) -> None:
        for number in list(self.desk.tenant.invitations):
            self.desk.try_control("POST", "invitations/accept", {"mobile": number})

    @invariant()
    def the_tree_has_one_root_no_cycle_and_no_equal_siblings(self) -> None:
        departments = self.desk.tenant.live.departments
        for dept_id in departments:
            for _ in range(len(departments)):  # a cycle would never end
                dept_id = departments[dept_id].parent_id or ROOT
            assert dept_id == ROOT
        siblings = Counter((department.parent_id, department.name) for department in departments.values())
        assert max(siblings.values()) == 1
        below = Counter(department.parent_id for department in departments.values())
        assert all(count <= 4 for count in below.values())

    @invariant()
    def everybody_is_somewhere_and_unique(self) -> None:
        tenant = self.desk.tenant
        users = tenant.live.users.values()
        for keys in (
            [user.number for user in users if user.number],
            [user.email.lower() for user in users if user.email],
            [user.telephone for user in users if user.telephone],
            [user.unionid for user in users],
        ):
            assert len(keys) == len(set(keys))
        for user in users:
            homes = [place.dept_id for place in user.memberships]
            assert homes
            assert len(homes) == len(set(homes))
            assert set(homes) <= set(tenant.live.departments)
            assert not user.manager_userid or user.manager_userid in tenant.live.users

    @invariant()
    def indexes_counts_and_offices_agree_with_the_people(self) -> None:
        tenant = self.desk.tenant
        live = tenant.live
        members = Counter(place.dept_id for user in live.users.values() for place in user.memberships)
        for dept_id, department in live.departments.items():
            assert len(live.members.get(dept_id, ())) == members[dept_id] <= 5
            assert set(live.ranked(dept_id)) == set(live.members.get(dept_id, ()))
            assert set(department.managers) <= set(live.members.get(dept_id, ()))
        assert tenant.by_mobile == {user.number: user.userid for user in live.users.values() if user.number}
        assert tenant.by_email == {user.email.lower(): user.userid for user in live.users.values() if user.email}
        assert tenant.by_unionid == {user.unionid: user.userid for user in live.users.values()}

    @invariant()
    def what_is_read_back_is_what_is_there(self) -> None:
        counted = self.desk.ok("/topapi/v2/department/get", dept_id=ROOT)["member_count"]
        assert (
            counted
            == len(self.desk.tenant.live.users)
            == self.desk.ok("/topapi/user/count", only_active=False)["count"]
        )


Company.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestCompany = Company.TestCase
