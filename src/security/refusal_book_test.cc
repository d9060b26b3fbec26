// The picture of an attack is right about who is refused most, takes no memory for it however many come, and
// holds whatever they call themselves.
#include "security/refusal_book.h"

#include <gmock/gmock.h>
#include <malloc.h>

#include <thread>

#include "base/rng.h"
#include "security/names.h"
#include "security/penalty.h"

namespace dunlin::security {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Refusal password_of(std::string_view address, std::string_view device, std::string_view user) {
  return {
      .kind = RefusalKind::password, .address = address, .device = device, .user = user, .reason = "wrong"};
}

std::string spoofed(std::uint64_t number) {
  return "2001:db8:" + std::to_string(number / 10'000 % 10'000) + ":" + std::to_string(number % 10'000) +
         "::" + std::to_string(1 + number % 7);
}

class RefusalBookTest : public testing::Test {
 protected:
  RefusalBook::Picture picture(std::size_t limit = 100,
                               RefusalBook::Span span = RefusalBook::Span::hour) const {
    return book_.picture(limit, span);
  }
  void pass(Duration time) { clock_.advance_to(clock_.now() + time); }
  std::uint64_t count_of(RefusalKind kind) const {
    return picture().kinds[static_cast<std::size_t>(kind)].count;
  }

  VirtualClock clock_;
  metrics::Registry registry_;
  RefusalBook book_{clock_, registry_};
};

TEST_F(RefusalBookTest, BeginsEmpty) {
  const auto now = picture();
  EXPECT_EQ(now.total, 0U);
  EXPECT_THAT(now.addresses, IsEmpty());
  EXPECT_THAT(now.history, IsEmpty());
  EXPECT_THAT(now.recent, IsEmpty());
}

TEST_F(RefusalBookTest, CountsByKindAddressDeviceAndUser) {
  pass(std::chrono::seconds{5});
  for (int i = 0; i < 3; ++i) book_.refused(password_of("192.0.2.7:1234", "press-01", "ada"));
  book_.refused({.kind = RefusalKind::tls_failed, .address = "192.0.2.8", .reason = "no cipher"});
  const auto now = picture();
  EXPECT_EQ(now.total, 4U);
  EXPECT_EQ(count_of(RefusalKind::password), 3U);
  EXPECT_EQ(count_of(RefusalKind::tls_failed), 1U);
  EXPECT_EQ(count_of(RefusalKind::jwt), 0U);
  ASSERT_THAT(now.addresses, SizeIs(2));
  EXPECT_EQ(now.addresses[0].name.view(), "192.0.2.7") << "without the port";
  EXPECT_EQ(now.addresses[0].count, 3U);
  EXPECT_EQ(now.addresses[0].over, 0U);
  EXPECT_EQ(now.addresses[0].peer.view(), "press-01");
  EXPECT_EQ(now.addresses[1].reason.view(), "no cipher");
  ASSERT_THAT(now.devices, SizeIs(1));
  EXPECT_EQ(now.devices[0].peer.view(), "192.0.2.7");
  ASSERT_THAT(now.users, SizeIs(1));
  EXPECT_EQ(now.users[0].name.view(), "ada");
  EXPECT_EQ(registry_.value("dunlin_refusals_total", {{"kind", "password"}}), 3);
  EXPECT_EQ(registry_.value("dunlin_refusals_total"), 4);
}

TEST_F(RefusalBookTest, AnIpv6NetworkIsOneAddress) {
  book_.refused(password_of("[2001:db8:0:1::5]:99", "", ""));
  book_.refused(password_of("2001:db8:0:1:aaaa:bbbb:cccc:dddd", "", ""));
  book_.refused(password_of("::ffff:192.0.2.7", "", ""));
  const auto now = picture();
  ASSERT_THAT(now.addresses, SizeIs(2));
  EXPECT_EQ(now.addresses[0].name.view(), "2001:db8:0:1::/64");
  EXPECT_EQ(now.addresses[0].count, 2U);
  EXPECT_EQ(now.addresses[1].name.view(), "192.0.2.7");
}

TEST_F(RefusalBookTest, TheShownNetworkIsThePenaltysNetwork) {
  for (const char* address : {"192.0.2.7:80", "[2001:db8:0:1::5]:99", "fe80::1", "::1", "unix:uid=1000",
                              "::ffff:192.0.2.7", "no address"}) {
    EXPECT_EQ(network_of(network_text(address)), network_of(address)) << address;
  }
  EXPECT_EQ(network_text("fe80::1"), "fe80::/64");
  EXPECT_EQ(network_text("::1"), "::1");
  EXPECT_EQ(network_text("unix:uid=1000"), "unix:uid=1000");
}

TEST_F(RefusalBookTest, FindsTheHeavyOnesAmongMillionsOfSpoofedAddresses) {
  constexpr std::uint64_t kSpoofed = 200'000;
  const std::string heavy = "198.51.100.9";
  for (std::uint64_t i = 0; i < kSpoofed; ++i) {
    book_.refused({.kind = RefusalKind::connection_rate, .address = spoofed(i)});
    if (i % 50 == 0) book_.refused(password_of(heavy, "press-01", ""));
  }
  const auto now = picture(3);
  ASSERT_THAT(now.addresses, SizeIs(3));
  EXPECT_EQ(now.addresses[0].name.view(), heavy);
  const std::uint64_t real = kSpoofed / 50;
  EXPECT_GE(now.addresses[0].count, real) << "never too low";
  EXPECT_LE(now.addresses[0].sure(), real) << "and what it may be too high by is said";
  EXPECT_EQ(now.total, kSpoofed + real);
}

TEST_F(RefusalBookTest, TakesNoMemoryUnderAttack) {
  const auto flood = [this](std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) {
      const std::string name = "device-" + std::to_string(i * 7919) + std::string(i % 200, 'x');
      book_.refused(password_of(spoofed(i), name, name));
      if (i % 100 == 0) pass(std::chrono::seconds{3});
    }
  };
  flood(0, 2000);
  const std::size_t before = mallinfo2().uordblks;
  flood(2000, 300'000);
  const std::size_t after = mallinfo2().uordblks;
  EXPECT_LT(after, before + 16 * 1024);
}

TEST_F(RefusalBookTest, WhoIsQuietIsForgottenAndTheOthersStay) {
  for (int i = 0; i < 1000; ++i) book_.refused(password_of("192.0.2.1", "", ""));
  pass(kTalkerMemory - std::chrono::minutes{1});
  book_.refused(password_of("192.0.2.2", "", ""));
  EXPECT_THAT(picture().addresses, SizeIs(2));
  pass(std::chrono::minutes{2});
  ASSERT_THAT(picture().addresses, SizeIs(1));
  EXPECT_EQ(picture().addresses[0].name.view(), "192.0.2.2");
  // Those that were forgotten give their places to new ones, however often they were refused.
  for (int i = 0; i < 255; ++i) book_.refused(password_of("10.0.0." + std::to_string(i), "", ""));
  for (int i = 0; i < 200; ++i) book_.refused(password_of("10.1.0." + std::to_string(i), "", ""));
  for (const Talker& talker : picture(1000).addresses) EXPECT_NE(talker.name.view(), "192.0.2.1");
  EXPECT_EQ(picture(1000).addresses.size(), kMaxTalkers);
}

TEST_F(RefusalBookTest, RecentIsOfTheLastMinutes) {
  for (int i = 0; i < 10; ++i) book_.refused(password_of("192.0.2.1", "", ""));
  const auto recent = [&] { return TopTalkers::recent(picture().addresses.at(0), clock_.now()); };
  EXPECT_EQ(recent(), 10U);
  pass(kTalkerSpan);
  book_.refused(password_of("192.0.2.1", "", ""));
  EXPECT_EQ(recent(), 11U);
  pass(kTalkerSpan);
  EXPECT_EQ(recent(), 1U) << "the span before";
  pass(kTalkerSpan);
  EXPECT_EQ(recent(), 0U);
  EXPECT_EQ(picture().addresses.at(0).count, 11U);
}

TEST_F(RefusalBookTest, TheHistorySaysWhenAndForgetsWhatIsOlder) {
  pass(std::chrono::seconds{7});
  book_.refused(password_of("192.0.2.1", "", ""));
  pass(kRefusalStep);
  book_.refused(password_of("192.0.2.1", "", ""));
  book_.refused({.kind = RefusalKind::jwt});
  pass(3 * kRefusalStep);
  const auto rows = picture().history;
  ASSERT_THAT(rows, SizeIs(5));
  const auto passwords = [](const RefusalHistory::Row& row) {
    return row.counts[static_cast<std::size_t>(RefusalKind::password)];
  };
  std::vector<std::uint32_t> counts;
  for (const auto& row : rows) counts.push_back(passwords(row));
  EXPECT_THAT(counts, ElementsAre(1, 1, 0, 0, 0));
  EXPECT_EQ(rows[1].counts[static_cast<std::size_t>(RefusalKind::jwt)], 1U);
  EXPECT_EQ(rows[0].ago, 4 * kRefusalStep + std::chrono::seconds{7});
  pass(std::chrono::hours{1});
  const auto later = picture().history;
  EXPECT_EQ(later.size(), kRefusalSteps);
  for (const auto& row : later) EXPECT_EQ(passwords(row), 0U);
  book_.refused(password_of("192.0.2.1", "", ""));
  EXPECT_EQ(passwords(picture().history.back()), 1U);
  EXPECT_EQ(passwords(picture().history.front()), 0U);
  const auto day = picture(10, RefusalBook::Span::day);
  EXPECT_EQ(day.step, kRefusalLongStep);
  EXPECT_EQ(passwords(day.history.front()), 2U);
}

TEST_F(RefusalBookTest, HoldsHostileNamesAndCutsThem) {
  const std::string long_name(100'000, 'a');
  const std::string umlauts = std::string(63, 'b') + "\xc3\xa4";  // the 64th byte is half a character
  const std::string bytes("\xff\xfe\0<script>", 11);
  for (const std::string& name : {long_name, umlauts, bytes}) {
    book_.refused(
        {.kind = RefusalKind::client_id, .address = name, .device = name, .user = name, .reason = name});
  }
  const auto now = picture();
  ASSERT_THAT(now.devices, SizeIs(3));
  for (const Talker& talker : now.devices) EXPECT_LE(talker.name.view().size(), kMaxTalkerName);
  const auto newest = now.recent.at(1);
  EXPECT_EQ(newest.device.view(), std::string(63, 'b')) << "never half a character";
  EXPECT_EQ(shown_text(now.recent.at(0).device.view(), kMaxTalkerName), std::string(3, '?') + "<script>");
  book_.refused({.kind = RefusalKind::client_id, .device = long_name});
  EXPECT_THAT(picture().devices, SizeIs(3)) << "a long name is found again";
}

TEST_F(RefusalBookTest, TheNewestComeFirstAndAreBounded) {
  for (int i = 0; i < 200; ++i) book_.refused(password_of("192.0.2.1", "d" + std::to_string(i), ""));
  const auto now = picture(1000);
  ASSERT_EQ(now.recent.size(), kRecentRefusals);
  EXPECT_EQ(now.recent[0].device.view(), "d199");
  EXPECT_EQ(now.recent[63].device.view(), "d136");
  const auto news = book_.news(197, 20);
  ASSERT_THAT(news.recent, SizeIs(3));
  EXPECT_EQ(news.recent[2].device.view(), "d197");
  EXPECT_THAT(book_.news(news.total, 20).recent, IsEmpty());
  EXPECT_THAT(book_.news(0, 20).recent, SizeIs(20));
}

TEST_F(RefusalBookTest, ManyThreadsLoseNothing) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5000;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      const std::string address = "192.0.2." + std::to_string(t);
      for (int i = 0; i < kEach; ++i) book_.refused(password_of(address, "", ""));
    });
  }
  for (int i = 0; i < 50; ++i) (void)picture();
  threads.clear();
  EXPECT_EQ(picture().total, std::uint64_t{kThreads} * kEach);
  for (const Talker& talker : picture().addresses) EXPECT_EQ(talker.count, std::uint64_t{kEach});
  EXPECT_EQ(registry_.value("dunlin_refusals_total"), kThreads * kEach);
}

// Against a map that forgets nothing.
TEST(TopTalkersTest, IsRightWithinItsOwnBoundForAnyMixture) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRng rng(seed);
    TopTalkers talkers;
    std::map<std::string, std::uint64_t> truth;
    constexpr std::uint64_t kAll = 20'000;
    for (std::uint64_t i = 0; i < kAll; ++i) {
      const std::uint64_t draw = rng.below(1000);
      const std::string name = draw < 300   ? "heavy-" + std::to_string(rng.below(5))
                               : draw < 700 ? "some-" + std::to_string(rng.below(100))
                                            : "once-" + std::to_string(i);
      ++truth[name];
      talkers.add(name, "", {.kind = RefusalKind::token}, Instant{std::chrono::milliseconds{i}});
    }
    EXPECT_LE(talkers.size(), kMaxTalkers);
    const auto top = talkers.top(kMaxTalkers, Instant{std::chrono::milliseconds{kAll}});
    for (std::size_t i = 0; i < 5; ++i) EXPECT_TRUE(top[i].name.view().starts_with("heavy-")) << seed;
    for (const Talker& talker : top) {
      const std::uint64_t real = truth[std::string(talker.name.view())];
      EXPECT_LE(talker.sure(), real) << talker.name.view();
      EXPECT_GE(talker.count, real) << talker.name.view();
    }
    EXPECT_TRUE(std::ranges::is_sorted(top, std::greater(), &Talker::sure));
  }
}

TEST(PenaltyTableTest, SaysWhoWaitsAndForgives) {
  using Of = PenaltyTable::Waiting::Of;
  VirtualClock clock;
  PenaltyTable table(clock);
  for (int i = 0; i < 8; ++i) {
    table.failed("token|" + network_of("192.0.2.7") + "|press-01", std::chrono::minutes{15});
    table.failed("address|" + network_of("192.0.2.7"), std::chrono::minutes{15});
    table.failed("user|a|b", std::chrono::seconds{30});
    table.failed("code|a|b", std::chrono::minutes{15});
  }
  table.failed("address|" + network_of("192.0.2.8"), std::chrono::minutes{15});
  const auto waiting = table.waiting();
  EXPECT_THAT(waiting, SizeIs(4)) << "one failure costs nothing";
  for (const auto& one : waiting) {
    EXPECT_EQ(one.subject, one.of == Of::user ? "a|b" : network_of("192.0.2.7"));
    EXPECT_EQ(one.left, std::chrono::seconds{4});
  }
  EXPECT_EQ(table.forgive({network_of("192.0.2.7"), {}, Of::address}), 2U);
  EXPECT_EQ(table.forgive({"a|b", {}, Of::user}), 2U);
  EXPECT_EQ(table.forgive({"a|b", {}, Of::user}), 0U);
  EXPECT_THAT(table.waiting(), IsEmpty());
  EXPECT_EQ(table.size(), 1U);
}

}  // namespace
}  // namespace dunlin::security
