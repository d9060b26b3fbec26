#include <algorithm>

#include "service/query/operator.h"

namespace dunlin::query {
namespace {

/// Sorts what comes in runs of a batch, and merges the runs. Where only the first rows are asked for, the
/// others are thrown away as soon as there are twice as many.
class Sort final : public Operator {
 public:
  Sort(OperatorPtr input, const std::vector<Type>& types, std::vector<SortKey> keys,
       std::optional<std::uint64_t> most, Workspace& space)
      : input_(std::move(input)), rows_(types), keys_(std::move(keys)), most_(most), space_(space) {}

  Result<Pulled> next() override {
    if (is_read_) return merged();
    DUNLIN_TRY(Pulled from, input_->next());
    if (from.state == Pulled::State::end) {
      is_read_ = true;
      begin_merge();
      return pulled(Pulled::State::busy);
    }
    if (from.state != Pulled::State::rows) return from;
    DUNLIN_CHECK(take(from.batch));
    return pulled(Pulled::State::busy);
  }
  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    std::string text = "sort by " + std::to_string(keys_.size()) + (keys_.size() == 1 ? " key" : " keys");
    if (most_) text += ", keep the first " + std::to_string(*most_);
    lines.push_back(plan_line(depth, text));
    input_->explain(lines, depth + 1);
  }

 private:
  using Run = std::vector<std::uint32_t>;

  RowOrder order() const { return {rows_, keys_, space_.texts}; }

  Result<void> take(const Batch& batch) {
    DUNLIN_CHECK(space_.budget.take(batch.rows * sizeof(std::uint32_t)));
    const std::size_t first = rows_.rows();
    DUNLIN_CHECK(rows_.append(batch, space_));
    Run run;
    for (std::size_t i = first; i < rows_.rows(); ++i) run.push_back(static_cast<std::uint32_t>(i));
    std::ranges::sort(run, order());
    runs_.push_back(std::move(run));
    if (most_ && rows_.rows() > 2 * std::max<std::uint64_t>(*most_, kBatchRows)) throw_away();
    return {};
  }

  void throw_away() {
    Run all;
    for (const Run& run : runs_) all.insert(all.end(), run.begin(), run.end());
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(*most_);
    std::ranges::nth_element(all, middle, order());
    all.erase(middle, all.end());
    std::ranges::sort(all, order());
    space_.budget.give_back((rows_.rows() - all.size()) * sizeof(std::uint32_t));
    rows_.keep(all, space_);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint32_t>(i);
    runs_.clear();
    runs_.push_back(std::move(all));
  }

  /// Runs by their next row, the first of all at the front of the heap.
  bool is_behind(const std::pair<std::size_t, std::size_t>& a,
                 const std::pair<std::size_t, std::size_t>& b) const {
    return order()(runs_[b.first][b.second], runs_[a.first][a.second]);
  }

  void begin_merge() {
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      if (!runs_[i].empty()) heads_.emplace_back(i, 0);
    }
    std::ranges::make_heap(heads_, [this](const auto& a, const auto& b) { return is_behind(a, b); });
  }

  Result<Pulled> merged() {
    const auto behind = [this](const auto& a, const auto& b) { return is_behind(a, b); };
    Run places;
    while (!heads_.empty() && places.size() < kBatchRows) {
      std::ranges::pop_heap(heads_, behind);
      auto& [run, row] = heads_.back();
      places.push_back(runs_[run][row]);
      if (++row == runs_[run].size()) {
        heads_.pop_back();
      } else {
        std::ranges::push_heap(heads_, behind);
      }
    }
    if (places.empty()) return pulled(Pulled::State::end);
    return pulled(rows_.batch(places));
  }

  OperatorPtr input_;
  RowBuffer rows_;
  std::vector<SortKey> keys_;
  std::optional<std::uint64_t> most_;
  Workspace& space_;
  std::vector<Run> runs_;
  std::vector<std::pair<std::size_t, std::size_t>> heads_;
  bool is_read_ = false;
};

}  // namespace

OperatorPtr make_sort(OperatorPtr input, std::vector<Type> types, std::vector<SortKey> keys,
                      std::optional<std::uint64_t> most, Workspace& space) {
  return std::make_unique<Sort>(std::move(input), types, std::move(keys), most, space);
}

}  // namespace dunlin::query
