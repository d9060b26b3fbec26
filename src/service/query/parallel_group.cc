#include "service/query/parallel_group.h"

#include <algorithm>
#include <deque>

#include "base/core/assert.h"
#include "service/query/group_state.h"

namespace dunlin::query {
namespace {

/// About so many parts, each of so many units.
constexpr std::size_t kParts = 32;
constexpr std::size_t kLeastUnits = 8;
constexpr std::size_t kMostUnits = 32;
/// One is worked on while the next one is read.
constexpr std::size_t kPartsPerThread = 2;
/// Done or under way, before the first of them is put to the others.
constexpr std::size_t kPartsAheadPerThread = 8;

/// What all parts need. They may outlive the operator.
struct Shared {
  std::shared_ptr<const ScanPlan> scan;
  std::vector<RowCondition> conditions;
  GroupPlan plan;
  ScanEnvironment environment;  // of the operator
};

/// Owned by the operator and by its own tasks. Works on its thread; what the operator asks of it is said
/// there.
class Part : public std::enable_shared_from_this<Part> {
 public:
  Part(std::shared_ptr<const Shared> shared, Executor& thread, std::vector<Unit> units)
      : shared_(std::move(shared)),
        thread_(thread),
        units_(std::move(units)),
        state_(shared_->plan, *shared_->environment.space) {}

  /// The operator's thread, which is the store's.
  void start() {
    Workspace& space = *shared_->environment.space;
    ScanEnvironment environment{shared_->environment.store, shared_->environment.tags,
                                shared_->environment.space,
                                std::make_shared<std::function<void()>>([weak = weak_from_this()] {
                                  if (const auto self = weak.lock()) self->go_on();
                                }),
                                thread_};
    auto units = make_unit_scan(shared_->scan, std::move(units_), std::move(environment));
    UnitSource& from = *units;
    source_ = std::move(units);
    for (const RowCondition& condition : shared_->conditions)
      source_ = make_filter(std::move(source_), condition, space);
    from.begin();
    thread_.post([self = shared_from_this()] { self->slice(); });
  }
  bool is_done() const { return is_done_; }
  const Executor& thread() const { return thread_; }
  /// Of one that is done.
  const Result<void>& result() const { return result_; }
  GroupState& state() { return state_; }
  /// Nobody waits for it any more.
  void close() {
    thread_.post([self = shared_from_this()] { self->source_.reset(); });
  }

 private:
  void go_on() {
    if (is_posted_ || !source_) return;
    is_posted_ = true;
    thread_.post([self = shared_from_this()] {
      self->is_posted_ = false;
      self->slice();
    });
  }

  void slice() {
    for (std::size_t i = 0; i < kBatchesPerSlice; ++i) {
      if (!source_ || !step()) return;
    }
    go_on();
  }

  /// False where the part has to wait or has ended.
  bool step() {
    if (shared_->environment.space->is_cancelled) {
      source_.reset();
      return false;
    }
    auto pulled = source_->next();
    if (!pulled) return end(std::unexpected(std::move(pulled).error()));
    if (pulled->state == Pulled::State::wait) return false;
    if (pulled->state == Pulled::State::end) return end({});
    if (pulled->state != Pulled::State::rows || pulled->batch.rows == 0) return true;
    if (auto fits = shared_->environment.space->check_memory(); !fits) return end(std::move(fits));
    if (auto taken = state_.take(pulled->batch); !taken) return end(std::move(taken));
    return true;
  }

  bool end(Result<void> result) {
    source_.reset();
    result_ = std::move(result);
    shared_->environment.executor.post([self = shared_from_this()] {
      self->is_done_ = true;
      (*self->shared_->environment.wake)();
    });
    return false;
  }

  const std::shared_ptr<const Shared> shared_;
  Executor& thread_;
  std::vector<Unit> units_;
  GroupState state_;
  OperatorPtr source_;
  bool is_posted_ = false;
  Result<void> result_;
  bool is_done_ = false;  // the operator's thread
};

class ParallelGroup final : public Operator {
 public:
  ParallelGroup(PartedScan from, GroupPlan plan, ScanEnvironment environment, std::vector<Executor*> threads)
      : shared_(std::make_shared<const Shared>(Shared{std::move(from.plan), std::move(from.conditions),
                                                      std::move(plan), std::move(environment)})),
        units_(std::move(from.units)),
        groups_(from.groups),
        units_of_part_(std::clamp(units_.size() / kParts, kLeastUnits, kMostUnits)),
        threads_(std::move(threads)),
        state_(shared_->plan, *shared_->environment.space) {
    DUNLIN_ASSERT(!threads_.empty());
  }
  ~ParallelGroup() override {
    for (const auto& part : parts_) part->close();
  }
  ParallelGroup(const ParallelGroup&) = delete;
  ParallelGroup& operator=(const ParallelGroup&) = delete;

  Result<Pulled> next() override {
    if (is_read_) return state_.next_groups();
    if (given_) return next_of_part();
    start_parts();
    if (parts_.empty()) {
      is_read_ = true;
      state_.end();
      return pulled(Pulled::State::busy);
    }
    if (!parts_.front()->is_done()) return pulled(Pulled::State::wait);
    std::shared_ptr<Part> part = std::move(parts_.front());
    parts_.pop_front();
    DUNLIN_CHECK(part->result());
    if (groups_ == PartedScan::Groups::own) return give(std::move(part));
    DUNLIN_CHECK(state_.merge(part->state()));
    return pulled(Pulled::State::busy);
  }

  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    explain_group(shared_->plan, lines, depth);
    const auto& conditions = shared_->conditions;
    for (std::size_t i = conditions.size(); i-- > 0;)
      lines.push_back(plan_line(++depth, "filter " + conditions[i].text));
    explain_scan(*shared_->scan, units_, shared_->environment.store, lines, depth + 1);
  }

 private:
  /// Nothing is put together.
  Result<Pulled> give(std::shared_ptr<Part> part) {
    given_groups_ += part->state().size();
    DUNLIN_CHECK(check_groups(given_groups_));
    given_ = std::move(part);
    return pulled(Pulled::State::busy);
  }
  Pulled next_of_part() {
    Pulled next = given_->state().next_groups();
    if (next.state != Pulled::State::end) return next;
    given_.reset();
    return pulled(Pulled::State::busy);
  }

  void start_parts() {
    while (next_unit_ < units_.size() && parts_.size() < kPartsAheadPerThread * threads_.size()) {
      Executor* thread = idlest_thread();
      if (thread == nullptr) return;
      const std::size_t end = std::min(units_.size(), next_unit_ + units_of_part_);
      const auto at = [this](std::size_t i) { return units_.begin() + static_cast<std::ptrdiff_t>(i); };
      std::vector<Unit> units(std::make_move_iterator(at(next_unit_)), std::make_move_iterator(at(end)));
      next_unit_ = end;
      parts_.push_back(std::make_shared<Part>(shared_, *thread, std::move(units)));
      parts_.back()->start();
    }
  }

  /// Null: all have enough to do.
  Executor* idlest_thread() const {
    Executor* idlest = nullptr;
    std::size_t least = kPartsPerThread;
    for (Executor* thread : threads_) {
      const auto has = static_cast<std::size_t>(std::ranges::count_if(
          parts_, [thread](const auto& part) { return !part->is_done() && &part->thread() == thread; }));
      if (has >= least) continue;
      least = has;
      idlest = thread;
    }
    return idlest;
  }

  const std::shared_ptr<const Shared> shared_;
  std::vector<Unit> units_;
  const PartedScan::Groups groups_;
  const std::size_t units_of_part_;
  const std::vector<Executor*> threads_;
  GroupState state_;
  std::deque<std::shared_ptr<Part>> parts_;
  std::shared_ptr<Part> given_;  // whose groups are being given on
  std::size_t given_groups_ = 0;
  std::size_t next_unit_ = 0;
  bool is_read_ = false;
};

}  // namespace

OperatorPtr make_parallel_group(PartedScan from, GroupPlan plan, ScanEnvironment environment,
                                std::vector<Executor*> threads) {
  return std::make_unique<ParallelGroup>(std::move(from), std::move(plan), std::move(environment),
                                         std::move(threads));
}

}  // namespace dunlin::query
