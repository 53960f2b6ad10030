"""Every operation that changes something, said by one person several times at once, as by a button that is pressed twice or a client that tries again."""

from collections import Counter

import pytest
from attacks import Person
from test_core_races import at_once
from test_who_may import CASES, Call, World, operations

TIMES = 6
# One takes effect, the others are told that it is so already, or that it is not there any more.
UNIQUE = {"domain_add": 409, "group_add": 409, "group_join": 409, "group_leave": 409, "group_remove": 404, "user_remove": 404, "user_erase": 404, "request_submit": 409,
          "request_withdraw": 409, "request_approve": 409, "request_deny": 409, "grant_approve": 409, "tag_approve": 409, "tag_retire": 404, "policy_add": 409,
          "webhook_remove": 404, "purpose_add": 409, "purpose_retire": 404}
# All are told the same, and it is said once or not at all. Who is added again gets another token.
SAME = {"user_add": 1, "service_add": 1, "grant_revoke": 1, "delegation_end": 1, "domain_set": 0}


@pytest.fixture
def world(shop):
    return World(shop)


def said(world, signature, case):
    """What was answered, and how many entries came into each log."""
    call, name = Call(world, signature, case), case.may.split()[0]
    people = [Person(world.shop.node, token=world.people[name].session.headers["Authorization"].removeprefix("Bearer ")) for _ in range(TIMES)]
    before = world.logs()
    done = at_once(*[lambda p=p: call.said_by(p)[1] for p in people])
    return done, {log: n - before.get(log, 0) for log, n in world.logs().items() if n != before.get(log, 0)}


def test_what_is_said_several_times_at_once(world):
    told = operations(world)
    for operation, case in CASES.items():
        if told[operation][0] == "GET" or not case.may:
            continue
        done, entries = said(world, told[operation], case)
        statuses = Counter(d.status_code for d in done)
        assert sum(statuses.values()) == TIMES and max(statuses) < 500, (operation, statuses)
        good = sum(n for status, n in statuses.items() if status < 300)
        if operation in UNIQUE:
            assert good == 1 and statuses[UNIQUE[operation]] == TIMES - 1, (operation, statuses)
            assert sum(entries.values()) <= (2 if operation == "domain_add" else 1), (operation, entries)  # its inception and its owner
        elif operation in SAME:
            assert good == TIMES and sum(entries.values()) == SAME[operation], (operation, statuses, entries)
            assert len({d.json().get("id") for d in done}) == 1, operation
        else:  # each is one of its own, a grant or a comment, or one that is too many: a query, a change that waits already
            assert good and set(statuses) <= {200, 201, 202, 409, 429} and sum(entries.values()) in (0, good), (operation, statuses, entries)
    node = world.shop.node
    assert node.heddle("rebuild")["same"] and not node.heddle("status")["refused"]
