// Roles of one's own: what they give, to whom, from when on, and what may not happen to them.
#include "security/role_register.h"

#include <gmock/gmock.h>

#include "security/identity_fixture.h"

namespace dunlin::security {
namespace {

using store::DocumentKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using Texts = std::vector<std::string>;

constexpr const char* kPassword = "correct horse battery";

struct RoleRegisterTest : IdentityTest {
  std::unique_ptr<RoleRegister> roles;

  RoleRegisterTest() { open(); }
  /// After start(): the roles as they are stored.
  void open() {
    roles = std::make_unique<RoleRegister>(repository, authenticator->roles(), clock);
    EXPECT_TRUE(wait<void>([&](auto done) { roles->load(executor, std::move(done)); }));
  }
  Result<Role> make(const std::string& name, Texts permissions) {
    return wait<Role>([&](auto done) {
      roles->create(executor, "test", {name, "a role", std::move(permissions), 0}, std::move(done));
    });
  }
  Result<Role> change(const std::string& name, RoleChange wanted) {
    return wait<Role>(
        [&](auto done) { roles->change(executor, "test", name, std::move(wanted), std::move(done)); });
  }
  Result<void> remove(const std::string& name) {
    return wait<void>([&](auto done) { roles->remove(executor, "test", name, std::move(done)); });
  }
  Result<UserRecord> give(const std::string& user, Texts names) {
    return wait<UserRecord>([&](auto done) {
      accounts->change_user(executor, "test", user, {.roles = std::move(names)}, std::move(done));
    });
  }
  Result<IssuedToken> token(const std::string& owner, Texts permissions, Texts names) {
    return wait<IssuedToken>([&](auto done) {
      accounts->create_api_token(executor, "test", {owner, "", std::move(permissions), {}, std::move(names)},
                                 std::move(done));
    });
  }
  static Texts held(const Result<PrincipalRef>& principal) {
    if (!principal) return {"refused"};
    return {(*principal)->permissions.begin(), (*principal)->permissions.end()};
  }
};

TEST_F(RoleRegisterTest, AChangeReachesLiveSessionsAndTokensAtTheirNextRequest) {
  ASSERT_TRUE(make("line-lead", {"alarms:write", "things:read"}));
  ASSERT_TRUE(create_user("ann", kPassword, {"audit:read"}));
  ASSERT_TRUE(give("ann", {"line-lead"}));
  const auto session = login("ann", kPassword).value();
  EXPECT_THAT(session.permissions, UnorderedElementsAre("alarms:write", "things:read", "audit:read"));
  const auto made = token("ann", {}, {"line-lead"}).value();
  EXPECT_THAT(held(by_bearer(made.text.view())), ElementsAre("alarms:write", "things:read"));

  ASSERT_TRUE(change("line-lead", {.permissions = Texts{"rules:write"}}));
  EXPECT_THAT(held(by_cookie(session.cookie.view())), UnorderedElementsAre("rules:write", "audit:read"));
  EXPECT_THAT(held(by_bearer(made.text.view())), ElementsAre("rules:write"));
  EXPECT_TRUE(repository.mentions("+rules:write -alarms:write -things:read"));
  ASSERT_TRUE(give("ann", {}));
  EXPECT_TRUE(held(by_bearer(made.text.view())).empty()) << "never more than the owner";
}

TEST_F(RoleRegisterTest, ARestartFindsThemAgain) {
  ASSERT_TRUE(make("line-lead", {"alarms:write"}));
  ASSERT_TRUE(change("line-lead", {.about = "who leads a line", .permissions = Texts{"alarms:read"}}));
  ASSERT_TRUE(create_user("ann", kPassword, {}));
  ASSERT_TRUE(give("ann", {"line-lead"}));
  repository.put(DocumentKind::role, "broken", R"({"about":3})");
  start();
  open();
  EXPECT_EQ(roles->table().find("line-lead")->record.about, "who leads a line");
  EXPECT_FALSE(roles->table().find("broken"));
  EXPECT_THAT(login("ann", kPassword)->permissions, ElementsAre("alarms:read"));
  EXPECT_TRUE(change("line-lead", {.permissions = Texts{"rules:read"}})) << "its version is known";
}

TEST_F(RoleRegisterTest, BuiltInOnesStayAsTheyAre) {
  for (const char* name : {"admin", "operator", "viewer"}) {
    EXPECT_EQ(make(name, {"things:read"}).error().code, Errc::already_exists);
    EXPECT_EQ(change(name, {.permissions = Texts{"*"}}).error().code, Errc::permission_denied);
    EXPECT_EQ(remove(name).error().code, Errc::permission_denied);
  }
  EXPECT_EQ(repository.count(DocumentKind::role), 0U);
}

TEST_F(RoleRegisterTest, WhatIsNoRoleIsRefused) {
  EXPECT_EQ(make("", {"things:read"}).error().code, Errc::invalid_argument);
  EXPECT_EQ(make("with space", {"things:read"}).error().code, Errc::invalid_argument);
  EXPECT_EQ(make(std::string(kMaxRoleName + 1, 'a'), {"things:read"}).error().code, Errc::invalid_argument);
  EXPECT_EQ(make("empty", {}).error().code, Errc::invalid_argument);
  EXPECT_EQ(make("odd", {"Things Read"}).error().code, Errc::invalid_argument);
  EXPECT_EQ(make("many", Texts(kMaxPermissions + 1, "things:read")).error().code, Errc::invalid_argument);
  ASSERT_TRUE(make("once", {"things:read"}));
  EXPECT_EQ(make("once", {"things:read"}).error().code, Errc::already_exists);
  EXPECT_EQ(change("never", {.about = "x"}).error().code, Errc::not_found);
  EXPECT_EQ(change("once", {.about = std::string(kMaxLabel + 1, 'x')}).error().code, Errc::invalid_argument);
  EXPECT_EQ(remove("never").error().code, Errc::not_found);
  EXPECT_EQ(repository.count(DocumentKind::role), 1U);
}

TEST_F(RoleRegisterTest, ThereAreOnlySoMany) {
  for (std::size_t i = 0; i < kMaxRoles; ++i) ASSERT_TRUE(make("r" + std::to_string(i), {"things:read"}));
  EXPECT_EQ(make("one-more", {"things:read"}).error().code, Errc::limit_exceeded);
}

TEST_F(RoleRegisterTest, OneThatSomebodyHasIsNotRemoved) {
  ASSERT_TRUE(make("line-lead", {"alarms:write"}));
  ASSERT_TRUE(create_user("ann", kPassword, {"*"}));
  ASSERT_TRUE(give("ann", {"viewer", "line-lead"}));
  const auto refused = remove("line-lead").error();
  EXPECT_EQ(refused.code, Errc::conflict);
  EXPECT_THAT(refused.message, HasSubstr("ann"));
  const auto made = token("ann", {"things:read"}, {"line-lead"}).value();
  ASSERT_TRUE(give("ann", {"viewer"}));
  EXPECT_EQ(remove("line-lead").error().code, Errc::conflict) << "the token has it";
  EXPECT_TRUE(wait<TokenRecord>([&](auto done) {
    accounts->narrow_token(executor, "test", made.record.id, {"alarms:write"}, std::move(done));
  }));
  EXPECT_THAT(held(by_bearer(made.text.view())), ElementsAre("alarms:write"));
  EXPECT_TRUE(remove("line-lead"));
  EXPECT_EQ(repository.count(DocumentKind::role), 0U);
  EXPECT_EQ(give("ann", {"line-lead"}).error().code, Errc::invalid_argument);
  EXPECT_THAT(held(by_bearer(made.text.view())), ElementsAre("alarms:write")) << "a narrowed token has none";
}

TEST_F(RoleRegisterTest, OneThatIsJustBeingGivenIsNotRemoved) {
  ASSERT_TRUE(make("line-lead", {"alarms:write"}));
  NewUser wanted{"ann", Secret(kPassword), {}, {"line-lead"}};
  std::optional<Result<CreatedUser>> created;
  accounts->create_user(executor, "test", std::move(wanted),
                        [&](Result<CreatedUser> made) { created = std::move(made); });
  std::optional<Result<void>> removed;
  roles->remove(executor, "test", "line-lead", [&](Result<void> done) { removed = std::move(done); });
  scheduler.run_for(std::chrono::seconds{1});
  ASSERT_TRUE(created && removed);
  EXPECT_TRUE(*created);
  EXPECT_EQ(removed->error().code, Errc::conflict);
  EXPECT_THAT(login("ann", kPassword)->permissions, ElementsAre("alarms:write"));
}

TEST_F(RoleRegisterTest, OneThatIsJustBeingRemovedIsGivenToNobody) {
  ASSERT_TRUE(make("line-lead", {"alarms:write"}));
  ASSERT_TRUE(create_user("ann", kPassword, {}));
  std::optional<Result<void>> removed;
  roles->remove(executor, "test", "line-lead", [&](Result<void> done) { removed = std::move(done); });
  EXPECT_EQ(authenticator->roles().lease({"line-lead"}).error().code, Errc::conflict);
  scheduler.run_for(std::chrono::seconds{1});
  ASSERT_TRUE(removed && *removed);
  EXPECT_EQ(give("ann", {"line-lead"}).error().code, Errc::invalid_argument);
}

TEST_F(RoleRegisterTest, AWriteThatFailsChangesNothing) {
  ASSERT_TRUE(make("line-lead", {"alarms:write"}));
  repository.fail_writes = true;
  EXPECT_EQ(make("other", {"alarms:write"}).error().code, Errc::io);
  EXPECT_EQ(change("line-lead", {.permissions = Texts{"*"}}).error().code, Errc::io);
  EXPECT_EQ(remove("line-lead").error().code, Errc::io);
  repository.fail_writes = false;
  EXPECT_THAT(roles->table().find("line-lead")->record.permissions, ElementsAre("alarms:write"));
  EXPECT_FALSE(roles->table().find("other"));
  EXPECT_TRUE(authenticator->roles().lease({"line-lead"})) << "it is open again";
}

TEST_F(RoleRegisterTest, OfTwoChangesAtTheSameMomentOneIsTold) {
  ASSERT_TRUE(make("line-lead", {"alarms:write"}));
  std::vector<Errc> failures;
  for (const char* permission : {"rules:read", "rules:write"})
    roles->change(executor, "test", "line-lead", {.permissions = Texts{permission}}, [&](Result<Role> done) {
      if (!done) failures.push_back(done.error().code);
    });
  scheduler.run_for(std::chrono::seconds{1});
  EXPECT_THAT(failures, ElementsAre(Errc::conflict));
  EXPECT_THAT(roles->table().find("line-lead")->record.permissions, ElementsAre("rules:read"));
}

TEST_F(RoleRegisterTest, HoldersAreFoundPageByPage) {
  ASSERT_TRUE(make("line-lead", {"alarms:write"}));
  UserRecord user;
  user.roles = {"line-lead"};
  for (int i = 0; i < 450; ++i) {
    user.name = "user-" + std::to_string(i);
    store::Document document = document_of(user);
    document.version = 1;
    repository.documents[{DocumentKind::user, 1, user.name}] = std::move(document);
  }
  int seen = 0;
  EXPECT_TRUE(wait<void>([&](auto done) {
    roles->for_each_holder(executor, "line-lead", [&](const std::string&) { ++seen; }, std::move(done));
  }));
  EXPECT_EQ(seen, 450);
  EXPECT_THAT(remove("line-lead").error().message, HasSubstr("and others"));
}

}  // namespace
}  // namespace dunlin::security
