// Handshakes with our own server beside plain OpenSSL's: that they are of the kind that was asked for, that
// all of them are counted, and what is made of the figures. Never how fast.
#include "load/tls_cost.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace dunlin::load {
namespace {

using net::HandshakeKind;
using testing::HasSubstr;

TEST(TlsBenchTest, CountsHandshakesOfEveryKindOnBothSides) {
  const auto bench = TlsBench::make();
  ASSERT_TRUE(bench) << bench.error().message;
  for (const HandshakeKind kind : kHandshakeKinds) {
    SCOPED_TRACE(std::string(handshake_kind_name(kind)));
    for (int again = 0; again < 2; ++again) {
      const auto round = (*bench)->round(kind, 16);
      ASSERT_TRUE(round) << round.error().message;
      EXPECT_EQ(round->server.handshakes, 16U);
      EXPECT_EQ(round->in_memory.handshakes, 16U);
      EXPECT_GT(round->server.cpu, Duration::zero());
      EXPECT_GT(round->in_memory.cpu, Duration::zero());
    }
  }
}

TlsRound round_of(int server_us, int in_memory_us) {
  return {{10, std::chrono::microseconds{10 * server_us}},
          {10, std::chrono::microseconds{10 * in_memory_us}}};
}

TEST(TlsBenchTest, TakesTheMedianOfTheRounds) {
  const TlsFigures figures =
      figures_of(HandshakeKind::mutual, {round_of(1000, 900), round_of(9000, 800), round_of(1250, 1000)});
  EXPECT_DOUBLE_EQ(figures.server.microseconds(), 1250);
  EXPECT_DOUBLE_EQ(figures.server.per_second(), 800);
  EXPECT_DOUBLE_EQ(figures.in_memory.microseconds(), 900);
  EXPECT_DOUBLE_EQ(figures.ratio, 0.8);
}

TEST(TlsBenchTest, ReportsBothSidesAndWhatIsBelowTheGoal) {
  const std::vector<TlsFigures> figures = {figures_of(HandshakeKind::mutual, {round_of(1000, 900)}),
                                           figures_of(HandshakeKind::resumed, {round_of(1000, 500)})};
  const std::string text = tls_report_text(figures);
  EXPECT_THAT(text, HasSubstr("1000 (1000 us)"));
  EXPECT_THAT(text, HasSubstr("50% below the goal"));
  const auto json = boost::json::parse(tls_report_json(figures));
  EXPECT_DOUBLE_EQ(json.at("mutual").at("ratio").to_number<double>(), 0.9);
  EXPECT_DOUBLE_EQ(json.at("resumed").at("server").at("per_cpu_second").to_number<double>(), 1000);
}

TEST(HandshakeCostTest, IsNothingWithoutHandshakes) {
  EXPECT_DOUBLE_EQ(net::HandshakeCost{}.microseconds(), 0);
  EXPECT_DOUBLE_EQ(net::HandshakeCost{}.per_second(), 0);
}

}  // namespace
}  // namespace dunlin::load
