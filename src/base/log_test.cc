#include "base/log.h"

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "base/log_sampler.h"
#include "base/time_text.h"

namespace dunlin::log {
namespace {

std::mutex lines_mutex;
std::vector<std::string> lines;

struct LogTest : testing::Test {
  void SetUp() override {
    lines.clear();
    set_level(Level::info);
    set_sink([](std::string_view line) {
      const std::scoped_lock guard(lines_mutex);
      lines.emplace_back(line);
    });
  }
  void TearDown() override {
    set_sink(nullptr);
    set_level(Level::info);
  }
  // The line without its time, which is checked here.
  static std::string only_line() {
    EXPECT_EQ(lines.size(), 1U);
    if (lines.size() != 1) return "";
    EXPECT_TRUE(parse_rfc3339(lines[0].substr(0, 24))) << lines[0];
    const std::string rest = lines[0].substr(24);
    lines.clear();
    return rest;
  }
  static std::string value_line(std::string_view value) {
    info("net", "m", {{"k", value}});
    return only_line().substr(std::string(" level=info room=net msg=\"m\" ").size());
  }
};

TEST_F(LogTest, OneLinePerEvent) {
  info("transport/mqtt", "client connected",
       {{"client", "press-01"}, {"port", 1883}, {"bytes", std::uint64_t{7}}});
  EXPECT_EQ(only_line(),
            " level=info room=transport/mqtt msg=\"client connected\" client=press-01 port=1883 bytes=7");
  error("store", "disk full");
  EXPECT_EQ(only_line(), " level=error room=store msg=\"disk full\"");
}

TEST_F(LogTest, LevelsBelowTheLeastAreNotWritten) {
  debug("net", "no");
  EXPECT_TRUE(lines.empty());
  set_level(Level::debug);
  debug("net", "yes");
  EXPECT_EQ(only_line(), " level=debug room=net msg=\"yes\"");
  set_level(Level::error);
  warning("net", "no");
  refusal("net", "no", "peer");
  EXPECT_TRUE(lines.empty());
  EXPECT_FALSE(enabled(Level::warning));
  EXPECT_TRUE(enabled(Level::error));
}

TEST_F(LogTest, ValuesAreQuotedWhereTheyNeedIt) {
  EXPECT_EQ(value_line("plain-1.2/3"), "k=plain-1.2/3");
  EXPECT_EQ(value_line(""), "k=\"\"");
  EXPECT_EQ(value_line("two words"), "k=\"two words\"");
  EXPECT_EQ(value_line("a=b"), "k=\"a=b\"");
  EXPECT_EQ(value_line("say \"hi\"\\"), "k=\"say \\\"hi\\\"\\\\\"");
  EXPECT_EQ(value_line("Gr\xC3\xB6\xC3\x9F"
                       "e"),
            "k=\"Gr\xC3\xB6\xC3\x9F"
            "e\"");
}

TEST_F(LogTest, NothingAPeerSendsEndsTheLine) {
  EXPECT_EQ(value_line("a\n2026-11-23T00:00:00.000Z level=error"),
            "k=\"a\\n2026-11-23T00:00:00.000Z level=error\"");
  EXPECT_EQ(value_line("\r\t\x1b[31m"), "k=\"\\r\\t\\x1b[31m\"");
  EXPECT_EQ(value_line(std::string_view("\0\x7f", 2)), "k=\"\\x00\\x7f\"");
  EXPECT_EQ(value_line("\xff\xc3"), "k=\"\\xff\\xc3\"");
  EXPECT_EQ(value_line("\xC2\x9b\xE2\x80\xA8\xE2\x80\xAE"), "k=\"\\u009b\\u2028\\u202e\"");
  info("net\nx", "line\nbreak", {{"k ey", "v"}});
  EXPECT_EQ(only_line(), " level=info room=net_x msg=\"line\\nbreak\" k_ey=v");
}

TEST_F(LogTest, EveryByteStaysInsideItsLine) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string written = value_line(std::string("a") + static_cast<char>(byte));
    for (const char c : written) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << byte;
  }
}

TEST_F(LogTest, LongValuesAreCut) {
  const std::string written = value_line(std::string(kMaxLogValueBytes + 1, 'x'));
  EXPECT_EQ(written, "k=\"" + std::string(kMaxLogValueBytes, 'x') + "...\"");
  EXPECT_EQ(value_line(std::string(kMaxLogValueBytes, 'x')), "k=" + std::string(kMaxLogValueBytes, 'x'));
}

TEST_F(LogTest, RefusalsOfOnePeerAreWrittenOnce) {
  for (int i = 0; i < 50; ++i) refusal("net", "test refusal", "192.0.2.1", {{"reason", "bad"}});
  EXPECT_EQ(only_line(), " level=warning room=net msg=\"test refusal\" peer=192.0.2.1 reason=bad");
  refusal("net", "test refusal", "192.0.2.2");
  EXPECT_EQ(only_line(), " level=warning room=net msg=\"test refusal\" peer=192.0.2.2");
}

TEST_F(LogTest, StandardErrorGetsTheLineWithoutASink) {
  set_sink(nullptr);
  testing::internal::CaptureStderr();
  info("net", "{} braces %s stay");
  const std::string written = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(written.ends_with(" level=info room=net msg=\"{} braces %s stay\"\n")) << written;
}

TEST_F(LogTest, ServesSeveralThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int n = 0; n < 100; ++n) {
        info("net", "m");
        refusal("net", "from threads", "192.0.2.3");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(lines.size(), 401U);
}

struct RefusalSamplerTest : testing::Test {
  std::optional<std::uint64_t> admit(std::string_view message, std::string_view peer,
                                     std::chrono::seconds at) {
    return sampler.admit(message, peer, Instant{at});
  }
  RefusalSampler sampler;
};

TEST_F(RefusalSamplerTest, CountsWhatItHoldsBack) {
  using std::chrono::seconds;
  EXPECT_EQ(admit("m", "p", seconds{0}), 0U);
  EXPECT_EQ(admit("m", "p", seconds{1}), std::nullopt);
  EXPECT_EQ(admit("m", "p", seconds{59}), std::nullopt);
  EXPECT_EQ(admit("n", "p", seconds{59}), 0U);
  EXPECT_EQ(admit("m", "p", seconds{60}), 2U);
  EXPECT_EQ(admit("m", "p", seconds{61}), std::nullopt);
  EXPECT_EQ(admit("m", "p", seconds{120}), 1U);
}

TEST_F(RefusalSamplerTest, MessageAndPeerDoNotRunTogether) {
  EXPECT_EQ(admit("ab", "c", {}), 0U);
  EXPECT_EQ(admit("a", "bc", {}), 0U);
}

TEST_F(RefusalSamplerTest, AFullTableTreatsNewPeersAsOne) {
  using std::chrono::seconds;
  for (std::size_t i = 0; i < kMaxRefusalEntries; ++i)
    EXPECT_EQ(admit("m", std::to_string(i), seconds{0}), 0U);
  EXPECT_EQ(admit("m", "7", seconds{1}), std::nullopt);
  EXPECT_EQ(admit("m", "new", seconds{1}), 0U);
  EXPECT_EQ(admit("m", "newer", seconds{2}), std::nullopt);
  EXPECT_EQ(admit("x", "newest", seconds{3}), std::nullopt);
  EXPECT_LE(sampler.size(), kMaxRefusalEntries + 1);
  // Once the old entries have gone, a new peer is told apart again.
  EXPECT_EQ(admit("m", "later", seconds{62}), 0U);
  EXPECT_EQ(sampler.size(), 2U);
}

}  // namespace
}  // namespace dunlin::log
