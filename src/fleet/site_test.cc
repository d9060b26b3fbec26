#include "fleet/site.h"

#include <numeric>
#include <set>

#include "fleet/site_fixture.h"
#include "model/mapping.h"

namespace dunlin::fleet {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char* kHead = "[site]\nproject=\"demo\"\nsite=\"plant1\"\nseed=4\n";
constexpr const char* kFan = R"(
[[device]]
name = "fan-01"
type = "actuator"
[[device.actuator]]
name = "speed"
travel = "5s"
[[device.channel]]
name = "speed"
source = "position"
[[device]]
name = "oven-01"
type = "machine"
[[device.channel]]
name = "temperature"
base = 80.0
follows = ["fan-01.speed:-0.2"]
lag = "5s"
)";
constexpr const char* kSensor = R"(
[[device]]
name = "s1"
type = "sensor"
[[device.channel]]
name = "x"
source = "walk"
interval = "1s"
)";

class FleetSite : public testing::SiteTest {
 protected:
  /// 1, 2, 3 ... without a gap.
  void expect_whole(const std::string& topic, std::size_t least) {
    const std::vector<double> got = sequence_on(topic);
    std::vector<double> whole(got.size());
    std::iota(whole.begin(), whole.end(), 1.0);
    EXPECT_EQ(got, whole) << topic;
    EXPECT_GE(got.size(), least) << topic;
  }
  std::string all_bytes() {
    std::string all;
    for (const Received& one : received) all += one.topic + " " + one.payload + "\n";
    return all;
  }
  using Received = testing::Received;
};

TEST_F(FleetSite, EverySampleOfTheFactoryArrivesForTenMinutes) {
  SiteConfig factory = default_factory();
  factory.faults = false;
  start_site(factory);
  run(minutes{10});
  EXPECT_EQ(site->online(), factory.devices.size());
  stop_site();
  EXPECT_EQ(site->online(), 0U);
  std::int64_t pictures = 0;
  for (const DeviceConfig& device : factory.devices) {
    for (const ChannelConfig& channel : device.channels) {
      const std::string topic = "demo/plant1/" + device.type + "/" + device.name + "/" + channel.name;
      const auto whole_intervals = static_cast<std::size_t>(minutes{10} / channel.interval);
      if (channel.source == Source::camera) {
        pictures += static_cast<std::int64_t>(on(topic).size());
        EXPECT_NEAR(static_cast<double>(on(topic).size()), static_cast<double>(whole_intervals), 2) << topic;
      } else if (device.battery.life == Duration::zero()) {
        expect_whole(topic, whole_intervals - 1);
      }
    }
  }
  const Counters counters = site->counters();
  EXPECT_EQ(counters.published, counters.acknowledged + counters.refused + counters.lost);
  EXPECT_LE(counters.refused, 1) << "a picture (QoS 0) before the connection stood";
  EXPECT_EQ(counters.dropped, 0);
  EXPECT_EQ(counters.bad_wishes, 0);
  EXPECT_GE(pictures, 598);
  EXPECT_EQ(counters.published - counters.refused, static_cast<std::int64_t>(received.size()));
}

TEST_F(FleetSite, EveryPayloadIsASampleForThePlatform) {
  start_site(default_factory());
  run(seconds{40});
  const auto mapping = model::Mapping::standard();
  std::set<std::string> channels;
  for (const Received& one : received) {
    const auto mapped = mapping.samples_of(hub::testing::message(one.topic, one.payload));
    ASSERT_TRUE(mapped.has_value()) << one.topic << " " << one.payload;
    ASSERT_THAT(mapped->samples, SizeIs(1));
    channels.insert(mapped->facts.device + "." + mapped->facts.channel);
  }
  std::size_t configured = 0;
  for (const DeviceConfig& device : site->config().devices) configured += device.channels.size();
  EXPECT_EQ(channels.size(), configured);
}

TEST_F(FleetSite, ThePressFollowsTheRecordingARowASecond) {
  SiteConfig factory = default_factory();
  std::erase_if(factory.devices, [](const DeviceConfig& device) { return device.name != "press-05"; });
  factory.devices[0].channels.resize(1);
  start_site(factory);
  run(seconds{30});
  const auto got = on("demo/plant1/machine/press-05/temperature");
  ASSERT_GE(got.size(), 29U);
  const Series& recording = series(SeriesName::machine_temperature);
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(number(got[i].payload, "value"), recording.values[11200 + i], 1e-4) << i;
  EXPECT_NEAR(number(got[3].payload, "t"), static_cast<double>(unix_milliseconds(got[3].at)), 100);
}

TEST_F(FleetSite, TheSameSeedMakesTheSameBytes) {
  const auto once = [this](std::int64_t seed) {
    received.clear();
    SiteConfig factory = default_factory();
    factory.seed = seed;
    std::erase_if(factory.devices, [](const DeviceConfig& device) { return device.type == "camera"; });
    for (DeviceConfig& device : factory.devices) {
      for (ChannelConfig& channel : device.channels) channel.time = PayloadTime::series;
    }
    start_site(factory);
    const Instant begin = clock.now();
    run(minutes{3});
    std::string all;
    // Arrival times and the order between connections belong to the server; what each device says does not.
    std::map<std::string, std::string> by_topic;
    for (const Received& one : received) {
      const std::size_t t = one.payload.find(",\"t\":"), seq = one.payload.find(",\"seq\":");
      by_topic[one.topic] += one.payload.substr(0, t) + one.payload.substr(seq) + "\n";
    }
    for (const auto& [topic, payloads] : by_topic) all += topic + "\n" + payloads;
    stop_site();
    site.reset();
    clock.advance_to(begin + minutes{5});
    run(seconds{1});
    return all;
  };
  const std::string first = once(4);
  EXPECT_EQ(first, once(4));
  EXPECT_NE(first, once(5));
}

TEST_F(FleetSite, AnActuatorObeysItsShadowAndTheOvenCools) {
  start_site(config(std::string(kHead) + kFan));
  run(seconds{5});
  EXPECT_EQ(shadow_of("fan-01").reported().at("speed"), 0);
  want("fan-01", R"({"speed":80})");
  run(seconds{2});
  const double half = number(on("demo/plant1/actuator/fan-01/speed").back().payload, "value");
  EXPECT_GT(half, 10);
  EXPECT_LT(half, 60) << "it takes its time";
  EXPECT_EQ(shadow_of("fan-01").reported().at("speed"), 0) << "reported when it is there";
  run(seconds{4});
  EXPECT_EQ(shadow_of("fan-01").reported().at("speed"), 80);
  EXPECT_FALSE(shadow_of("fan-01").delta().has_value());
  run(seconds{40});
  EXPECT_NEAR(number(on("demo/plant1/machine/oven-01/temperature").back().payload, "value"), 64, 0.2);
  EXPECT_EQ(site->counters().wishes, 1);
}

TEST_F(FleetSite, AWishPastTheEndOrOfTheWrongKindEndsInOneReport) {
  start_site(config(std::string(kHead) + kFan));
  run(seconds{5});
  want("fan-01", R"({"speed":500,"colour":3})");
  run(minutes{2});
  EXPECT_EQ(shadow_of("fan-01").reported().at("speed"), 100);
  EXPECT_TRUE(shadow_of("fan-01").delta().has_value()) << "the wish cannot be met";
  const std::int64_t reports = site->counters().reports;
  EXPECT_LE(reports, 4) << "and the two do not answer each other for ever";
  want("fan-01", R"({"speed":"fast"})");
  run(minutes{1});
  EXPECT_EQ(site->counters().reports, reports);
  EXPECT_GE(site->counters().bad_wishes, 2);
}

TEST_F(FleetSite, WithoutPowerTheFanStopsAndThenGoesOnAsWished) {
  start_site(config(std::string(kHead) + kFan));
  run(seconds{5});
  want("fan-01", R"({"speed":80})");
  run(seconds{10});
  ASSERT_TRUE(site->cut_power("fan-01", seconds{60}).has_value());
  EXPECT_EQ(status("fan-01").power, Power::off);
  const std::size_t before = on("demo/plant1/actuator/fan-01/speed").size();
  run(seconds{59});
  EXPECT_LE(on("demo/plant1/actuator/fan-01/speed").size(), before + 1);
  EXPECT_NEAR(number(on("demo/plant1/machine/oven-01/temperature").back().payload, "value"), 80, 0.2);
  EXPECT_EQ(site->online(), 1U);
  run(seconds{3});
  EXPECT_EQ(status("fan-01").power, Power::on);
  EXPECT_LT(shadow_of("fan-01").reported().at("speed").as_int64(), 80) << "it reports what is, not what was";
  run(seconds{10});
  EXPECT_EQ(shadow_of("fan-01").reported().at("speed"), 80);
  EXPECT_EQ(site->counters().power_losses, 1);
}

TEST_F(FleetSite, WithoutSignalNothingIsLost) {
  start_site(config(std::string(kHead) + kSensor));
  run(seconds{10});
  for (const seconds outage : {seconds{5}, seconds{90}}) {
    const std::size_t before = received.size();
    ASSERT_TRUE(site->cut_signal("s1", outage).has_value());
    run(outage);
    EXPECT_LE(received.size(), before + 1);
    run(seconds{40});
    EXPECT_GE(received.size(), before + static_cast<std::size_t>(outage.count()) + 35);
  }
  expect_whole("demo/plant1/sensor/s1/x", 140);
  EXPECT_EQ(site->counters().connects, 2) << "the short outage is bridged by TCP, the long one is not";
  EXPECT_EQ(site->counters().lost, 0);
}

TEST_F(FleetSite, ABatteryRunsEmptyIsChargedAndComesBack) {
  start_site(config(std::string(kHead) + kSensor + R"(
[[device]]
name = "tag"
type = "sensor"
battery_life = "100s"
battery_charge = "30s"
[[device.channel]]
name = "battery"
source = "battery"
interval = "1s"
)"));
  run(seconds{50});
  EXPECT_NEAR(number(on("demo/plant1/sensor/tag/battery").back().payload, "value"), 50, 2);
  run(seconds{55});
  EXPECT_EQ(status("tag").power, Power::charging);
  EXPECT_EQ(site->counters().flat_batteries, 1);
  run(seconds{30});
  EXPECT_EQ(status("tag").power, Power::on);
  EXPECT_GT(number(on("demo/plant1/sensor/tag/battery").back().payload, "value"), 90);
}

TEST_F(FleetSite, RandomFaultsHappenAndTheSiteRecovers) {
  SiteConfig wish = config(std::string(kHead) + R"(
[[group]]
name = "s-{n}"
type = "sensor"
count = 10
signal_loss_every = "2m"
signal_loss_lasts = "30s"
power_loss_every = "5m"
power_loss_lasts = "20s"
[[group.channel]]
name = "x"
)");
  start_site(wish);
  run(minutes{20});
  const Counters counters = site->counters();
  EXPECT_GT(counters.signal_losses, 20);
  EXPECT_GT(counters.power_losses, 10);
  EXPECT_EQ(
      counters.published, counters.acknowledged + counters.lost + [&] {
        std::int64_t waiting = 0;
        for (const DeviceStatus& device : site->devices())
          waiting += static_cast<std::int64_t>(device.waiting);
        return waiting;
      }());
  // QoS 1 may bring a sample twice; none that was acknowledged may be missing.
  std::set<std::pair<std::string, double>> distinct;
  for (const Received& one : received) distinct.emplace(one.topic, number(one.payload, "seq"));
  EXPECT_GE(static_cast<std::int64_t>(distinct.size()), counters.acknowledged);
}

TEST_F(FleetSite, PicturesArriveAsJpegWithTheirType) {
  start_site(config(std::string(kHead) + R"(
[[device]]
name = "camera-01"
type = "camera"
[[device.channel]]
name = "frame"
source = "camera"
retain = true
)"));
  run(seconds{5});
  const auto frames = on("demo/plant1/camera/camera-01/frame");
  ASSERT_GE(frames.size(), 4U);
  EXPECT_TRUE(frames[0].payload.starts_with("\xff\xd8\xff\xe0"));
  EXPECT_TRUE(frames[0].payload.ends_with("\xff\xd9"));
  EXPECT_EQ(frames[0].content_type, "image/jpeg");
  EXPECT_NE(frames[1].payload, frames[2].payload) << "the belt moves";
  EXPECT_LT(frames[0].payload.size(), 40'000U);
}

TEST_F(FleetSite, TellsWhatIsWrong) {
  SiteConfig wish = config(std::string(kHead) + kSensor);
  wish.devices[0].endpoint = "nowhere";
  Site wrong(Environment{client_executor, network.host("plant"), site_rng, site_metrics, {}}, wish);
  EXPECT_THAT(wrong.start().error().message, HasSubstr("s1"));
  Site refused(Environment{client_executor, network.host("plant"), site_rng, site_metrics,
                           [](const std::string&) { return fail(Errc::not_found, "no token"); }},
               config(std::string(kHead) + kSensor));
  EXPECT_EQ(refused.start().error().code, Errc::not_found);
  start_site(config(std::string(kHead) + kSensor));
  EXPECT_EQ(site->cut_power("s2", seconds{1}).error().code, Errc::not_found);
  EXPECT_EQ(site->cut_signal("s2", seconds{1}).error().code, Errc::not_found);
}

}  // namespace
}  // namespace dunlin::fleet
