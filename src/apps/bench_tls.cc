#include <cstdio>
#include <map>

#include "apps/bench_load.h"
#include "apps/commands.h"
#include "apps/configuration.h"
#include "apps/signals.h"
#include "base/cpu_time.h"
#include "load/tls_cost.h"

namespace dunlin::apps {
namespace {

using Rounds = std::map<net::HandshakeKind, std::vector<load::TlsRound>>;

/// Kind after kind and then again: what disturbs the machine for a while disturbs all of them.
Result<Rounds> measure(const BenchTlsCommand& command) {
  DUNLIN_CHECK(stay_on_one_core());
  DUNLIN_TRY(const auto bench, load::TlsBench::make());
  Rounds rounds;
  for (std::uint64_t number = 1; number <= command.rounds; ++number) {
    for (const net::HandshakeKind kind : load::kHandshakeKinds) {
      if (end_comes_within(Duration::zero())) return fail(Errc::cancelled, "ended before its time");
      show_progress("round " + std::to_string(number) + " of " + std::to_string(command.rounds) + ": " +
                    std::string(load::handshake_kind_name(kind)));
      DUNLIN_TRY(const load::TlsRound round, bench->round(kind, command.handshakes));
      rounds[kind].push_back(round);
    }
  }
  return rounds;
}

}  // namespace

int run_bench_tls(const BenchTlsCommand& command) {
  keep_end_signals();
  const auto rounds = measure(command);
  show_progress("");
  if (!rounds) return report(rounds.error());
  std::vector<load::TlsFigures> figures;
  for (const auto& [kind, of_kind] : *rounds) figures.push_back(load::figures_of(kind, of_kind));
  const std::string text = command.output == BenchTlsCommand::Output::json
                               ? load::tls_report_json(figures) + "\n"
                               : load::tls_report_text(figures);
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace dunlin::apps
