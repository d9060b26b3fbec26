// dunlin rule eval: the cases of a file through service/rules.

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

#include "apps/commands.h"
#include "apps/configuration.h"
#include "apps/pieces_in.h"
#include "service/rules/offline.h"

namespace dunlin::apps {
namespace {

/// Puts lines together from pieces, and prints the answer to each.
class Cases {
 public:
  Result<void> feed(std::string_view bytes) {
    for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      append(bytes.substr(0, end));
      DUNLIN_CHECK(answer());
      bytes.remove_prefix(end + 1);
    }
    append(bytes);
    return {};
  }
  Result<void> finish() {
    DUNLIN_CHECK(answer());
    if (std::fflush(stdout) != 0) return fail(Errc::io, "cannot write to the standard output");
    return {};
  }
  std::size_t unreadable() const { return evaluator_.unreadable(); }

 private:
  /// One byte more than a line may have is kept of a longer one, which is refused for it.
  void append(std::string_view part) {
    line_ += part.substr(0, rules::kMaxCaseBytes + 1 - std::min(line_.size(), rules::kMaxCaseBytes + 1));
  }
  Result<void> answer() {
    const bool is_blank = line_.find_first_not_of(" \t\r") == std::string::npos;
    const std::string text = is_blank ? "" : evaluator_.evaluate(line_) + "\n";
    line_.clear();
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return {};
    return fail(Errc::io, "cannot write to the standard output");
  }

  SystemRng rng_;
  SystemClock clock_;
  rules::CaseEvaluator evaluator_{rng_, clock_};
  std::string line_;
};

Result<void> run(const RuleEvalCommand& command, Cases& cases) {
  DUNLIN_CHECK(read_pieces(command.file, [&cases](std::string_view piece) { return cases.feed(piece); }));
  return cases.finish();
}

}  // namespace

int run_rule_eval(const RuleEvalCommand& command) {
  Cases cases;
  const auto done = run(command, cases);
  if (!done) return report(done.error());
  return cases.unreadable() == 0 ? 0 : 1;
}

}  // namespace dunlin::apps
