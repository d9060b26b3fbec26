#pragma once
// Makes rollups of measurements, and deletes measurements and rollups that are older than the rules say.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "model/operation.h"
#include "service/retention/rule.h"
#include "service/series/series_store.h"
#include "store/repository.h"

namespace dunlin::retention {

/// Series looked at in one turn, and deletions, or orders of rollups, under way at once.
inline constexpr std::size_t kSeriesPerTurn = 2000;
inline constexpr std::size_t kDeletionsAtOnce = 256;
inline constexpr Duration kSweepInterval = std::chrono::hours{1};
inline constexpr Duration kFirstSweep = std::chrono::minutes{1};
inline constexpr Duration kSweepRetry = std::chrono::minutes{5};

/// Everything it works with; all must outlive it.
struct RetentionEnvironment {
  Executor& executor;
  series::SeriesStore& store;
  store::Repository& repository;
  metrics::Registry& metrics;
  /// Makes tag() know the devices of a tenant.
  std::function<void(TenantId, std::move_only_function<void(Result<void>)>)> load_tags;
  std::function<std::optional<std::string>(TenantId, std::string_view device, std::string_view name)> tag;
};

/// One executor's thread.
class RetentionService {
 public:
  explicit RetentionService(RetentionEnvironment environment);
  ~RetentionService();
  RetentionService(const RetentionService&) = delete;
  RetentionService& operator=(const RetentionService&) = delete;

  /// Reads the first tenant's rules, and sweeps from then on. Errors: those of the repository.
  void start(std::move_only_function<void(Result<void>)> started);

  /// Declares retention.list, put, delete, apply.
  void declare(model::OperationTable& table);

 private:
  using Rules = std::vector<Rule>;  // by name
  using Done = std::move_only_function<void(Result<void>)>;
  /// Its rules are read when they are asked for first.
  struct Tenant {
    enum class State : std::uint8_t { unknown, loading, known } state = State::unknown;
    Rules rules;
    std::vector<Done> waiting;
  };
  struct Sweep;

  void with_rules(TenantId tenant, Done done);
  void load(TenantId tenant);
  void loaded(TenantId tenant, const Result<void>& result);
  void sweep_in(Duration delay);
  void sweep();
  void begin_tenant(std::shared_ptr<Sweep> sweep);
  void look(std::shared_ptr<Sweep> sweep);
  void look_at(Sweep& sweep, const series::SeriesEntry& entry, WallTime now) const;
  void erase(std::shared_ptr<Sweep> sweep);
  void roll_up(std::shared_ptr<Sweep> sweep);
  void end_sweep();
  void put_off(const Error& why);
  void put(const model::Caller& caller, const boost::json::object& request, model::Reply reply);
  void remove(const model::Caller& caller, const std::string& name, model::Reply reply);

  RetentionEnvironment environment_;
  std::map<TenantId, Tenant> tenants_;
  enum class Sweeping : std::uint8_t { no, yes, again } sweeping_ = Sweeping::no;
  TimerId timer_;
  metrics::Cell& deletions_;
  metrics::Cell& sweeps_;
};

std::vector<model::OperationSpec> operations();

}  // namespace dunlin::retention
