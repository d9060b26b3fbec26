#pragma once
// Statements on messages without a server: what `dunlin rule eval` does with each line.

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/rng.h"
#include "service/rules/statement.h"

namespace dunlin::rules {

inline constexpr std::size_t kMaxCaseBytes = std::size_t{1024} * 1024;

/// Format: docs/guide/rules.md. One thread.
class CaseEvaluator {
 public:
  CaseEvaluator(Rng& rng, const Clock& clock) : clock_(clock), machine_(rng) {}

  /// {"id","sql" or "template","topic","payload" or "payload_raw","client_id","rule_name"} to
  /// {"id","fired","output"},
  /// {"id","string"} or {"id","error"}, without the line's end.
  std::string evaluate(std::string_view line);
  /// How many lines were no such case.
  std::size_t unreadable() const { return unreadable_; }

 private:
  struct Case;

  Result<Case> read(std::string_view line);
  std::string run_statement(const Case& given);
  std::string run_template(const Case& given);
  std::string fired(const Statement& statement, const Case& given);
  void begin(const Case& given);

  const Clock& clock_;
  Machine machine_;
  JsonReader reader_;
  Arena arena_{kMaxParsedBytes};
  Environment language_;
  std::size_t unreadable_ = 0;
};

}  // namespace dunlin::rules
