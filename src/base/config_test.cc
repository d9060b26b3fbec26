#include "base/config.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/config_text.h"
#include "base/limits.h"

namespace dunlin::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Mapping {
  std::string topic;
  std::int64_t qos = 1;
};

struct ConfigTest : testing::Test {
  void declare(Schema& target) {
    target.key("name", "What the server calls itself.", name);
    target.key("listen.mqtt", "Where MQTT is served.", address);
    target.key("listen.tls", "Whether TLS is used.", tls);
    target.key("mqtt.max_inflight", "Messages in flight.", inflight, 1, 65535);
    target.key("mqtt.ratio", "A share.", ratio, 0.0, 1.0);
    target.key("mqtt.keep_alive", "The longest silence.", keep_alive, seconds{1}, hours{18});
    target.bytes("mqtt.max_packet_bytes", "The largest packet.", packet, 128, 256 << 20);
    target.key("mqtt.allowed", "Client ids.", allowed);
    target.table_array("mapping", "One mapping of topics.", [this](Schema& row) {
      auto mapping = std::make_shared<Mapping>();  // shared: std::function must be copyable
      row.key("topic", "The filter.", mapping->topic);
      row.key("limits.qos", "The quality of service.", mapping->qos, 0, 2);
      return [this, mapping]() -> Result<void> {
        if (mapping->topic.empty()) return fail(Errc::invalid_argument, "needs a topic");
        mappings.push_back(*mapping);
        return {};
      };
    });
  }
  void SetUp() override { declare(schema); }

  Result<void> load(std::string text, std::map<std::string, std::string> environment = {},
                    std::vector<std::string> settings = {}) {
    return schema.load({"dunlin.toml", std::move(text), std::move(environment), std::move(settings)});
  }
  std::string error(std::string text, std::map<std::string, std::string> environment = {},
                    std::vector<std::string> settings = {}) {
    const auto loaded = load(std::move(text), std::move(environment), std::move(settings));
    return loaded ? "no error" : loaded.error().message;
  }

  std::string name = "dunlin";
  std::string address = "127.0.0.1:1883";
  bool tls = false;
  std::int64_t inflight = 20;
  double ratio = 0.5;
  Duration keep_alive = seconds{90};
  std::uint64_t packet = 1 << 20;
  std::vector<std::string> allowed{"a", "b\"c"};
  std::vector<Mapping> mappings;
  Schema schema;
};

TEST_F(ConfigTest, BytesMayBeLeftToTheProgram) {
  std::optional<std::uint64_t> budget = 5;
  schema.bytes("memory.budget", "What may be used.", budget, 0, 1 << 20);
  ASSERT_TRUE(load("[memory]\nbudget = \"auto\"").has_value());
  EXPECT_EQ(budget, std::nullopt);
  EXPECT_NE(schema.reference().find("budget = \"auto\""), std::string::npos);
  ASSERT_TRUE(load({}, {}, {"memory.budget=64KiB"}).has_value());
  EXPECT_EQ(budget, 65536U);
  ASSERT_TRUE(load("[memory]\nbudget = 0").has_value());
  EXPECT_EQ(budget, 0U);
  for (const char* value : {"\"2MiB\"", "\"automatic\"", "-1", "\"\""}) {
    EXPECT_EQ(error(std::string("memory.budget = ") + value),
              "dunlin.toml:1: memory.budget must be \"auto\" or a number of bytes from \"0B\" to \"1MiB\"")
        << value;
  }
}

TEST_F(ConfigTest, NothingLeavesTheDefaults) {
  ASSERT_TRUE(load(""));
  EXPECT_EQ(name, "dunlin");
  EXPECT_EQ(inflight, 20);
  EXPECT_TRUE(mappings.empty());
}

TEST_F(ConfigTest, EveryTypeIsRead) {
  const auto loaded = load(R"(
name = "plant \"1\""
[listen]
mqtt = "0.0.0.0:1"
tls = true
[mqtt]
max_inflight = 7
ratio = 1
keep_alive = "250s"
max_packet_bytes = "64KiB"
allowed = ["x", "y"]
[[mapping]]
topic = "a/#"
[[mapping]]
topic = "b/#"
limits = { qos = 2 }
)");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(name, "plant \"1\"");
  EXPECT_EQ(address, "0.0.0.0:1");
  EXPECT_TRUE(tls);
  EXPECT_EQ(inflight, 7);
  EXPECT_EQ(ratio, 1.0);
  EXPECT_EQ(keep_alive, seconds{250});
  EXPECT_EQ(packet, 65536U);
  EXPECT_EQ(allowed, (std::vector<std::string>{"x", "y"}));
  ASSERT_EQ(mappings.size(), 2U);
  EXPECT_EQ(mappings[0].topic, "a/#");
  EXPECT_EQ(mappings[0].qos, 1);
  EXPECT_EQ(mappings[1].qos, 2);
}

TEST_F(ConfigTest, SettingsBeatTheEnvironmentAndThatTheFile) {
  const std::string file = "name = \"file\"\n[mqtt]\nmax_inflight = 1\nratio = 0.25\n";
  ASSERT_TRUE(load(file,
                   {{"DUNLIN_NAME", "environment"}, {"DUNLIN_MQTT__MAX_INFLIGHT", "2"}, {"PATH", "/bin"}},
                   {"name=set=ting", "mqtt.allowed=p, q ,r"}));
  EXPECT_EQ(name, "set=ting");
  EXPECT_EQ(inflight, 2);
  EXPECT_EQ(ratio, 0.25);
  EXPECT_EQ(allowed, (std::vector<std::string>{"p", "q", "r"}));
}

TEST_F(ConfigTest, EveryTypeIsReadFromTheEnvironment) {
  ASSERT_TRUE(load("", {{"DUNLIN_LISTEN__TLS", "true"},
                        {"DUNLIN_MQTT__RATIO", "0.75"},
                        {"DUNLIN_MQTT__KEEP_ALIVE", "2h"},
                        {"DUNLIN_MQTT__MAX_PACKET_BYTES", "4096"},
                        {"DUNLIN_MQTT__ALLOWED", ""}}));
  EXPECT_TRUE(tls);
  EXPECT_EQ(ratio, 0.75);
  EXPECT_EQ(keep_alive, hours{2});
  EXPECT_EQ(packet, 4096U);
  EXPECT_TRUE(allowed.empty());
}

TEST_F(ConfigTest, UnknownKeysAreErrorsWithTheirLine) {
  EXPECT_EQ(error("name = \"x\"\n\nnmae = \"y\"\n"), "dunlin.toml:3: unknown key nmae");
  EXPECT_EQ(error("[mqtt]\nmax_inflight = 1\nmax_inflite = 2\n"),
            "dunlin.toml:3: unknown key mqtt.max_inflite");
  EXPECT_EQ(error("[mtqq]\n"), "dunlin.toml:1: unknown key mtqq");
  EXPECT_EQ(error("\"mqtt.ratio\" = 1.0\n"), "dunlin.toml:1: unknown key mqtt.ratio");
  EXPECT_EQ(error("[[mapping]]\ntopic = \"a\"\n[[mapping]]\ntpoic = \"b\"\n"),
            "dunlin.toml:4: unknown key tpoic");
  EXPECT_EQ(error("name.first = \"x\"\n"), "dunlin.toml:1: name must be text");
  EXPECT_EQ(error("mqtt = 3\n"), "dunlin.toml:1: mqtt must be a table: [mqtt]");
}

TEST_F(ConfigTest, WrongTypesAndRangesSayWhatIsAllowed) {
  EXPECT_EQ(error("name = 3"), "dunlin.toml:1: name must be text");
  EXPECT_EQ(error("listen.tls = \"true\""), "dunlin.toml:1: listen.tls must be true or false");
  const std::string inflight_error =
      "dunlin.toml:2: mqtt.max_inflight must be a whole number from 1 to 65535";
  for (const char* value : {"0", "65536", "1.0", "\"7\"", "[7]", "true", "2026-11-23"}) {
    EXPECT_EQ(error(std::string("[mqtt]\nmax_inflight = ") + value), inflight_error) << value;
  }
  for (const char* value : {"-0.1", "1.1", "nan", "inf", "\"0.5\""}) {
    EXPECT_EQ(error(std::string("mqtt.ratio = ") + value),
              "dunlin.toml:1: mqtt.ratio must be a number from 0.0 to 1.0");
  }
  for (const char* value : {"10", "\"10\"", "\"0s\"", "\"19h\"", "\"-5s\"", "\"5 s\"", "\"1.5s\"", "\"\""}) {
    EXPECT_EQ(error(std::string("mqtt.keep_alive = ") + value),
              "dunlin.toml:1: mqtt.keep_alive must be a duration from \"1s\" to \"18h\"")
        << value;
  }
  for (const char* value : {"127", "-1", "\"1GiB\"", "\"64KB\"", "4096.0", "\"99999999999999999999\""}) {
    EXPECT_EQ(error(std::string("mqtt.max_packet_bytes = ") + value),
              "dunlin.toml:1: mqtt.max_packet_bytes must be a number of bytes from \"128B\" to \"256MiB\"")
        << value;
  }
  for (const char* value : {"\"a\"", "[1]", "[\"a\", 1]", "{}"}) {
    EXPECT_EQ(error(std::string("mqtt.allowed = ") + value),
              "dunlin.toml:1: mqtt.allowed must be a list of texts");
  }
}

TEST_F(ConfigTest, RowErrorsNameTheirLine) {
  EXPECT_EQ(error("mapping = 1"), "dunlin.toml:1: mapping must be an array of tables: [[mapping]]");
  EXPECT_EQ(error("mapping = [1]"), "dunlin.toml:1: mapping must hold tables only: [[mapping]]");
  EXPECT_EQ(error("[[mapping]]\nlimits.qos = 3"),
            "dunlin.toml:2: limits.qos must be a whole number from 0 to 2");
  EXPECT_EQ(error("\n[[mapping]]\nlimits.qos = 2"), "dunlin.toml:2: [[mapping]]: needs a topic");
}

TEST_F(ConfigTest, SyntaxErrorsNameTheirLine) {
  const auto loaded = load("name = \"x\"\n[mqtt\n");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::malformed);
  EXPECT_TRUE(loaded.error().message.starts_with("dunlin.toml:2: ")) << loaded.error().message;
  EXPECT_EQ(load("name = \"a\"\nname = \"b\"\n").error().code, Errc::malformed);
  EXPECT_EQ(load("name = \"\xff\"\n").error().code, Errc::malformed);
  EXPECT_EQ(load("name = " + std::string(100'000, '[')).error().code, Errc::malformed);
}

TEST_F(ConfigTest, ErrorsOfTheEnvironmentAndSettingsNameTheirSource) {
  EXPECT_EQ(error("", {{"DUNLIN_MQTT_RATIO", "1"}}), "environment DUNLIN_MQTT_RATIO: no key has this name");
  EXPECT_EQ(error("", {{"DUNLIN_MAPPING", "1"}}), "environment DUNLIN_MAPPING: no key has this name");
  EXPECT_EQ(error("", {{"DUNLIN_LISTEN__TLS", "yes"}}),
            "environment DUNLIN_LISTEN__TLS: listen.tls must be true or false");
  EXPECT_EQ(error("", {{"DUNLIN_NAME", "\xff"}}), "environment DUNLIN_NAME: name must be text");
  EXPECT_EQ(error("", {}, {"name"}), "--set: must be key=value");
  EXPECT_EQ(error("", {}, {"nmae=x"}), "--set nmae: unknown key");
  EXPECT_EQ(error("", {}, {"mapping=x"}), "--set mapping: an array of tables can be set in a file only");
  EXPECT_EQ(error("", {}, {"mqtt.max_inflight=+70000"}),
            "--set: mqtt.max_inflight must be a whole number from 1 to 65535");
}

TEST_F(ConfigTest, ErrorsNeverRepeatAValue) {
  EXPECT_EQ(error("mqtt.ratio = \"hunter2\"").find("hunter2"), std::string::npos);
  EXPECT_EQ(error("", {{"DUNLIN_MQTT__RATIO", "hunter2"}}).find("hunter2"), std::string::npos);
  EXPECT_EQ(error("", {}, {"mqtt.ratio=hunter2"}).find("hunter2"), std::string::npos);
}

TEST_F(ConfigTest, PastTheLimitsIsAnError) {
  EXPECT_EQ(load(std::string(kMaxConfigBytes + 1, '\n')).error().code, Errc::limit_exceeded);
  std::string rows;
  for (std::size_t i = 0; i <= kMaxConfigRows; ++i) rows += "[[mapping]]\ntopic=\"a\"\n";
  EXPECT_EQ(load(rows).error().code, Errc::limit_exceeded);
  EXPECT_TRUE(mappings.empty());
}

TEST_F(ConfigTest, TheReferenceLoadsAgainAndChangesNothing) {
  const std::string reference = schema.reference();
  EXPECT_NE(reference.find("# What the server calls itself.\n# Must be text.\nname = \"dunlin\"\n"),
            std::string::npos);
  EXPECT_NE(reference.find("[mqtt]\n"), std::string::npos);
  EXPECT_NE(reference.find("keep_alive = \"90s\"\n"), std::string::npos);
  EXPECT_NE(reference.find("# [[mapping]]\n# topic = \"\""), std::string::npos);
  EXPECT_TRUE(mappings.empty());

  name = "changed";
  inflight = 1;
  allowed.clear();
  const auto loaded = load(reference);
  ASSERT_TRUE(loaded) << loaded.error().message << "\n" << reference;
  EXPECT_EQ(name, "dunlin");
  EXPECT_EQ(inflight, 20);
  EXPECT_EQ(packet, 1U << 20);
  EXPECT_EQ(keep_alive, seconds{90});
  EXPECT_EQ(allowed, (std::vector<std::string>{"a", "b\"c"}));
  EXPECT_EQ(schema.reference(), reference);
}

TEST_F(ConfigTest, TheReferencesRowsLoadOnceUncommented) {
  const std::string reference = schema.reference();
  std::string rows = reference.substr(reference.find("# [[mapping]]"));
  for (std::size_t at = 0; (at = rows.find("# ", at)) != std::string::npos;) {
    if (at == 0 || rows[at - 1] == '\n')
      rows.erase(at, 2);
    else
      at += 2;
  }
  EXPECT_EQ(error(rows), "dunlin.toml:1: [[mapping]]: needs a topic");
}

TEST(ConfigSchemaDeathTest, ADeclarationThatCannotBeRightStopsTheProgram) {
  std::int64_t value = 5;
  Schema schema;
  schema.key("a.b", "Help.", value, 0, 9);
  EXPECT_DEATH(schema.key("a.b", "Help.", value, 0, 9), "assertion failed");
  EXPECT_DEATH(schema.key("a.c", "Help.", value, 6, 9), "assertion failed");
  for (const char* name : {"", "A", "a__b", "a..b", "_a", "a_", "a b", "a._b"}) {
    EXPECT_DEATH(schema.key(name, "Help.", value, 0, 9), "assertion failed") << name;
  }
}

TEST(ConfigTextTest, DurationsAndBytesReadBackAsShown) {
  for (const std::int64_t count :
       {0LL, 1LL, 999LL, 1'000LL, 250'000'000LL, 90'000'000'000LL, 604'800'000'000'000LL}) {
    EXPECT_EQ(parse_duration(show_duration(Duration{count})).value().count(), count);
  }
  for (const std::uint64_t count : {0ULL, 1ULL, 1023ULL, 1024ULL, 3ULL << 30, 5ULL << 40}) {
    EXPECT_EQ(parse_bytes(show_bytes(count)).value(), count);
  }
  EXPECT_EQ(parse_duration("7d").value(), hours{168});
  EXPECT_EQ(parse_duration("250ms").value(), milliseconds{250});
  EXPECT_FALSE(parse_duration("999999999d"));
  EXPECT_FALSE(parse_duration("5"));
  EXPECT_FALSE(parse_bytes("99999999999TiB"));
}

TEST(ConfigTextTest, NumbersAreStrict) {
  EXPECT_EQ(parse_integer("+5").value(), 5);
  EXPECT_EQ(parse_integer("-5").value(), -5);
  for (const char* text : {"", " 5", "5 ", "0x5", "5.0", "9223372036854775808", "+"})
    EXPECT_FALSE(parse_integer(text)) << text;
  EXPECT_EQ(parse_number("2.5e3").value(), 2500.0);
  for (const char* text : {"", "nan", "inf", "1,5", "1.5x"}) EXPECT_FALSE(parse_number(text)) << text;
  EXPECT_EQ(show_number(2), "2.0");
  EXPECT_EQ(quote_toml("a\"\\\n"), "\"a\\\"\\\\\\u000a\"");
}

}  // namespace
}  // namespace dunlin::config
