// The checkers can fail: each kind of fault is planted, in a whole run between hub and services or in a
// history, and must be named.

#include "oracle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "world.h"

namespace dunlin::sim {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;

auto breaks(const std::string& rule) {
  return Contains(Field(&Violation::rule, rule));
}

WorldOptions calm() {
  WorldOptions options;
  options.seed = 7;
  options.faults = WorldOptions::Faults::none;
  options.active = std::chrono::seconds{30};
  return options;
}

/// The first stream of that kind with enough messages for a plant.
const Stream* find_stream(const History& history, hub::QoS qos, Stream::Way way) {
  for (const auto& [name, stream] : history.streams) {
    if (stream.qos == qos && stream.way == way && stream.sent > 12) return &stream;
  }
  return nullptr;
}

/// Runs once without and once with the plant: the same seed sends the same messages.
class PlantTest : public ::testing::Test {
 protected:
  std::vector<Violation> run(Plant plant) {
    WorldOptions options = calm();
    options.plant = std::move(plant);
    World world(options);
    const History history = world.run();
    EXPECT_TRUE(world.planted());
    return check(history);
  }
  std::vector<Violation> run_on_stream(Plant::Kind kind, const std::string& consumer, hub::QoS qos,
                                       Stream::Way way = Stream::Way::direct) {
    const Stream* stream = find_stream(healthy(), qos, way);
    EXPECT_NE(stream, nullptr);
    if (stream == nullptr) return {};
    const std::string site = way == Stream::Way::direct ? "site" : "plant";
    return run({kind, consumer, "demo/" + site + "/sensor/" + stream->device + "/" + stream->channel});
  }
  static const History& healthy() {
    static const History history = World(calm()).run();
    return history;
  }
};

TEST_F(PlantTest, ARunWithoutFaultsIsClean) {
  EXPECT_THAT(check(healthy()), IsEmpty());
}

TEST_F(PlantTest, LostOnTheWayToTheSeries) {
  EXPECT_THAT(run_on_stream(Plant::Kind::lose, "series", hub::QoS::at_least_once),
              breaks("qos1_at_least_once"));
  EXPECT_THAT(run_on_stream(Plant::Kind::lose, "series", hub::QoS::exactly_once),
              breaks("qos2_exactly_once"));
  EXPECT_THAT(run_on_stream(Plant::Kind::lose, "series", hub::QoS::at_least_once, Stream::Way::gateway),
              breaks("forward_lost"));
}

TEST_F(PlantTest, LostInTheJournal) {
  EXPECT_THAT(run_on_stream(Plant::Kind::lose, "witness", hub::QoS::at_least_once),
              breaks("qos1_at_least_once"));
  EXPECT_THAT(run_on_stream(Plant::Kind::lose, "witness", hub::QoS::exactly_once),
              breaks("qos2_exactly_once"));
}

TEST_F(PlantTest, DoubledInTheJournal) {
  EXPECT_THAT(run_on_stream(Plant::Kind::twice, "witness", hub::QoS::exactly_once),
              breaks("qos2_exactly_once"));
  EXPECT_THAT(run_on_stream(Plant::Kind::twice, "witness", hub::QoS::at_least_once),
              Not(breaks("qos1_at_least_once")))
      << "at least once may be twice";
}

TEST_F(PlantTest, ReorderedOnTheWay) {
  EXPECT_THAT(run_on_stream(Plant::Kind::reorder, "witness", hub::QoS::at_least_once), breaks("order"));
  EXPECT_THAT(run_on_stream(Plant::Kind::reorder, "series", hub::QoS::exactly_once), breaks("order"));
}

TEST_F(PlantTest, StaleOrLostShadowUpdate) {
  const std::size_t last = healthy().shadows.at("shadow8").reported.size() - 1;
  const std::string topic = "$dunlin/things/shadow8/shadow/update";
  EXPECT_THAT(run({Plant::Kind::stale, "shadow", topic, last}), breaks("shadow_model"));
  EXPECT_THAT(run({Plant::Kind::lose, "shadow", topic, last}), breaks("shadow_model"));
}

TEST_F(PlantTest, StaleOrLostRetainedMessage) {
  std::string topic;
  for (const auto& [name, retained] : healthy().retained) {
    if (!retained.writes.back().empty()) topic = retained.topic;
  }
  ASSERT_FALSE(topic.empty());
  EXPECT_THAT(run({Plant::Kind::stale, "retained", topic}), breaks("retained_last_write"));
  EXPECT_THAT(run({Plant::Kind::lose, "retained", topic}), breaks("retained_last_write"));
}

Stream stream_of(hub::QoS qos, Stream::Way way = Stream::Way::direct) {
  Stream stream;
  stream.device = "d";
  stream.channel = "c";
  stream.qos = qos;
  stream.way = way;
  stream.sent = 3;
  stream.acknowledged = {1, 2, 3};
  stream.stored = {1, 2, 3};
  if (way == Stream::Way::direct) stream.journal = {{0, 10, 1}, {0, 11, 2}, {0, 12, 3}};
  return stream;
}

std::vector<Violation> judge(Stream stream) {
  History history;
  history.streams.emplace("d/c", std::move(stream));
  return check(history);
}

TEST(Oracle, AcceptsWhatTheQosAllows) {
  Stream stream = stream_of(hub::QoS::at_least_once);
  EXPECT_THAT(judge(stream), IsEmpty());
  stream.stored = {1, 2, 1, 2, 3};  // sent again after a lost acknowledgement
  EXPECT_THAT(judge(stream), IsEmpty());
  stream.sent = 4;  // the last one is still open: it may be there or not
  EXPECT_THAT(judge(stream), IsEmpty());
  stream.stored.push_back(4);
  EXPECT_THAT(judge(stream), IsEmpty());
}

TEST(Oracle, CountsStoredMessages) {
  Stream twice = stream_of(hub::QoS::exactly_once);
  twice.stored = {1, 2, 2, 3};
  EXPECT_THAT(judge(twice), breaks("qos2_exactly_once"));
  Stream forwarded = stream_of(hub::QoS::exactly_once, Stream::Way::gateway);
  forwarded.stored = {1, 2, 2, 3};
  EXPECT_THAT(judge(forwarded), breaks("forward_doubled"));
  Stream once = stream_of(hub::QoS::at_most_once);
  once.acknowledged.clear();
  once.stored = {1, 1};
  EXPECT_THAT(judge(once), breaks("qos0_at_most_once"));
  Stream invented = stream_of(hub::QoS::at_least_once);
  invented.stored.push_back(9);
  EXPECT_THAT(judge(invented), breaks("invented"));
}

TEST(Oracle, KnowsAJournalThatChanges) {
  Stream stream = stream_of(hub::QoS::at_least_once);
  stream.journal.push_back({0, 11, 3});
  EXPECT_THAT(judge(stream), breaks("journal_stable"));
}

TEST(Oracle, LooksAtRetainedMessages) {
  History history;
  RetainedTopic& topic = history.retained["t"];
  topic.writes = {"1", "", "3"};
  topic.looks = {{0, 0, std::nullopt, ""}, {0, 1, "1", ""}, {1, 2, std::nullopt, ""}, {2, 3, "3", ""}};
  EXPECT_THAT(check(history), IsEmpty());
  topic.looks = {{3, 3, "1", "now"}};
  EXPECT_THAT(check(history), breaks("retained_last_write"));
  topic.looks = {{3, 3, std::nullopt, "now"}};
  EXPECT_THAT(check(history), breaks("retained_last_write"));
  topic.looks = {{2, 2, "1", "now"}};
  EXPECT_THAT(check(history), breaks("retained_last_write"));
}

TEST(Oracle, CountsWhatReadersGot) {
  const auto read = [](hub::QoS qos, std::vector<Sequence> received, Stream::Way way = Stream::Way::direct) {
    History history;
    history.streams.emplace("d/c", stream_of(qos, way));
    history.readers["r"] = {"r", hub::QoS::exactly_once, true, {{"d/c", 1}}, {{"d/c", std::move(received)}}};
    return check(history);
  };
  EXPECT_THAT(read(hub::QoS::exactly_once, {2, 3}), IsEmpty());
  EXPECT_THAT(read(hub::QoS::at_least_once, {2, 3, 2}), IsEmpty());
  EXPECT_THAT(read(hub::QoS::exactly_once, {3}), breaks("delivery_lost"));
  EXPECT_THAT(read(hub::QoS::at_least_once, {2}), breaks("delivery_lost"));
  EXPECT_THAT(read(hub::QoS::exactly_once, {2, 3, 2}), breaks("delivery_doubled"));
  EXPECT_THAT(read(hub::QoS::exactly_once, {2, 3, 3}, Stream::Way::gateway), IsEmpty());
  History silent;
  silent.readers["r"].name = "r";
  EXPECT_THAT(check(silent), breaks("rest"));
}

TEST(Oracle, LooksAtShadows) {
  History history;
  ShadowThing& thing = history.shadows["s"];
  thing.reported = {{{"n", 1}, {"k", 1}}, {{"n", 2}, {"k", std::nullopt}}};
  thing.reported_acknowledged = 2;
  thing.versions = {1, 2};
  thing.seen = {{1}, {2}, {1}};  // an answer that came again
  thing.final_version = 2;
  thing.final_reported = {{"n", 2}};
  EXPECT_THAT(check(history), IsEmpty());
  thing.final_reported = {{"n", 2}, {"k", 1}};
  EXPECT_THAT(check(history), breaks("shadow_model"));
  thing.final_reported = {{"n", 2}};
  thing.versions = {1, 3, 2};
  EXPECT_THAT(check(history), breaks("shadow_version"));
  thing.versions = {1, 2};
  thing.seen = {{2}, {1, ShadowThing::Seen::By::look}};
  EXPECT_THAT(check(history), breaks("shadow_version"));
  thing.seen = {{3}};
  EXPECT_THAT(check(history), breaks("shadow_version"));
}

TEST(World, ASeedRepeatsItself) {
  WorldOptions options;
  options.seed = 3;
  const std::uint64_t digest = World(options).run().digest;
  EXPECT_EQ(World(options).run().digest, digest);
  options.seed = 4;
  EXPECT_NE(World(options).run().digest, digest);
}

}  // namespace
}  // namespace dunlin::sim
