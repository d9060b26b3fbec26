#include "service/query/group.h"

#include <algorithm>

#include "service/query/group_state.h"

namespace dunlin::query {
namespace {

class Group final : public Operator {
 public:
  Group(OperatorPtr input, GroupPlan plan, Workspace& space)
      : input_(std::move(input)), plan_(std::move(plan)), state_(plan_, space) {}

  Result<Pulled> next() override {
    if (is_read_) return state_.next_groups();
    DUNLIN_TRY(Pulled from, input_->next());
    if (from.state == Pulled::State::end) {
      is_read_ = true;
      state_.end();
      return pulled(Pulled::State::busy);
    }
    if (from.state != Pulled::State::rows) return from;
    DUNLIN_CHECK(state_.take(from.batch));
    return pulled(Pulled::State::busy);
  }
  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    explain_group(plan_, lines, depth);
    input_->explain(lines, depth + 1);
  }

 private:
  OperatorPtr input_;
  GroupPlan plan_;
  GroupState state_;
  bool is_read_ = false;
};

}  // namespace

void explain_group(const GroupPlan& plan, std::vector<std::string>& lines, std::size_t depth) {
  lines.push_back(plan_line(depth, "group by " + std::to_string(plan.keys.size()) + " keys, " +
                                       std::to_string(plan.aggregates.size()) + " aggregates"));
}

OperatorPtr make_group(OperatorPtr input, GroupPlan plan, Workspace& space) {
  return std::make_unique<Group>(std::move(input), std::move(plan), space);
}

}  // namespace dunlin::query
