// The parts of a site, each by itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/virtual_fs.h"
#include "fleet/actuator.h"
#include "fleet/credentials.h"
#include "fleet/generator.h"
#include "fleet/limits.h"
#include "fleet/shadow_agent.h"
#include "fleet/site.h"

namespace dunlin::fleet {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Series, HoldTheFourRecordings) {
  const Series& machine = series(SeriesName::machine_temperature);
  ASSERT_THAT(machine.values, SizeIs(22695));
  EXPECT_THAT(machine.times, SizeIs(22695));
  EXPECT_DOUBLE_EQ(machine.values[0], 73.96732207);
  EXPECT_EQ(unix_milliseconds(machine.times[0]), 1386018900000);
  EXPECT_EQ(machine.interval, std::chrono::minutes{5});
  EXPECT_THAT(series(SeriesName::ambient_temperature).values, SizeIs(7267));
  EXPECT_EQ(series(SeriesName::ambient_temperature).interval, std::chrono::hours{1});
  EXPECT_THAT(series(SeriesName::processor_load).values, SizeIs(18050));
  EXPECT_DOUBLE_EQ(series(SeriesName::taxi_passengers).values.at(0), 10844);
  EXPECT_EQ(series_named("machine_temperature"), SeriesName::machine_temperature);
  EXPECT_EQ(series_named("weather"), std::nullopt);
}

TEST(SiteFile, TheFactoryIsThere) {
  const SiteConfig factory = default_factory();
  EXPECT_GE(factory.devices.size(), 24U);
  std::size_t actuators = 0, cameras = 0, batteries = 0;
  for (const DeviceConfig& device : factory.devices) {
    actuators += device.actuators.empty() ? 0 : 1;
    batteries += device.battery.life > Duration::zero() ? 1 : 0;
    cameras += device.type == "camera" ? 1 : 0;
  }
  EXPECT_GE(actuators, 5U);
  EXPECT_EQ(cameras, 1U);
  EXPECT_GE(batteries, 4U);
  const auto press = std::ranges::find(factory.devices, "press-02", &DeviceConfig::name);
  ASSERT_NE(press, factory.devices.end());
  EXPECT_EQ(press->channels.at(0).follows.at(0).quantity, "fan-02.speed");
  EXPECT_EQ(press->channels.at(1).follows.at(0).quantity, "press-02.temperature");
}

std::string error_of(const std::string& text) {
  config::Schema::Source source;
  source.file_name = "site.toml";
  source.file_text = text;
  const auto loaded = load_site(source);
  return loaded ? "" : loaded.error().message;
}

TEST(SiteFile, ErrorsSayWhereAndWhat) {
  const std::string device = "[[device]]\nname=\"a\"\ntype=\"t\"\n";
  const std::string channel = device + "[[device.channel]]\nname=\"x\"\n";
  EXPECT_EQ(error_of(channel), "");
  EXPECT_THAT(error_of(""), HasSubstr("no [[device]]"));
  EXPECT_THAT(error_of(device + "colour=1\n"), HasSubstr("site.toml:4"));
  EXPECT_THAT(error_of(channel + "source=\"magic\"\n"), HasSubstr("source must be one of constant"));
  EXPECT_THAT(error_of(channel + "series=\"weather\"\n"), HasSubstr("series"));
  EXPECT_THAT(error_of(channel + "interval=\"1ms\"\n"), HasSubstr("interval"));
  EXPECT_THAT(error_of(channel + "follows=[\"b.y\"]\n"), HasSubstr("b.y, which nobody has"));
  EXPECT_THAT(error_of(channel + "follows=[\"a.x:much\"]\n"), HasSubstr("fan-01.speed:-0.12"));
  EXPECT_THAT(error_of(channel + "source=\"position\"\n"), HasSubstr("no actuator"));
  EXPECT_THAT(error_of(channel + "source=\"battery\"\n"), HasSubstr("battery_life"));
  EXPECT_THAT(error_of(channel + device), HasSubstr("two of that name"));
  EXPECT_THAT(error_of(channel + "[[device.channel]]\nname=\"x\"\n"), HasSubstr("two channels"));
  EXPECT_THAT(error_of(channel + "[[device.channel]]\nname=\"x/y\"\n"), HasSubstr("one level"));
  EXPECT_THAT(error_of(channel + "[[device.actuator]]\nname=\"s\"\nrest=500.0\n"), HasSubstr("rest between"));
  EXPECT_THAT(error_of(channel + "[connect]\ncertificate_file=\"a\"\n"), HasSubstr("belong together"));
  EXPECT_THAT(error_of("[[group]]\nname=\"a\"\ntype=\"t\"\ncount=3\n"), HasSubstr("two of that name"));
}

TEST(SiteFile, RefusesMoreThanItsLimits) {
  const std::string group = "[[group]]\ntype=\"t\"\ncount=60000\nname=\"";
  EXPECT_THAT(error_of(group + "a{n}\"\n" + group + "b{n}\"\n"), HasSubstr("at most 100000 devices"));
  std::string channels = "[[device]]\nname=\"a\"\ntype=\"t\"\n";
  for (std::size_t i = 0; i <= kMaxChannelsPerDevice; ++i)
    channels += "[[device.channel]]\nname=\"c" + std::to_string(i) + "\"\n";
  EXPECT_THAT(error_of(channels), HasSubstr("too many channels"));
  std::string follows = "\"a.x\"";
  for (std::size_t i = 0; i < kMaxTermsPerChannel; ++i) follows += ",\"a.x\"";
  EXPECT_THAT(error_of("[[device]]\nname=\"a\"\ntype=\"t\"\n[[device.channel]]\nname=\"x\"\nfollows=[" +
                       follows + "]\n"),
              HasSubstr("follows too many"));
  EXPECT_THAT(error_of("[[device]]\nname=\"" + std::string(kMaxNameBytes + 1, 'a') + "\"\ntype=\"t\"\n"),
              HasSubstr("one level"));
}

class GeneratorTest : public ::testing::Test {
 protected:
  Generator make(const ChannelConfig& config, double speed = 300, std::int64_t member = 0) {
    return {config, {Instant{}, speed, member}, plant, rng};
  }
  static Instant at(double second) { return Instant{} + Duration{static_cast<std::int64_t>(second * 1e9)}; }
  Plant plant;
  SeededRng rng{1};
};

TEST_F(GeneratorTest, ReplaysRowsAndStartsAgain) {
  ChannelConfig config;
  config.source = Source::replay;
  config.start_row = 22690;
  config.stagger = 2;
  const Series& rows = series(config.series);
  Generator generator = make(config, 300, 1);
  EXPECT_EQ(generator.read(at(0)).value, rows.values[22692]);
  EXPECT_EQ(generator.read(at(2.5)).value, rows.values[22694]);
  const Reading again = generator.read(at(3));
  EXPECT_EQ(again.value, rows.values[0]);
  EXPECT_EQ(again.recorded, rows.times[0]);
  EXPECT_EQ(make(config, 600, 0).read(at(1)).value, rows.values[22692]) << "twice as fast";
}

TEST_F(GeneratorTest, MakesWaves) {
  ChannelConfig config;
  config.base = 10;
  config.amplitude = 2;
  config.period = seconds{8};
  config.source = Source::sine;
  Generator sine = make(config);
  EXPECT_NEAR(sine.read(at(2)).value, 12, 1e-9);
  EXPECT_NEAR(sine.read(at(6)).value, 8, 1e-9);
  config.source = Source::square;
  Generator square = make(config);
  EXPECT_EQ(square.read(at(1)).value, 12);
  EXPECT_EQ(square.read(at(5)).value, 8);
}

TEST_F(GeneratorTest, AWalkStaysAroundItsMiddle) {
  ChannelConfig config;
  config.source = Source::walk;
  config.base = 100;
  config.amplitude = 3;
  config.period = seconds{10};
  Generator walk = make(config);
  double sum = 0, squares = 0;
  for (int i = 1; i <= 20'000; ++i) {
    const double off = walk.read(at(5.0 * i)).value - 100;
    sum += off;
    squares += off * off;
  }
  EXPECT_NEAR(sum / 20'000, 0, 0.2);
  EXPECT_NEAR(std::sqrt(squares / 20'000), 3, 0.2);
}

TEST_F(GeneratorTest, FollowsOthersWithALag) {
  ChannelConfig config;
  config.base = 80;
  config.follows = {{"fan.speed", -0.5}};
  config.lag = seconds{10};
  Generator generator = make(config);
  EXPECT_EQ(generator.read(at(1)).value, 80);
  plant.quantity("fan.speed") = 40;
  EXPECT_NEAR(generator.read(at(11)).value, 80 - 20 * (1 - std::exp(-1)), 1e-9);
  EXPECT_NEAR(generator.read(at(200)).value, 60, 1e-6);
}

TEST_F(GeneratorTest, IntegratesWithinItsEnds) {
  ChannelConfig config;
  config.source = Source::integral;
  config.base = 5;
  config.least = 0;
  config.most = 20;
  config.follows = {{"valve.open", 2}};
  Generator tank = make(config);
  plant.quantity("valve.open") = 1;
  EXPECT_NEAR(tank.read(at(4)).value, 13, 1e-9);
  EXPECT_EQ(tank.read(at(400)).value, 20);
  plant.quantity("valve.open") = -1;
  EXPECT_EQ(tank.read(at(800)).value, 0);
}

TEST_F(GeneratorTest, WritesNumbersShortly) {
  EXPECT_EQ(Generator::to_text(73.96732207, 4), "73.9673");
  EXPECT_EQ(Generator::to_text(80.0, 9), "80");
  EXPECT_EQ(Generator::to_text(-0.0001, 2), "0");
  EXPECT_EQ(Generator::to_text(-12.345, 1), "-12.3");
}

TEST(ActuatorTest, TravelsToItsTarget) {
  ActuatorConfig config;
  config.travel = seconds{10};
  Actuator fan(config);
  ASSERT_TRUE(fan.want(80.0).has_value());
  EXPECT_FALSE(fan.advance(seconds{4}));
  EXPECT_EQ(fan.position(), 40);
  ASSERT_TRUE(fan.want(20.0).has_value());
  EXPECT_TRUE(fan.advance(seconds{3}));
  EXPECT_EQ(fan.to_json(), "20");
  EXPECT_FALSE(fan.advance(seconds{1})) << "arrives once";
  ASSERT_TRUE(fan.want(1e9).has_value());
  EXPECT_TRUE(fan.advance(seconds{60}));
  EXPECT_EQ(fan.position(), 100);
  fan.drop();
  EXPECT_EQ(fan.position(), 0);
  EXPECT_FALSE(fan.moving());
  EXPECT_FALSE(fan.want(true).has_value());
  EXPECT_FALSE(fan.want(std::numeric_limits<double>::quiet_NaN()).has_value());
}

TEST(ActuatorTest, AValveIsOpenWhenItIsFullyOpen) {
  ActuatorConfig config;
  config.kind = ActuatorKind::on_off;
  config.most = 1;
  config.travel = seconds{4};
  Actuator valve(config);
  EXPECT_EQ(valve.to_json(), "false");
  ASSERT_TRUE(valve.want(true).has_value());
  EXPECT_FALSE(valve.advance(seconds{2}));
  EXPECT_EQ(valve.to_json(), "false");
  EXPECT_TRUE(valve.advance(seconds{2}));
  EXPECT_EQ(valve.to_json(), "true");
  EXPECT_FALSE(valve.want(1.0).has_value());
}

TEST(ShadowAgentTest, ReadsDeltasAndDocuments) {
  ShadowAgent agent("fan");
  const std::string delta = agent.filters()[0], document = agent.filters()[1];
  EXPECT_EQ(delta, "$dunlin/things/fan/shadow/update/delta");
  const auto wishes = agent.take(delta, R"({"state":{"speed":80,"open":true,"x":{},"y":null},"version":7})");
  ASSERT_TRUE(wishes.has_value());
  ASSERT_THAT(*wishes, SizeIs(2));
  EXPECT_EQ((*wishes)[0].value, ActuatorValue(80.0));
  EXPECT_EQ((*wishes)[1].value, ActuatorValue(true));
  EXPECT_THAT(*agent.take(delta, R"({"state":{"speed":10},"version":6})"), IsEmpty()) << "older";
  EXPECT_THAT(*agent.take(document, R"({"state":{"desired":{"speed":1},"delta":{"speed":1}},"version":8})"),
              SizeIs(1));
  EXPECT_THAT(*agent.take(document, R"({"state":{"desired":{"speed":1}},"version":9})"), IsEmpty());
  for (const char* bad : {"", "7", "{}", R"({"state":3})", R"({"state":{)"})
    EXPECT_EQ(agent.take(delta, bad).error().code, Errc::malformed) << bad;
  EXPECT_EQ(agent.take("other", "{}").error().code, Errc::not_found);
  EXPECT_EQ(agent.take(delta, std::string(kMaxShadowBytes + 1, ' ')).error().code, Errc::limit_exceeded);
  EXPECT_EQ(ShadowAgent::report({{"a\"b", "1"}, {"open", "true"}}),
            R"({"state":{"reported":{"a\"b":1,"open":true}}})");
}

TEST(EndpointTest, IsAddressAndPort) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:1883")->port, 1883);
  EXPECT_EQ(parse_endpoint("[::1]:8883")->host, "::1");
  EXPECT_EQ(parse_endpoint("gateway.example:1")->host, "gateway.example");
  for (const char* bad : {"", "host", "host:", ":1", "host:0", "host:70000", "::1:1883", "host:1x"})
    EXPECT_FALSE(parse_endpoint(bad).has_value()) << bad;
}

TEST(CredentialsTest, ReadsTheFilesOfEachDevice) {
  VirtualFs fs;
  ASSERT_TRUE(fs.create_folders("tokens").has_value());
  ASSERT_TRUE(write_file_atomically(fs, "tokens/a", as_bytes("dt_one\n")).has_value());
  ASSERT_TRUE(write_file_atomically(fs, "tokens/all", as_bytes("dt_all")).has_value());
  ConnectConfig connect;
  connect.token_file = "tokens/{device}";
  const CredentialSource own = file_credentials(connect, fs);
  EXPECT_EQ(own("a")->username, "a");
  EXPECT_EQ(own("a")->password, "dt_one");
  EXPECT_EQ(own("b").error().code, Errc::not_found);
  connect.token_file = "tokens/all";
  EXPECT_EQ(file_credentials(connect, fs)("b")->username, std::nullopt);
  EXPECT_EQ(file_credentials(connect, fs)("b")->password, "dt_all");
  connect.ca_file = "tokens/a";
  EXPECT_FALSE(file_credentials(connect, fs)("b").has_value()) << "not PEM";
}

}  // namespace
}  // namespace dunlin::fleet
