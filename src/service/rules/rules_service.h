#pragma once
// Runs the rules over what devices publish.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "hub/bus.h"
#include "model/operation.h"
#include "model/retry.h"
#include "service/alarm/alarm_service.h"
#include "service/rules/basic_ingest.h"
#include "service/rules/rule.h"
#include "service/rules/rule_index.h"
#include "store/keyed.h"
#include "store/repository.h"

namespace dunlin::rules {

/// Everything it works with; all must outlive it.
struct RulesEnvironment {
  Executor& executor;
  hub::Bus& bus;
  store::Keyed& keyed;
  store::Repository& repository;
  alarm::AlarmService& alarms;
  metrics::Registry& metrics;
  /// Whether a message makes no rule act: its thing is in maintenance. Null: none does.
  std::function<bool(const hub::Message&)> muted = {};
};

/// One executor's thread; completions run there.
class RulesService {
 public:
  using RuleDone = std::move_only_function<void(Result<boost::json::object>)>;

  explicit RulesService(RulesEnvironment environment);

  /// Reads the rules and takes up the journal where it left off. `started` runs once.
  void start(std::move_only_function<void(Result<void>)> started);

  /// Makes or replaces a rule, in force for messages that come after `done`. Errors: invalid_argument,
  /// malformed, limit_exceeded. `together` goes into the same write: the audit record.
  void put(TenantId tenant, const boost::json::object& document, RuleDone done,
           std::vector<store::Change> together = {});
  /// Errors: not_found.
  void remove(TenantId tenant, const std::string& name, RuleDone done,
              std::vector<store::Change> together = {});

  std::size_t size() const { return rules_.size(); }

  /// Whether a rule that runs takes messages of the topic.
  bool follows(TenantId tenant, std::string_view topic) const;
  /// Whether one may take some below a prefix of whole levels, which ends with '/'. Known at once where it
  /// was asked last.
  bool follows_below(std::string_view prefix) const;

  /// Declares rule.list, put, get, delete.
  void declare(model::OperationTable& table);

 private:
  struct Round;
  using RuleMap = std::map<std::string, Rule>;  // by tenant | name

  void load(std::string after, std::move_only_function<void(Result<void>)> started);
  void consume(std::vector<hub::JournalPosition> from);
  void take(std::vector<hub::Delivery> batch, Task done);
  void run_rules(const hub::Delivery& delivery, Round& round);
  /// The one rule that a topic names.
  void run_named(const BasicIngest& ingest, const hub::Message& message, Round& round);
  void run_rule(const Rule& rule, const hub::Message& message, Round& round);
  /// The rules are others now.
  void forget_index();
  RuleIndex& index();
  enum class Where : std::uint8_t { holds, does_not };
  bool may_go_on(const hub::Message& cause, const Rule& rule);
  void find(const AlarmAction& action, const Rule& rule, Where where, const hub::Message& message,
            Round& round);
  void make_message(const RepublishAction& action, const Rule& rule, const hub::Message& cause, Round& round);
  void publish(std::shared_ptr<Round> round);
  void answered_all(const std::shared_ptr<Round>& round);
  void save(std::shared_ptr<Round> round);
  void finish(Round& round);

  RulesEnvironment environment_;
  PrincipalRef self_;
  SystemRng rng_;
  Machine machine_{rng_};
  Environment language_;
  std::string output_;  // of a SELECT list, kept for its memory
  RuleMap rules_;
  mutable std::optional<std::pair<std::string, bool>> asked_below_;  // of the rules that there are
  std::optional<RuleIndex> index_;                                   // of them; made when it is needed
  std::vector<RuleMap::const_iterator> indexed_;                     // by their numbers there
  std::vector<hub::JournalPosition> positions_;
  std::unique_ptr<hub::Consumer> consumer_;
  model::Retry retry_;
  metrics::Cell& evaluated_;
  metrics::Cell& matched_;
  metrics::Cell& republished_;
  metrics::Cell& stopped_;
  metrics::Cell& failed_;
  metrics::Cell& muted_;
  metrics::Cell& not_found_;
};

}  // namespace dunlin::rules
