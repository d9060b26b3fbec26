#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "load/tls_cost.h"

namespace dunlin::load {
namespace {

double ratio_of(const TlsRound& round) {
  const double ours = round.server.microseconds();
  return ours > 0 ? round.in_memory.microseconds() / ours : 0;
}

/// The one in the middle by `value`.
template <class Value>
const TlsRound& median(std::vector<TlsRound>& rounds, Value value) {
  const auto middle = rounds.begin() + static_cast<std::ptrdiff_t>(rounds.size() / 2);
  std::ranges::nth_element(rounds, middle, {}, value);
  return *middle;
}

boost::json::object side_json(const net::HandshakeCost& cost) {
  return {{"us", cost.microseconds()}, {"per_cpu_second", cost.per_second()}};
}

}  // namespace

TlsFigures figures_of(net::HandshakeKind kind, const std::vector<TlsRound>& rounds) {
  std::vector<TlsRound> sorted = rounds;
  TlsFigures figures;
  figures.kind = kind;
  figures.server = median(sorted, [](const TlsRound& round) { return round.server.microseconds(); }).server;
  figures.in_memory =
      median(sorted, [](const TlsRound& round) { return round.in_memory.microseconds(); }).in_memory;
  figures.ratio = ratio_of(median(sorted, ratio_of));
  return figures;
}

std::string tls_report_text(const std::vector<TlsFigures>& figures) {
  std::string text =
      "TLS 1.3 handshakes a second of CPU time, P-256, chains of leaf, intermediate and root\n";
  text += fmt::format("  {:<13} {:>17} {:>17} {:>7}\n", "", "server", "OpenSSL in memory", "ratio");
  for (const TlsFigures& one : figures) {
    const auto side = [](const net::HandshakeCost& cost) {
      return fmt::format("{:.0f} ({:.0f} us)", cost.per_second(), cost.microseconds());
    };
    text += fmt::format("  {:<13} {:>17} {:>17} {:>6.0f}% {}\n", handshake_kind_name(one.kind),
                        side(one.server), side(one.in_memory), 100 * one.ratio,
                        one.ratio >= kHandshakeGoal ? "" : "below the goal");
  }
  return text + fmt::format("  goal: at least {:.0f} %\n", 100 * kHandshakeGoal);
}

std::string tls_report_json(const std::vector<TlsFigures>& figures) {
  boost::json::object all{{"goal", kHandshakeGoal}};
  for (const TlsFigures& one : figures) {
    all[handshake_kind_name(one.kind)] = boost::json::object{{"handshakes_a_round", one.server.handshakes},
                                                             {"server", side_json(one.server)},
                                                             {"in_memory", side_json(one.in_memory)},
                                                             {"ratio", one.ratio}};
  }
  return boost::json::serialize(all);
}

}  // namespace dunlin::load
