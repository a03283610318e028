"""Profiles, preferences, and what others see of them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.tables import outbox
from marquee.users.v1 import events_pb2 as events
from marquee.users.v1 import users_pb2 as pb
from users.operations.follows import unfollow_user
from users.store import follows, profiles


@pytest.fixture
def ada(world):
    return world.register("ada")


def change_profile(world, who, etag="", **values):
    request = pb.UpdateProfileRequest(
        profile=pb.Profile(**values), update_mask=FieldMask(paths=list(values)), etag=etag
    )
    return world.call("UpdateProfile", request, world.acting(who))


def change_preferences(world, who, etag="", **values):
    request = pb.UpdatePreferencesRequest(
        preferences=pb.Preferences(**values), update_mask=FieldMask(paths=list(values)), etag=etag
    )
    return world.call("UpdatePreferences", request, world.acting(who)).preferences


def changed_facts(world):
    kind = events.PreferencesChanged
    statement = sa.select(outbox.c.payload).where(outbox.c.type == kind.DESCRIPTOR.full_name)
    with world.database.read() as connection:
        rows = connection.execute(statement.order_by(outbox.c.event_id)).scalars()
        return [kind.FromString(row) for row in rows]


def test_only_what_the_mask_names_changes(world, ada):
    change_profile(world, ada, display_name=" Ada ", bio="one\r\ntwo", country="GB")
    profile = change_profile(world, ada, bio="").profile
    assert (profile.display_name, profile.bio, profile.country) == ("Ada", "", "GB")
    assert world.call("GetProfile", pb.GetProfileRequest(), world.acting(ada)).profile == profile


def test_genres_keep_their_order_and_count_as_preferences(world, ada):
    answer = change_profile(world, ada, favorite_genre_ids=[35, 18, 28])
    assert list(answer.profile.favorite_genre_ids) == [35, 18, 28]
    assert answer.preferences_version == 2
    assert change_profile(world, ada, bio="new").preferences_version == 2
    assert list(changed_facts(world)[-1].favorite_genre_ids) == [35, 18, 28]


def test_a_change_that_changes_nothing_is_no_change(world, ada):
    before = change_preferences(world, ada, preferred_language="pt-BR")
    after = change_preferences(world, ada, preferred_language="pt-BR")
    assert before == after
    assert [fact.version for fact in changed_facts(world)] == [1, 2]


def test_every_preference_can_be_changed(world, ada):
    wanted: dict[str, Any] = {
        "email_notifications": False,
        "recommendation_emails": True,
        "include_adult_content": True,
        "preferred_language": "de",
        "enable_collaborative_filtering": False,
        "enable_content_based_filtering": False,
        "recommendation_diversity": 1.0,
        "profile_visibility": "private",
        "activity_tracking": "off",
    }
    preferences = change_preferences(world, ada, **wanted)
    assert {name: getattr(preferences, name) for name in wanted} == wanted
    request = pb.GetPreferencesOfRequest(user_id=ada.user.user_id)
    assert world.call("GetPreferencesOf", request).preferences == preferences


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"recommendation_diversity": 1.1}, "/recommendation_diversity"),
        ({"recommendation_diversity": float("nan")}, "/recommendation_diversity"),
        ({"preferred_language": "english"}, "/preferred_language"),
        ({"profile_visibility": "everybody"}, "/profile_visibility"),
        ({"activity_tracking": ""}, "/activity_tracking"),
        ({"version": 7}, "/update_mask"),
    ],
)
def test_wrong_preferences_are_named(world, ada, values, pointer):
    with world.refused("INVALID") as refused:
        change_preferences(world, ada, **values)
    assert refused.value.facts["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"display_name": "x" * 81}, "/display_name"),
        ({"display_name": "Ad\u200ba"}, "/display_name"),
        ({"bio": "x" * 1001}, "/bio"),
        ({"bio": "turned\u202e"}, "/bio"),
        ({"bio": "\0"}, "/bio"),
        ({"country": "XX"}, "/country"),
        ({"favorite_genre_ids": [1, 1]}, "/favorite_genre_ids"),
        ({"user_id": "me"}, "/update_mask"),
    ],
)
def test_wrong_profiles_are_named(world, ada, values, pointer):
    with world.refused("INVALID") as refused:
        change_profile(world, ada, **values)
    assert refused.value.facts["errors"][0]["pointer"] == pointer


def test_a_stale_etag_is_refused(world, ada):
    etag = world.call("GetPreferences", pb.GetPreferencesRequest(), world.acting(ada))
    first = change_preferences(world, ada, etag.preferences.etag, preferred_language="de")
    with world.refused("ETAG_MISMATCH"):
        change_preferences(world, ada, etag.preferences.etag, preferred_language="fr")
    change_preferences(world, ada, first.etag, preferred_language="fr")
    profile = change_profile(world, ada, bio="one").profile
    change_profile(world, ada, profile.etag, bio="two")
    with world.refused("ETAG_MISMATCH"):
        change_profile(world, ada, profile.etag, bio="three")


def test_parallel_changes_each_get_a_version_of_their_own(world, ada):
    def change(number):
        if number % 2:
            return change_profile(world, ada, favorite_genre_ids=[number]).preferences_version
        return change_preferences(world, ada, recommendation_diversity=number / 100).version

    with ThreadPoolExecutor(8) as pool:
        versions = sorted(pool.map(change, range(1, 21)))
    assert versions == list(range(2, 22))
    assert [fact.version for fact in changed_facts(world)] == list(range(1, 22))


def test_consent_is_answered_for_those_who_exist(world, ada):
    grace = world.register("grace")
    change_preferences(world, grace, activity_tracking="off")
    ids = [ada.user.user_id, grace.user.user_id, str(uuid4())]
    answer = world.call("BatchGetConsent", pb.BatchGetConsentRequest(user_ids=ids))
    found = {consent.user_id: consent.activity_tracking for consent in answer.consents}
    assert found == {ids[0]: "full", ids[1]: "off"}


def test_consent_says_since_when_it_is_what_it_is(world, ada):
    def consent():
        request = pb.BatchGetConsentRequest(user_ids=[ada.user.user_id])
        return world.call("BatchGetConsent", request).consents[0]

    def switched(tracking):
        return change_preferences(world, ada, activity_tracking=tracking).updated_at

    always = consent()
    assert not always.HasField("stored_since")
    assert not always.HasField("named_since")
    switched("off")
    named_since = switched("full")
    assert (consent().stored_since, consent().named_since) == (named_since, named_since)
    switched("anonymous")
    stored_since = named_since
    named_since = switched("full")
    assert (consent().stored_since, consent().named_since) == (stored_since, named_since)
    change_preferences(world, ada, preferred_language="de")
    assert (consent().stored_since, consent().named_since) == (stored_since, named_since)
    assert stored_since.ToDatetime() < named_since.ToDatetime()


def test_what_is_consented_to_counts_from_when_it_is_stored(world, ada):
    """Not from when it was asked for: until then what was said before has been so."""
    user_id = UUID(ada.user.user_id)
    change_preferences(world, ada, activity_tracking="off")
    with ThreadPoolExecutor(1) as pool:
        with world.database.begin() as connection:
            profiles.locked_preferences(connection, user_id)
            switching = pool.submit(change_preferences, world, ada, activity_tracking="full")
            world.until_blocked()
            off_until = world.clock()
        switching.result()
    with world.database.read() as connection:
        (consent,) = profiles.consents_of(connection, [user_id])
    assert consent.stored_since >= off_until
    assert consent.named_since >= off_until


def test_follows_of_a_pair_have_versions_in_the_order_in_which_they_happen(world, ada):
    grace = world.register("grace")
    follow(world, grace, "ada")
    ends = [UUID(one.user.user_id) for one in (grace, ada)]
    with ThreadPoolExecutor(1) as pool:
        with world.database.begin() as connection:
            follows.lock_profiles(connection, ends)
            following = pool.submit(follow, world, grace, "ada")
            world.until_blocked()
            unfollow_user(connection, ends[0], "ada", world.clock)
        assert following.result().created
    versions = sa.select(outbox.c.aggregate_version).where(outbox.c.aggregate_id.like("%:follow"))
    with world.database.read() as connection:
        found = connection.execute(versions.order_by(outbox.c.event_id)).scalars().all()
    assert found == sorted(found)
    assert len(found) == 3


def test_a_batch_is_bounded_and_made_of_ids(world):
    for ids in ([str(uuid4())] * 501, ["me"]):
        with world.refused("INVALID"):
            world.call("BatchGetConsent", pb.BatchGetConsentRequest(user_ids=ids))


def public(world, who, username="ada"):
    metadata = None if who is None else world.acting(who)
    return world.call("GetPublicProfile", pb.GetPublicProfileRequest(username=username), metadata)


def follow(world, who, username):
    return world.call("FollowUser", pb.FollowUserRequest(username=username), world.acting(who))


def test_a_public_profile_is_seen_by_strangers_under_any_spelling(world, ada):
    change_profile(world, ada, bio="hello", favorite_genre_ids=[18])
    profile = public(world, None, "ADA").profile
    assert (profile.username, profile.bio, list(profile.favorite_genre_ids)) == (
        "ada",
        "hello",
        [18],
    )


def test_a_profile_for_friends_opens_when_both_follow(world, ada):
    grace = world.register("grace")
    change_preferences(world, ada, profile_visibility="friends")
    assert follow(world, grace, "ada").created
    for viewer in (None, grace):
        with world.refused("PROFILE_NOT_FOUND"):
            public(world, viewer)
    assert follow(world, ada, "grace").follow.is_friend
    profile = public(world, grace).profile
    assert (profile.is_friend, profile.followers_count, profile.following_count) == (True, 1, 1)
    world.call("UnfollowUser", pb.UnfollowUserRequest(username="grace"), world.acting(ada))
    with world.refused("PROFILE_NOT_FOUND"):
        public(world, grace)


def test_a_private_profile_is_as_if_it_were_not(world, ada):
    grace = world.register("grace")
    change_preferences(world, ada, profile_visibility="private")
    assert public(world, ada).profile.username == "ada"
    for viewer in (None, grace):
        with world.refused("PROFILE_NOT_FOUND"):
            public(world, viewer)
    with world.refused("PROFILE_NOT_FOUND"):
        follow(world, grace, "ada")
    ids = [ada.user.user_id]
    request = pb.BatchGetUsersRequest(user_ids=ids, viewer_user_id=grace.user.user_id)
    (card,) = world.call("BatchGetUsers", request).users
    assert (card.username, card.visible) == ("", False)


def test_a_follow_tells_no_more_than_the_profile_shows(world, ada):
    grace = world.register("grace")
    change_profile(world, ada, display_name="Ada L.")

    def told() -> str:
        answer = world.call("ListFollowing", pb.ListFollowingRequest(), world.acting(grace))
        return answer.following[0].display_name

    change_preferences(world, ada, profile_visibility="friends")
    assert not follow(world, grace, "ada").follow.display_name
    assert not told()
    follow(world, ada, "grace")
    assert told() == "Ada L."
    for visibility, shown in (("private", ""), ("public", "Ada L.")):
        change_preferences(world, ada, profile_visibility=visibility)
        assert told() == shown


def test_a_private_profile_costs_what_one_that_is_not_there_costs(world, ada):
    grace = world.register("grace")
    change_preferences(world, ada, profile_visibility="private")
    asked = {
        "seen": lambda name: world.call(
            "GetPublicProfile", pb.GetPublicProfileRequest(username=name), world.acting(grace)
        ),
        "followed": lambda name: follow(world, grace, name),
    }
    for kind, ask in asked.items():
        executed = {}
        for name in ("ada", "nobody"):
            with world.statements() as executed[name], world.refused("PROFILE_NOT_FOUND"):
                ask(name)
        assert executed["ada"] == executed["nobody"], kind


def test_following_twice_is_following_once(world, ada):
    grace = world.register("grace")
    assert [follow(world, grace, "ada").created for _ in range(2)] == [True, False]
    assert public(world, None).profile.followers_count == 1
    request, metadata = pb.UnfollowUserRequest(username="ada"), world.acting(grace)
    removed = [world.call("UnfollowUser", request, metadata).removed for _ in range(2)]
    assert removed == [True, False]
    assert public(world, None).profile.followers_count == 0


def test_who_is_disabled_can_be_unfollowed(world, ada):
    grace, admin = world.register("grace"), world.tokens.user(uuid4(), "admin")
    follow(world, grace, "ada")
    for status in ("disabled", "active"):
        request = pb.UpdateUserAccessRequest(user_id=ada.user.user_id, status=status)
        world.call("UpdateUserAccess", request, admin)
        if status == "disabled":
            unfollow = pb.UnfollowUserRequest(username="ada")
            assert world.call("UnfollowUser", unfollow, world.acting(grace)).removed
    assert public(world, None).profile.followers_count == 0


def test_nobody_follows_themselves_or_nobody(world, ada):
    with world.refused("ONESELF_FOLLOWED"):
        follow(world, ada, "ADA")
    with world.refused("PROFILE_NOT_FOUND"):
        follow(world, ada, "nobody")


def test_two_who_follow_each_other_at_once_do_not_lock_each_other_out(world, ada):
    grace = world.register("grace")
    pairs = [(ada, "grace"), (grace, "ada")] * 10

    def toggle(pair):
        follow(world, *pair)
        request = pb.UnfollowUserRequest(username=pair[1])
        world.call("UnfollowUser", request, world.acting(pair[0]))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(toggle, pairs))
    profile = public(world, None).profile
    assert (profile.followers_count, profile.following_count) == (0, 0)


def test_follows_are_listed_newest_first_in_pages(world, ada):
    names = [f"friend{number}" for number in range(5)]
    for name in names:
        follow(world, world.register(name), "ada")
        follow(world, ada, name)
    metadata = world.acting(ada)
    for method, kind, field in (
        ("ListFollowing", pb.ListFollowingRequest, "following"),
        ("ListFollowers", pb.ListFollowersRequest, "followers"),
    ):
        found, token = [], ""
        while True:
            page = world.call(method, kind(page_size=2, page_token=token), metadata)
            found += [(one.username, one.is_friend) for one in getattr(page, field)]
            token = page.next_page_token
            if not token:
                break
        assert found == [(name, True) for name in reversed(names)]
