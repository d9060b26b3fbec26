#include "transport/http/live_feed.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/virtual_executor.h"
#include "transport/http/limits.h"

namespace dunlin::transport {
namespace {

constexpr TenantId kOther{2};

std::string jpeg(std::size_t bytes = 100, char fill = 'x') {
  return "\xff\xd8\xff" + std::string(bytes - 3, fill);
}

/// What a page was sent: "frame press-01/frame 100" for a picture, "samples" for samples, else the type.
struct RecordingSink final : LiveSink {
  void send_text(std::string text) override {
    const auto event = boost::json::parse(text).as_object();
    std::string type(event.at("type").as_string());
    if (type == "frame") {
      announced =
          std::string(event.at("device").as_string()) + "/" + std::string(event.at("channel").as_string());
      at = std::string(event.at("at").as_string());
      return;
    }
    got.push_back(std::move(type));
  }
  void send_binary(std::string bytes) override {
    waiting += bytes.size();
    if (bytes[0] == 1) return got.push_back("samples");
    got.push_back("frame " + announced + " " + std::to_string(bytes.size() - 8));
    last_picture = bytes.substr(8);
  }
  std::size_t backlog() const override { return takes_nothing ? waiting : 0; }
  std::vector<std::string> take() { return std::exchange(got, {}); }

  std::vector<std::string> got;
  std::string announced;
  std::string at;
  std::string last_picture;
  std::size_t waiting = 0;
  bool takes_nothing = false;
};

using Got = std::vector<std::string>;

struct LiveFeedTest : testing::Test {
  std::unique_ptr<LivePage> page(RecordingSink& sink, TenantId tenant = kDefaultTenant) {
    return feed.open(tenant, sink);
  }
  void picture(const std::string& device, std::string bytes, TenantId tenant = kDefaultTenant) {
    feed.picture({tenant, device, "frame", from_unix_milliseconds(1000), std::move(bytes)});
  }
  void value(const std::string& device) {
    feed.value({kDefaultTenant, device, "temperature", "Cel", 1, 21.5});
  }
  void pass(Duration time) { scheduler.run_for(time); }

  static constexpr std::string_view kAll = R"({"subscribe":{"all":true}})";
  static constexpr std::string_view kCam1 =
      R"({"subscribe":{"series":[{"device":"cam-1","channel":"frame"}]}})";

  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  metrics::Registry metrics;
  LiveFeed feed{executor, metrics};
};

TEST_F(LiveFeedTest, APageThatComesLateGetsTheNewestPictureAtOnce) {
  picture("cam-1", jpeg(100, 'a'));
  picture("cam-1", jpeg(120, 'b'));
  picture("cam-2", jpeg(130));
  RecordingSink sink;
  const auto late = page(sink);
  EXPECT_EQ(sink.take(), Got{});
  late->on_request(kCam1);
  EXPECT_EQ(sink.take(), Got{"frame cam-1/frame 120"});
  EXPECT_EQ(sink.last_picture, jpeg(120, 'b'));
  EXPECT_EQ(sink.at, "1970-01-01T00:00:01.000Z");
  late->on_request(kAll);
  EXPECT_EQ(sink.take(), (Got{"frame cam-1/frame 120", "frame cam-2/frame 130"}));
  pass(std::chrono::seconds{5});
  EXPECT_EQ(sink.take(), Got{}) << "once is enough";
}

TEST_F(LiveFeedTest, NothingOfOthersOrOfRemovedThings) {
  picture("cam-1", jpeg(), kOther);
  picture("cam-2", jpeg());
  picture("cam-3", jpeg());
  feed.forget_pictures(kDefaultTenant, "cam-2");
  feed.forget_pictures(kOther, "cam-3");
  RecordingSink sink;
  const auto late = page(sink);
  late->on_request(kAll);
  EXPECT_EQ(sink.take(), Got{"frame cam-3/frame 100"});
  late->on_request(R"({"subscribe":{"series":[]}})");
  EXPECT_EQ(sink.take(), Got{});
}

TEST_F(LiveFeedTest, OnlyPicturesUpToTheLimitAreShownAndKept) {
  RecordingSink sink;
  const auto early = page(sink);
  early->on_request(kAll);
  picture("cam-1", "<html>");
  picture("cam-2", jpeg(kMaxPictureBytes + 1));
  EXPECT_EQ(sink.take(), Got{});
  early->on_request(kAll);
  EXPECT_EQ(sink.take(), Got{});
  picture("cam-3", jpeg(kMaxPictureBytes));
  EXPECT_EQ(sink.take(), Got{"frame cam-3/frame " + std::to_string(kMaxPictureBytes)});
}

TEST_F(LiveFeedTest, OnePicturePerDeviceAndInterval) {
  RecordingSink sink;
  const auto early = page(sink);
  early->on_request(kAll);
  picture("cam-1", jpeg(100));
  picture("cam-1", jpeg(101));
  pass(kPictureInterval);
  picture("cam-1", jpeg(102));
  EXPECT_EQ(sink.take(), (Got{"frame cam-1/frame 100", "frame cam-1/frame 102"}));
}

TEST_F(LiveFeedTest, ASlowPageGetsWhatItIsOwedWhenItHasRead) {
  for (const char* device : {"cam-1", "cam-2", "cam-3", "cam-4"}) picture(device, jpeg(kMaxPictureBytes));
  RecordingSink sink;
  sink.takes_nothing = true;
  const auto late = page(sink);
  late->on_request(kAll);
  EXPECT_EQ(sink.take().size(), 2u) << "until the backlog is past its limit";
  pass(std::chrono::seconds{1});
  EXPECT_EQ(sink.take(), Got{});
  // A newer one and a removal while it waits.
  picture("cam-3", jpeg(99));
  feed.forget_pictures(kDefaultTenant, "cam-4");
  sink.waiting = 0;
  pass(kLiveInterval);
  EXPECT_EQ(sink.take(), Got{"frame cam-3/frame 99"});
  sink.waiting = 0;
  pass(std::chrono::seconds{1});
  EXPECT_EQ(sink.take(), Got{});
}

TEST_F(LiveFeedTest, KeepsOnlySoManyPicturesAndBytes) {
  NewestPictures pictures;
  const auto put = [&](int device, std::size_t bytes) {
    pictures.put({kDefaultTenant, "cam-" + std::to_string(device), "frame", {}, jpeg(bytes)});
  };
  const auto has = [&](int device) {
    return pictures.find(kDefaultTenant, "cam-" + std::to_string(device), "frame") != nullptr;
  };
  const int most = static_cast<int>(kMaxKeptPictures);
  for (int i = 0; i < most; ++i) put(i, 100);
  put(0, 50);  // renewed: now the newest
  EXPECT_EQ(pictures.size(), kMaxKeptPictures);
  EXPECT_EQ(pictures.bytes(), 100 * (kMaxKeptPictures - 1) + 50);
  put(most, 100);
  EXPECT_EQ(pictures.size(), kMaxKeptPictures);
  EXPECT_TRUE(has(0));
  EXPECT_FALSE(has(1));
  for (int i = 0; i < 40; ++i) put(1000 + i, kMaxPictureBytes);
  EXPECT_LE(pictures.bytes(), kMaxKeptPictureBytes);
  EXPECT_EQ(pictures.size(), kMaxKeptPictureBytes / kMaxPictureBytes);
  EXPECT_TRUE(has(1039));
  pictures.forget(kDefaultTenant, "cam-1039");
  EXPECT_EQ(pictures.bytes(), (kMaxKeptPictureBytes / kMaxPictureBytes - 1) * kMaxPictureBytes);
}

TEST_F(LiveFeedTest, SamplesLeaveTogetherAndASlowPageGetsTheNewest) {
  RecordingSink sink;
  const auto early = page(sink);
  early->on_request(kAll);
  value("press-01");
  value("press-01");
  EXPECT_EQ(sink.take(), Got{"series"});
  pass(kLiveInterval);
  EXPECT_EQ(sink.take(), Got{"samples"});
  sink.takes_nothing = true;
  sink.waiting = kMaxLiveBacklogBytes + 1;
  for (int i = 0; i < 5; ++i) {
    value("press-01");
    pass(kLiveInterval);
  }
  EXPECT_EQ(sink.take(), Got{});
  EXPECT_GT(metrics.value("dunlin_live_samples_thinned_total"), 0);
  sink.waiting = 0;
  pass(kLiveInterval);
  EXPECT_EQ(sink.take(), Got{"samples"});
}

TEST_F(LiveFeedTest, ARequestThatCannotBeReadIsAnswered) {
  RecordingSink sink;
  const auto early = page(sink);
  for (const std::string& bad :
       {std::string("nonsense"), std::string("[1]"), std::string(kMaxLiveRequestBytes + 1, ' ')}) {
    early->on_request(bad);
    EXPECT_EQ(sink.take(), Got{"error"});
  }
  early->on_request(R"({"ping":1})");
  EXPECT_EQ(sink.take(), Got{"pong"});
  early->on_request(R"({"subscribe":7})");
  EXPECT_EQ(sink.take(), Got{});
}

TEST_F(LiveFeedTest, PagesAreBounded) {
  RecordingSink sink;
  std::vector<std::unique_ptr<LivePage>> pages;
  for (std::size_t i = 0; i < kMaxLivePages; ++i) pages.push_back(page(sink));
  EXPECT_EQ(page(sink), nullptr);
  pages.pop_back();
  EXPECT_NE(page(sink), nullptr);
}

TEST_F(LiveFeedTest, WhatIsRefusedIsShownToThoseWhoMaySeeIt) {
  RecordingSink operator_sink;
  RecordingSink viewer_sink;
  RecordingSink other_sink;
  const LiveRights may{.refusals = LiveRights::Refusals::shown};
  const auto operator_page = feed.open(kDefaultTenant, operator_sink, may);
  const auto viewer_page = page(viewer_sink);
  const auto other_page = feed.open(kOther, other_sink, may);
  feed.refusals(kDefaultTenant, {{"type", "refusals"}, {"total", 7}});
  EXPECT_EQ(operator_sink.take(), Got{"refusals"});
  EXPECT_EQ(viewer_sink.take(), Got{});
  EXPECT_EQ(other_sink.take(), Got{});
}

}  // namespace
}  // namespace dunlin::transport
