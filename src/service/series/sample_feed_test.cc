// What followers are told of stored samples: in order, from the log, again after a crash, never too much.
#include "service/series/sample_feed.h"

#include "model/hops.h"
#include "service/series/sample_topics.h"
#include "service/series/store_fixture.h"

namespace dunlin::series {
namespace {

struct SampleFeedTest : SealingTest {
  /// Follows and keeps what it is told; `hold` keeps it from saying that it is done.
  void follow(FeedOptions options = {.name = "test"}) {
    follower = store->feed().follow(std::move(options), [this](const FeedBatch& batch, Task done) {
      for (const StoredSample& sample : batch.samples)
        told.push_back(sample.series->channel + "=" +
                       std::to_string(static_cast<int>(*number_of(sample.point.value))));
      largest = std::max(largest, batch.samples.size());
      through = batch.through;
      if (holds) {
        held.push_back(std::move(done));
      } else {
        done();
      }
    });
  }
  void put(int value, const std::string& channel = "temperature") {
    write({sample(clock.wall_now() + seconds{++ticks}, static_cast<double>(value), channel)});
    settle();
  }
  void crash() {
    follower.reset();
    held.clear();
    told.clear();
    store.reset();
    disk.close();
    restart_process();
    store = std::make_unique<SeriesStore>(*executor, keyed, disk.open(*executor, *metrics), *metrics);
    store->feed().expect("test");
    store->open([](Result<void> opened) { ASSERT_TRUE(opened.has_value()); });
    settle();
  }

  std::unique_ptr<Follower> follower;
  std::vector<std::string> told;
  std::vector<Task> held;
  std::size_t largest = 0;
  store::Position through = 0;
  bool holds = false;
  int ticks = 0;
};
using Texts = std::vector<std::string>;

TEST_F(SampleFeedTest, TellsWhatIsStoredFromNowOn) {
  put(1);
  follow();
  put(2);
  put(3, "pressure");
  EXPECT_EQ(told, (Texts{"temperature=2", "pressure=3"}));
  EXPECT_EQ(counted("dunlin_series_feed_samples_total"), 2);
}

TEST_F(SampleFeedTest, TellsOnlyWhatIsWantedAndAsksAgainWhenToldTo) {
  std::string wanted = "pressure";
  int asked = 0;
  FeedOptions options{.name = "test"};
  options.wants = [&](const SeriesInfo& series) {
    ++asked;
    return series.channel == wanted;
  };
  follow(std::move(options));
  for (int i = 0; i < 3; ++i) {
    put(i);
    put(i + 10, "pressure");
  }
  EXPECT_EQ(told, (Texts{"pressure=10", "pressure=11", "pressure=12"}));
  EXPECT_EQ(asked, 2);
  wanted = "temperature";
  follower->look_again();
  put(7);
  EXPECT_EQ(told.back(), "temperature=7");
}

TEST_F(SampleFeedTest, WhatWasNotCommittedIsToldAgainAfterACrash) {
  follow();
  put(1);
  put(2);
  follower->commit(through);
  const store::Position place = through;
  put(3);
  put(4);
  crash();
  follow({.name = "test", .start = place});
  settle();
  EXPECT_EQ(told, (Texts{"temperature=3", "temperature=4"}));
}

TEST_F(SampleFeedTest, OneBatchAtATime) {
  follow();
  holds = true;
  put(1);
  put(2);
  EXPECT_EQ(told, Texts{"temperature=1"});
  EXPECT_LT(follower->passed(), through);
  holds = false;
  std::exchange(held, {}).front()();
  settle();
  EXPECT_EQ(told, (Texts{"temperature=1", "temperature=2"}));
  EXPECT_EQ(follower->passed(), through);
}

TEST_F(SampleFeedTest, ALargeWriteComesInPartsAndIsPassedWithTheLast) {
  follow();
  std::vector<model::Sample> many;
  for (int i = 0; i < 2500; ++i) many.push_back(sample(clock.wall_now() + seconds{i}, 1.0 * i));
  const store::Position before = follower->passed();
  holds = true;
  write(std::move(many));
  settle();
  EXPECT_EQ(told.size(), kMaxFeedBatch);
  EXPECT_EQ(through, before) << "the rest of the record would not come again";
  for (int i = 0; i < 2; ++i) {
    std::exchange(held, {}).front()();
    settle();
  }
  EXPECT_EQ(told.size(), 2500u);
  EXPECT_EQ(largest, kMaxFeedBatch);
  EXPECT_GT(through, before);
}

TEST_F(SampleFeedTest, WhoSleepsIsToldNothingAndKeepsNothing) {
  bool awake = false;
  FeedOptions options{.name = "test"};
  options.awake = [&awake] { return awake; };
  follow(std::move(options));
  for (int i = 0; i < 5; ++i) put(i);
  EXPECT_EQ(told, Texts{});
  EXPECT_EQ(follower->passed(), disk.log().committed());
  awake = true;
  follower->look_again();
  put(9);
  EXPECT_EQ(told, Texts{"temperature=9"});
}

TEST_F(SampleFeedTest, TheLogKeepsWhatADurableFollowerHasNotCommitted) {
  follow();
  const auto fill = [this] {
    for (int i = 0; i < 40; ++i) {
      std::vector<model::Sample> many;
      for (int k = 0; k < 1000; ++k)
        many.push_back(sample(clock.wall_now() + seconds{++ticks}, 0.1 * k, "c" + std::to_string(i)));
      write(std::move(many));
      pass(seconds{2});
    }
    store->seal_all([](Result<void> sealed) { ASSERT_TRUE(sealed.has_value()); });
    pass(minutes{1});
  };
  fill();
  const auto first = disk.log().first();
  EXPECT_LE(first, 1u);
  follower->commit(through);
  fill();
  EXPECT_GT(disk.log().first(), first);
}

TEST_F(SampleFeedTest, AFollowerThatIsAheadLetsTheLogGoOfNothingThatIsNotSealed) {
  FeedOptions options{.name = "test"};
  options.awake = [] { return false; };
  follow(std::move(options));
  put(1);  // in the first segment
  for (int i = 0; i < 40; ++i) {
    std::vector<model::Sample> many;
    for (int k = 0; k < 1000; ++k)
      many.push_back(sample(now_window() + seconds{k}, 0.1 * k, "c" + std::to_string(i)));
    write(std::move(many));
    pass(seconds{2});
  }
  ASSERT_GT(disk.log().size_bytes(), 4 * 64 * 1024u) << "several segments";
  const auto before = points();
  crash();
  EXPECT_EQ(points(), before);
}

TEST_F(SampleFeedTest, APageThatIsTooFarBehindGoesOnWithTheNewest) {
  holds = true;
  follow({.name = "page", .kind = FeedOptions::Kind::passing});
  put(1);
  for (store::Position i = 0; i <= kMaxFeedLag; ++i)
    write({sample(clock.wall_now() + seconds{++ticks}, 2.0)});
  settle();
  holds = false;
  std::exchange(held, {}).front()();
  settle();
  put(3);
  EXPECT_EQ(told, (Texts{"temperature=1", "temperature=3"}));
  EXPECT_GE(counted("dunlin_series_feed_skipped_total"), static_cast<double>(kMaxFeedLag));
}

TEST_F(SampleFeedTest, HopsAndMaintenanceComeAlong) {
  std::vector<StoredSample> seen;
  follower = store->feed().follow({.name = "test"}, [&](const FeedBatch& batch, Task done) {
    seen = batch.samples;
    done();
  });
  std::vector<model::Sample> three;
  for (int i = 0; i < 3; ++i) three.push_back(sample(clock.wall_now() + seconds{i}, 1.0 * i));
  three[1].hops = 2;
  three[2].watch = model::Watch::muted;
  write(std::move(three));
  settle();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].hops, 0);
  EXPECT_EQ(seen[1].hops, 2);
  EXPECT_EQ(seen[1].watch, model::Watch::watched);
  EXPECT_EQ(seen[2].watch, model::Watch::muted);
}

TEST_F(SampleFeedTest, ANumberIsNotGivenAgainWhileItsRecordsMayBeRead) {
  follow();
  put(1, "gone");
  const SeriesInfo* gone = store->find(kDefaultTenant, "press-01", "gone");
  ASSERT_NE(gone, nullptr);
  store->erase(kDefaultTenant, {gone->id, WallTime::min(), WallTime::max()}, [](Result<void>) {});
  settle();
  store->seal_all([](Result<void>) {});
  settle();
  crash();
  put(2, "other");
  follow({.name = "test", .start = 0});
  settle();
  EXPECT_EQ(told, (Texts{"gone=1", "other=2"}));
}

struct SampleTopicsTest : SampleFeedTest {
  void begin() {
    topics = std::make_unique<SampleTopics>(
        SampleTopics::Parts{*executor, bus, store->feed(), *metrics,
                            [this](TenantId, std::string_view topic) { return topic.starts_with(heard); }});
    topics->start();
    settle();
  }
  Texts published() {
    Texts found;
    for (const hub::Message& message : bus.published)
      found.push_back(std::string(message.topic.text()) + " " + std::string(message.payload.text()));
    return found;
  }
  std::string heard = "nothing";
  std::unique_ptr<SampleTopics> topics;
};

TEST_F(SampleTopicsTest, PublishesWhatSomebodyWants) {
  begin();
  put(1);
  EXPECT_EQ(published(), Texts{});
  heard = "$dunlin/samples/";
  model::Sample one = sample(from_unix_nanoseconds(1'000'000'000), 2.5, "motor/speed");
  one.unit = "m/s";
  one.quality = model::Quality::bad;
  one.hops = 2;
  write({one});
  settle();
  EXPECT_EQ(published(),
            Texts{R"($dunlin/samples/press-01/motor/speed {"value":2.5,"time":"1970-01-01T00:00:01Z",)"
                  R"("unit":"m/s","quality":"bad"})"});
  EXPECT_EQ(bus.published[0].qos, hub::QoS::at_least_once);
  EXPECT_EQ(model::hops_of(bus.published[0]), 2);
  EXPECT_EQ(counted("dunlin_series_topics_published_total"), 1);
}

TEST_F(SampleTopicsTest, WaitsForAHubThatTakesNothingAndGivesUpAtLast) {
  heard = "$dunlin/samples/";
  begin();
  bus.fail_publishes = 2;
  put(1);
  pass(seconds{5});
  EXPECT_EQ(published().size(), 1u);
  bus.fail_publishes = 1000;
  put(2);
  pass(seconds{30});
  EXPECT_EQ(counted("dunlin_series_topics_failed_total"), 1);
  bus.fail_publishes = 0;
  put(3);
  EXPECT_EQ(published().size(), 2u);
}

TEST_F(SampleTopicsTest, ANameThatIsNoTopicIsCounted) {
  heard = "$dunlin/samples/";
  begin();
  put(1, "a+b");
  put(2);
  EXPECT_EQ(published().size(), 1u);
  EXPECT_EQ(counted("dunlin_series_topics_failed_total"), 1);
}

}  // namespace
}  // namespace dunlin::series
