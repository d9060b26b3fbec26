// The small values of the room: slices, random numbers, text forms of bytes and times, clocks, results.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/base64.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/rng.h"
#include "base/slice.h"
#include "base/time_text.h"

namespace dunlin {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(SliceTest, CopiesAndPartsShareTheBytes) {
  Slice part;
  {
    const Slice whole = Slice::copy_of("hello world");
    const Slice copy = whole;
    EXPECT_EQ(copy.data(), whole.data());
    part = whole.sub(6, 5);
    EXPECT_EQ(part.data(), whole.data() + 6);
  }
  EXPECT_EQ(part.text(), "world");
  EXPECT_EQ(part.sub(1, 3).text(), "orl");
  EXPECT_TRUE(part.sub(5, 0).empty());
}

TEST(SliceTest, MovesLeaveTheEmptySlice) {
  Slice from = Slice::copy_of("abc");
  const Slice to = std::move(from);
  EXPECT_EQ(to.text(), "abc");
  EXPECT_TRUE(from.empty());  // NOLINT: the moved-from state is promised
  Slice self = to;
  self = *&self;
  EXPECT_EQ(self, to);
}

TEST(SliceTest, ConcatenatesAndComparesBytes) {
  EXPECT_EQ(Slice::concat(as_bytes("ab"), as_bytes("cd")).text(), "abcd");
  EXPECT_EQ(Slice::concat({}, as_bytes("cd")), Slice::copy_of("cd"));
  EXPECT_EQ(Slice::concat({}, {}).data(), nullptr);
  EXPECT_FALSE(Slice::copy_of("a") == Slice::copy_of("b"));
  static constexpr std::string_view kText = "static";
  const Slice still = Slice::of_static(kText);
  EXPECT_EQ(static_cast<const void*>(still.data()), kText.data());
  EXPECT_EQ(still.sub(2, 2).text(), "at");
}

TEST(SliceTest, IsSharedBetweenThreads) {
  const Slice whole = Slice::copy_of("shared");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([mine = whole] {
      for (int n = 0; n < 1000; ++n) EXPECT_EQ(Slice(mine).sub(0, 2).text(), "sh");
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(whole.text(), "shared");
}

TEST(SliceDeathTest, APartMustLieInside) {
  const Slice slice = Slice::copy_of("abc");
  EXPECT_DEATH(slice.sub(2, 2), "assertion failed");
  EXPECT_DEATH(slice.sub(4, 0), "assertion failed");
  EXPECT_DEATH(slice.sub(1, SIZE_MAX), "assertion failed");
}

TEST(RngTest, StaysBelowItsBoundAndReachesEveryValue) {
  SeededRng rng(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(rng.below(7));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(rng.below(1), 0U);
  for (int i = 0; i < 1000; ++i) {
    const double unit = rng.unit();
    EXPECT_TRUE(unit >= 0 && unit < 1);
  }
}

TEST(RngTest, ASeedRepeatsItsSequence) {
  SeededRng a(42);
  SeededRng b(42);
  SeededRng c(43);
  EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(a.next(), c.next());
  // SplitMix64's published sequence for the seed 1234567.
  SeededRng known(1234567);
  EXPECT_EQ(known.next(), 6457827717110365317ULL);
  EXPECT_EQ(known.next(), 3203168211198807973ULL);
}

TEST(RngTest, UuidIsVersionFour) {
  SystemRng rng;
  const std::string uuid = rng.uuid();
  ASSERT_EQ(uuid.size(), 36U);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) EXPECT_EQ(uuid[at], '-');
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos);
  EXPECT_NE(rng.uuid(), uuid);
}

TEST(RngTest, FillsEveryLength) {
  SystemRng rng;
  rng.fill({});
  Bytes bytes(1000, 0);
  rng.fill(bytes);
  EXPECT_GT(std::set<int>(bytes.begin(), bytes.end()).size(), 100U);
}

TEST(RngDeathTest, ABoundOfZeroIsABug) {
  SeededRng rng(1);
  EXPECT_DEATH(rng.below(0), "assertion failed");
}

TEST(HexTest, RoundTripAndRefusals) {
  EXPECT_EQ(to_hex(Bytes{0x00, 0xff, 0x1a}), "00ff1a");
  EXPECT_EQ(from_hex("00FF1a").value(), (Bytes{0x00, 0xff, 0x1a}));
  EXPECT_TRUE(from_hex("").value().empty());
  for (const char* text : {"0", "0g", "g0", " 00", "0x00", "-1"}) {
    ASSERT_FALSE(from_hex(text)) << text;
    EXPECT_EQ(from_hex(text).error().code, Errc::malformed);
  }
}

TEST(Base64Test, TheVectorsOfRfc4648) {
  const std::array<std::pair<std::string_view, std::string_view>, 7> vectors{{{"", ""},
                                                                              {"f", "Zg=="},
                                                                              {"fo", "Zm8="},
                                                                              {"foo", "Zm9v"},
                                                                              {"foob", "Zm9vYg=="},
                                                                              {"fooba", "Zm9vYmE="},
                                                                              {"foobar", "Zm9vYmFy"}}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(as_text(from_base64(encoded).value()), plain);
    const std::string_view unpadded = encoded.substr(0, encoded.find('='));
    EXPECT_EQ(to_base64url(as_bytes(plain)), unpadded);
    EXPECT_EQ(as_text(from_base64url(unpadded).value()), plain);
  }
  EXPECT_EQ(to_base64(Bytes{0xfb, 0xff, 0xfe}), "+//+");
  EXPECT_EQ(to_base64url(Bytes{0xfb, 0xff, 0xfe}), "-__-");
}

TEST(Base64Test, OneTextForEachRunOfBytes) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Zm8=Zm8=", "Z g=", "Zg==\n",
                           "-__-", "Zm9v="}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
  for (const char* text : {"Zg==", "Z", "Zh", "+//+", "Zm9v\n"}) EXPECT_FALSE(from_base64url(text)) << text;
}

TEST(Base64Test, EveryLengthReadsBack) {
  SeededRng rng(3);
  for (std::size_t length = 0; length < 100; ++length) {
    Bytes bytes(length);
    rng.fill(bytes);
    EXPECT_EQ(from_base64(to_base64(bytes)).value(), bytes);
    EXPECT_EQ(from_base64url(to_base64url(bytes)).value(), bytes);
  }
}

TEST(TimeTextTest, FormatsUtcWithMilliseconds) {
  EXPECT_EQ(format_rfc3339(from_unix_milliseconds(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(from_unix_milliseconds(1'795'399'384'123)), "2026-11-23T02:03:04.123Z");
  EXPECT_EQ(format_rfc3339(from_unix_nanoseconds(999'999)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(from_unix_nanoseconds(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_rfc3339_exact(from_unix_nanoseconds(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339_exact(from_unix_nanoseconds(-1)), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(format_rfc3339_exact(from_unix_milliseconds(1'500)), "1970-01-01T00:00:01.5Z");
}

TEST(TimeTextTest, ParsesOffsetsFractionsAndLeapSeconds) {
  const WallTime time = from_unix_milliseconds(1'795'399'384'000);
  EXPECT_EQ(parse_rfc3339("2026-11-23T02:03:04Z").value(), time);
  EXPECT_EQ(parse_rfc3339("2026-11-23t02:03:04z").value(), time);
  EXPECT_EQ(parse_rfc3339("2026-11-23T04:33:04+02:30").value(), time);
  EXPECT_EQ(parse_rfc3339("2026-11-22T21:03:04-05:00").value(), time);
  EXPECT_EQ(parse_rfc3339("2026-11-23T02:03:04.5Z").value(), time + std::chrono::milliseconds{500});
  EXPECT_EQ(parse_rfc3339("2026-11-23T02:03:04.1234567899Z").value(), time + Duration{123'456'789});
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z").value(), parse_rfc3339("2017-01-01T00:00:00Z").value());
}

TEST(TimeTextTest, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2026-11-23", "2026-11-23 02:03:04Z", "2026-11-23T02:03:04", "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T02:60:04Z", "2026-11-23T02:03:61Z",
        "2026-11-23T02:03:60Z", "2026-11-23T02:03:04.Z", "2026-11-23T02:03:04+24:00",
        "2026-11-23T02:03:04+02:60", "2026-11-23T02:03:04+0200", "2026-11-23T02:03:04ZZ",
        "+026-11-23T02:03:04Z", "2026-1-23T02:03:04Z"}) {
    ASSERT_FALSE(parse_rfc3339(text)) << text;
    EXPECT_EQ(parse_rfc3339(text).error().code, Errc::malformed) << text;
  }
  EXPECT_FALSE(parse_rfc3339("2026-11-23T02:03:04." + std::string(kMaxTimeTextBytes, '0') + "Z"));
  EXPECT_EQ(parse_rfc3339("1500-01-01T00:00:00Z").error().code, Errc::invalid_argument);
  EXPECT_EQ(parse_rfc3339("9999-01-01T00:00:00Z").error().code, Errc::invalid_argument);
}

TEST(TimeTextTest, ReadsBackWhatItWrote) {
  SeededRng rng(5);
  for (int i = 0; i < 2000; ++i) {
    const std::int64_t milliseconds =
        static_cast<std::int64_t>(rng.below(18'000'000'000'000)) - 9'000'000'000'000;
    const WallTime time = from_unix_milliseconds(milliseconds);
    EXPECT_EQ(parse_rfc3339(format_rfc3339(time)).value(), time);
  }
}

TEST(ClockTest, VirtualTimeMovesOnlyForward) {
  VirtualClock clock;
  const WallTime start = clock.wall_now();
  clock.advance_to(Instant{std::chrono::seconds{5}});
  clock.advance_to(Instant{std::chrono::seconds{3}});
  EXPECT_EQ(clock.now(), Instant{std::chrono::seconds{5}});
  EXPECT_EQ(clock.wall_now() - start, std::chrono::seconds{5});
}

TEST(ClockTest, TheSystemsClockDoesNotStepBack) {
  const SystemClock clock;
  const Instant before = clock.now();
  EXPECT_GE(clock.now(), before);
  EXPECT_GT(unix_milliseconds(clock.wall_now()), 1'700'000'000'000);
}

TEST(ResultTest, ACoreErrorWidens) {
  const auto narrow = []() -> core::Result<int> { return core::fail(Errc::malformed, "too short"); };
  const auto wide = [&]() -> Result<int> {
    DUNLIN_TRY(const int value, narrow());
    return value;
  };
  ASSERT_FALSE(wide());
  EXPECT_EQ(wide().error().code, Errc::malformed);
  EXPECT_EQ(wide().error().message, "too short");
}

}  // namespace
}  // namespace dunlin
