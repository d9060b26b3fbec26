// Users and tokens that are changed: roles, passwords, narrower tokens.
#include <gmock/gmock.h>

#include "security/identity_fixture.h"
#include "security/roles.h"

namespace dunlin::security {
namespace {

using store::DocumentKind;
using ::testing::Contains;
using ::testing::Not;
using Texts = std::vector<std::string>;

constexpr const char* kPassword = "correct horse battery";

struct AccountChangesTest : IdentityTest {
  Result<UserRecord> change(const std::string& name, UserChange wanted) {
    return wait<UserRecord>([&](auto done) {
      accounts->change_user(executor, "test", name, std::move(wanted), std::move(done));
    });
  }
  Result<IssuedToken> token(const std::string& owner, Texts permissions) {
    return wait<IssuedToken>([&](auto done) {
      accounts->create_api_token(executor, "test", {owner, "", std::move(permissions), {}, {}},
                                 std::move(done));
    });
  }
  Result<TokenRecord> narrow(const std::string& id, Texts permissions) {
    return wait<TokenRecord>([&](auto done) {
      accounts->narrow_token(executor, "test", id, std::move(permissions), std::move(done));
    });
  }
  Texts held(std::string_view bearer) {
    const auto principal = by_bearer(bearer);
    if (!principal) return {"refused"};
    return {(*principal)->permissions.begin(), (*principal)->permissions.end()};
  }
};

TEST(Roles, EachHasAllOfTheNext) {
  const RoleTable roles;
  const auto viewer = roles.permissions_of(Texts{"viewer"});
  const auto operators = roles.permissions_of(Texts{"operator"});
  for (const std::string& one : viewer) EXPECT_THAT(operators, Contains(one));
  EXPECT_THAT(operators, Contains("things:write"));
  for (const char* one : {"users:read", "users:write", "audit:read", "policies:write", "system:write", "*"})
    EXPECT_THAT(operators, Not(Contains(one)));
  for (const std::string& one : viewer) EXPECT_TRUE(one.ends_with(":read")) << one;
  EXPECT_EQ(roles.permissions_of(Texts{"admin"}), Texts{"*"});
  EXPECT_TRUE(roles.permissions_of(Texts{"owner"}).empty());
  EXPECT_TRUE(roles.lease({"viewer", "admin"}));
  EXPECT_EQ(roles.lease({"owner"}).error().code, Errc::invalid_argument);
  EXPECT_EQ(roles.lease(Texts(kMaxRolesPerHolder + 1, "viewer")).error().code, Errc::limit_exceeded);
}

TEST_F(AccountChangesTest, RolesCountFromTheNextRequestOn) {
  ASSERT_TRUE(create_user("ann", kPassword, {"audit:read"}));
  const auto session = login("ann", kPassword).value();
  EXPECT_TRUE(change("ann", {.roles = Texts{"viewer"}}));
  const auto principal = by_cookie(session.cookie.view()).value();
  const Texts now(principal->permissions.begin(), principal->permissions.end());
  EXPECT_THAT(now, Contains("audit:read"));
  EXPECT_THAT(now, Contains("series:read"));
  EXPECT_THAT(now, Not(Contains("things:write")));
  EXPECT_EQ(change("ann", {.roles = Texts{"owner"}}).error().code, Errc::invalid_argument);
  EXPECT_EQ(change("bob", {.roles = Texts{"viewer"}}).error().code, Errc::not_found);
  EXPECT_TRUE(repository.mentions("user.update"));
  ASSERT_TRUE(change("ann", {.state = UserRecord::State::disabled}));
  EXPECT_FALSE(by_cookie(session.cookie.view()));
  EXPECT_FALSE(login("ann", kPassword));
}

TEST_F(AccountChangesTest, ATokenNeverHasMoreThanItsOwnersRolesGiveNow) {
  ASSERT_TRUE(create_user("ann", kPassword, {}));
  ASSERT_TRUE(change("ann", {.roles = Texts{"operator"}}));
  const auto made = token("ann", {"things:write", "things:read"}).value();
  EXPECT_EQ(token("ann", {"users:write"}).error().code, Errc::permission_denied);
  EXPECT_EQ(held(made.text.view()), (Texts{"things:write", "things:read"}));
  ASSERT_TRUE(change("ann", {.roles = Texts{"viewer"}}));
  EXPECT_EQ(held(made.text.view()), Texts{"things:read"});
  ASSERT_TRUE(change("ann", {.roles = Texts{}}));
  EXPECT_TRUE(held(made.text.view()).empty());
}

TEST_F(AccountChangesTest, ATokenIsNarrowedAndNeverWidened) {
  ASSERT_TRUE(create_user("ann", kPassword, {"*"}));
  const auto made = token("ann", {"things:*", "series:read"}).value();
  EXPECT_EQ(narrow(made.record.id, {"things:read"})->permissions, Texts{"things:read"});
  EXPECT_EQ(held(made.text.view()), Texts{"things:read"});
  EXPECT_EQ(narrow(made.record.id, {"series:read"}).error().code, Errc::permission_denied);
  EXPECT_EQ(narrow(made.record.id, {}).error().code, Errc::invalid_argument);
  EXPECT_EQ(narrow("0000000000000000", {"things:read"}).error().code, Errc::not_found);
  const auto session = login("ann", kPassword).value();
  const std::string id(session.cookie.view().substr(3, 16));
  EXPECT_EQ(narrow(id, {"things:read"}).error().code, Errc::not_found) << "a session is no API token";
}

TEST_F(AccountChangesTest, ANewPasswordEndsTheSessionsAndOnlyThese) {
  ASSERT_TRUE(create_user("ann", kPassword, {"things:read"}));
  ASSERT_TRUE(create_user("bob", kPassword));
  const auto first = login("ann", kPassword).value();
  const auto second = login("ann", kPassword).value();
  const auto others = login("bob", kPassword).value();
  EXPECT_NE(first.cookie.view(), second.cookie.view());
  const auto made = token("ann", {"things:read"}).value();
  const auto set = [&](const std::string& name, const std::string& password) {
    return wait<void>([&](auto done) {
      accounts->set_password(executor, "test", name, Secret(password), std::move(done));
    });
  };
  EXPECT_EQ(set("ann", "short").error().code, Errc::invalid_argument);
  EXPECT_EQ(set("nobody", kPassword).error().code, Errc::not_found);
  EXPECT_TRUE(by_cookie(first.cookie.view()));
  ASSERT_TRUE(set("ann", "another horse and battery"));
  EXPECT_FALSE(by_cookie(first.cookie.view()));
  EXPECT_FALSE(by_cookie(second.cookie.view()));
  EXPECT_TRUE(by_cookie(others.cookie.view()));
  EXPECT_TRUE(by_bearer(made.text.view()));
  EXPECT_FALSE(login("ann", kPassword));
  EXPECT_TRUE(login("ann", "another horse and battery"));
  EXPECT_TRUE(repository.mentions("2 sessions have ended"));
}

TEST_F(AccountChangesTest, ASessionSaysWhenItEndsAndWhereItBegan) {
  ASSERT_TRUE(create_user("ann", kPassword));
  const auto session = login("ann", kPassword, "192.0.2.77").value();
  EXPECT_EQ(by_cookie(session.cookie.view()).value()->expires_at,
            unix_milliseconds(clock.wall_now() + kSessionIdle));
  const auto listed = wait<std::vector<TokenRecord>>(
      [&](auto done) { accounts->list_tokens(executor, TokenType::session, "ann", std::move(done)); });
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().label, "192.0.2.77");
}

}  // namespace
}  // namespace dunlin::security
