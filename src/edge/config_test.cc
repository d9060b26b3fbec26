#include "edge/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge/limits.h"
#include "edge/local_access.h"
#include "security/crypto.h"

namespace dunlin::edge {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kToken = "a token with enough entropy";

std::string example() {
  return R"(
[gateway]
name = "gateway-1"
[uplink]
endpoint = "platform.example:8883"
ca_file = "ca.pem"
certificate_file = "gateway.pem"
key_file = "gateway.key"
[listen]
mqtt = "127.0.0.1:1884"
[store_and_forward]
max_bytes = "2GiB"
drop = "newest"
[forward]
filters = ["demo/#"]
[[aggregate]]
filter = "+/+/+/+/temperature"
count = 0
window = "1m"
anomaly_sigma = 2.5
high = 90.0
[[device]]
name = "press-01"
token_sha256 = ")" +
         security::sha256_hex(as_bytes(kToken)) +
         R"("
allow = ["local/fan-01/set"]
[[rule]]
name = "cool"
sql = "SELECT 'on' AS state FROM 'demo/#' WHERE value > 80"
actions = '[{"republish":{"topic":"local/fan-01/set"}}]'
)";
}

Result<GatewayConfig> load(std::string text) {
  GatewayConfig config;
  config::Schema schema;
  declare_keys(schema, config);
  DUNLIN_CHECK(schema.load({"gateway.toml", std::move(text), {}, {}}));
  DUNLIN_CHECK(check(config));
  return config;
}

std::string with(std::string from, const std::string& what, const std::string& instead) {
  const auto at = from.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return from.replace(at, what.size(), instead);
}

std::string error_of(const std::string& text) {
  const auto loaded = load(text);
  return loaded ? "no error" : loaded.error().message;
}

TEST(GatewayConfig, ReadsEveryTable) {
  const auto config = load(example());
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->name, "gateway-1");
  EXPECT_EQ(config->max_bytes, 2ULL << 30);
  EXPECT_EQ(config->drop, "newest");
  ASSERT_EQ(config->aggregates.size(), 1U);
  EXPECT_EQ(config->aggregates[0].window, std::chrono::minutes{1});
  EXPECT_EQ(config->aggregates[0].anomaly_sigma, 2.5);
  EXPECT_EQ(config->aggregates[0].high, 90.0);
  EXPECT_FALSE(config->aggregates[0].low.has_value());
  ASSERT_EQ(config->rules.size(), 1U);
  ASSERT_EQ(config->devices.size(), 1U);
}

TEST(GatewayConfig, TheReferenceIsAccepted) {
  GatewayConfig config;
  config::Schema schema;
  declare_keys(schema, config);
  GatewayConfig again;
  config::Schema other;
  declare_keys(other, again);
  const auto loaded = other.load({"gateway.toml", schema.reference(), {}, {}});
  EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
}

TEST(GatewayConfig, SaysWhatIsWrong) {
  EXPECT_THAT(error_of(with(example(), "\"gateway-1\"", "\"a/b\"")), HasSubstr("gateway.name"));
  EXPECT_THAT(error_of(with(example(), "key_file = \"gateway.key\"", "")), HasSubstr("mutually"));
  EXPECT_THAT(error_of(with(example(), "127.0.0.1:1884", "0.0.0.0:1884")), HasSubstr("loopback"));
  EXPECT_THAT(error_of(with(example(), "drop = \"newest\"", "drop = \"all\"")),
              HasSubstr("oldest or newest"));
  EXPECT_THAT(error_of(with(example(), "window = \"1m\"", "")), HasSubstr("needs a count or a window"));
  EXPECT_THAT(error_of(with(example(), "[\"demo/#\"]", "[\"demo/#/x\"]")), HasSubstr("#"));
  EXPECT_THAT(error_of(with(example(), "token_sha256 = \"", "token_sha256 = \"0")),
              HasSubstr("64 hexadecimal"));
  EXPECT_THAT(error_of(with(example(), "SELECT", "CHOOSE")), HasSubstr("rule cool"));
  EXPECT_THAT(error_of(with(example(), "'[{", "'[[{")), HasSubstr("not JSON"));
  EXPECT_THAT(error_of(example() + "[[device]]\nname = \"press-01\"\ntoken_sha256 = \"" +
                       std::string(64, 'a') + "\"\n"),
              HasSubstr("named twice"));
  EXPECT_THAT(error_of(with(example(), "[listen]", "[listen]\nmqtts = \"0.0.0.0:8883\"")),
              HasSubstr("certificate_file"));
}

TEST(GatewayConfig, BoundsTheNumberOfFilters) {
  GatewayConfig config = *load(example());
  config.forward_filters.assign(256, "a");
  EXPECT_EQ(check(config).error().code, Errc::limit_exceeded);
}

hub::Credentials credentials(std::string name, std::optional<std::string> password,
                             std::string address = "127.0.0.1:5") {
  hub::Credentials made;
  made.client_id = name;
  made.username = std::move(name);
  made.password = std::move(password);
  made.address = std::move(address);
  return made;
}

TEST(LocalAccess, ATokenProvesItsDevice) {
  const LocalAccess access(*load(example()));
  const auto proven = access.authenticate(credentials("press-01", std::string(kToken)));
  ASSERT_TRUE(proven.has_value());
  EXPECT_EQ((*proven)->name, "press-01");
  EXPECT_EQ((*proven)->kind, PrincipalKind::device);
  const auto wrong = access.authenticate(credentials("press-01", "guess"));
  const auto unknown = access.authenticate(credentials("press-02", std::string(kToken)));
  ASSERT_FALSE(wrong.has_value());
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(wrong.error().message, unknown.error().message);
  EXPECT_FALSE(access.authenticate(credentials("press-01", std::nullopt)).has_value());
}

TEST(LocalAccess, AnonymousOnlyWhereAllowedAndOnLoopback) {
  GatewayConfig config = *load(example());
  config.anonymous_on_loopback = true;
  const LocalAccess access(config);
  EXPECT_TRUE(access.authenticate(credentials("sensor", std::nullopt)).has_value());
  EXPECT_FALSE(access.authenticate(credentials("sensor", std::nullopt, "192.0.2.1:5")).has_value());
  EXPECT_FALSE(access.authenticate(credentials("press-01", std::nullopt)).has_value()) << "it has a token";
  EXPECT_FALSE(access.authenticate(credentials("a/b", std::nullopt)).has_value());
  EXPECT_FALSE(access.authenticate(credentials("", std::nullopt)).has_value());
}

TEST(LocalAccess, ADeviceSpeaksForItself) {
  const LocalAccess access(*load(example()));
  const Principal press = **access.authenticate(credentials("press-01", std::string(kToken)));
  const auto may = [&](hub::Action action, std::string_view topic) {
    return access.authorize(press, action, topic).has_value();
  };
  using hub::Action;
  EXPECT_TRUE(may(Action::publish, "demo/plant1/machine/press-01/temperature"));
  EXPECT_FALSE(may(Action::publish, "demo/plant1/machine/press-02/temperature"));
  EXPECT_TRUE(may(Action::publish, "$dunlin/things/press-01/shadow/update"));
  EXPECT_FALSE(may(Action::publish, "$dunlin/things/press-02/shadow/update"));
  EXPECT_FALSE(may(Action::publish, "$dunlin/things/press-01/shadow/update/accepted"));
  EXPECT_FALSE(may(Action::publish, "$dunlin/things/press-01/presence"));
  EXPECT_TRUE(may(Action::publish, "$dunlin/things/press-01/alarms/hot"));
  EXPECT_FALSE(may(Action::publish, "$dunlin/things/press-01/alarms/hot/rejected"));
  EXPECT_FALSE(may(Action::publish, "$dunlin/things/press-02/alarms/hot"));
  EXPECT_TRUE(may(Action::subscribe, "$dunlin/things/press-01/shadow/#"));
  EXPECT_FALSE(may(Action::subscribe, "#"));
  EXPECT_FALSE(may(Action::subscribe, "$dunlin/things/+/shadow/#"));
  EXPECT_TRUE(may(Action::subscribe, "local/fan-01/set"));
  EXPECT_TRUE(may(Action::receive, "local/fan-01/set"));
}

}  // namespace
}  // namespace dunlin::edge
