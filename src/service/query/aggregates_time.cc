// Aggregates that look at times or at how values are spread: first, last, rates, deviations, percentiles.

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/quantile_sketch.h"
#include "service/query/aggregates.h"

namespace dunlin::query {
namespace {

/// Of aggregates that pick one of the values: `State` has it as `number` or `integer`, if it has any.
template <class State>
Column picked_results(Type type, const std::vector<State>& states, std::size_t begin, std::size_t end) {
  Column made = make_column(type, end - begin);
  made.valid.resize(end - begin);
  for (std::size_t i = begin; i < end; ++i) {
    made.valid[i - begin] = states[i].has ? 1 : 0;
    if (is_double(type)) {
      made.numbers[i - begin] = states[i].number;
    } else {
      made.integers[i - begin] = states[i].integer;
    }
  }
  return made;
}

class EndValue final : public Aggregate {
 public:
  EndValue(End which, Type type) : which_(which), type_(type) {}
  Type type() const override { return type_; }
  AggregatePtr fresh() const override { return std::make_unique<EndValue>(which_, type_); }
  void merge(const Aggregate& behind, std::span<const std::uint32_t> groups, const TextPool&) override {
    const auto& other = static_cast<const EndValue&>(behind);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      State& state = states_[groups[i]];
      if (other.states_[i].has && is_outside(state, other.states_[i].time)) state = other.states_[i];
    }
  }
  void grow(std::size_t groups) override { states_.resize(groups); }
  void add(const AggregateInput& input, std::size_t group, std::size_t begin, std::size_t end) override {
    const Column& values = *input.arguments[0];
    const Column& times = *input.arguments[1];
    State& state = states_[group];
    for (std::size_t i = begin; i < end; ++i) {
      if (!values.is_valid(i) || !times.is_valid(i)) continue;
      const std::int64_t time = times.integer(i);
      if (!is_outside(state, time)) continue;
      state.time = time;
      state.has = true;
      if (is_double(type_)) {
        state.number = values.number(i);
      } else {
        state.integer = values.integer(i);
      }
    }
  }
  void add_whole(std::size_t group, const store::ChunkSummary& chunk) override {
    if (chunk.numbers == 0) return;
    State& state = states_[group];
    const std::int64_t time = which_ == End::first ? chunk.first_time : chunk.last_time;
    if (!is_outside(state, time)) return;
    state = {
        .time = time, .number = which_ == End::first ? chunk.first : chunk.last, .integer = 0, .has = true};
  }
  bool can_take_whole() const override { return type_ == Type::number; }
  Column results(std::size_t begin, std::size_t end, TextPool&) const override {
    return picked_results(type_, states_, begin, end);
  }
  std::size_t bytes_per_group() const override { return sizeof(State); }

 private:
  struct State {
    std::int64_t time = 0;
    double number = 0;
    std::int64_t integer = 0;
    bool has = false;
  };
  bool is_outside(const State& state, std::int64_t time) const {
    return !state.has || (which_ == End::first ? time < state.time : time >= state.time);
  }
  End which_;
  Type type_;
  std::vector<State> states_;
};

/// The value beside the least or greatest number; of several the first.
class ArgExtreme final : public Aggregate {
 public:
  ArgExtreme(Extreme which, Type type) : which_(which), type_(type) {}
  Type type() const override { return type_; }
  AggregatePtr fresh() const override { return std::make_unique<ArgExtreme>(which_, type_); }
  void merge(const Aggregate& behind, std::span<const std::uint32_t> groups, const TextPool&) override {
    const auto& other = static_cast<const ArgExtreme&>(behind);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      State& state = states_[groups[i]];
      const State& candidate = other.states_[i];
      if (candidate.has && (!state.has || is_better(candidate.by, state.by))) state = candidate;
    }
  }
  void grow(std::size_t groups) override { states_.resize(groups); }
  void add(const AggregateInput& input, std::size_t group, std::size_t begin, std::size_t end) override {
    const Column& values = *input.arguments[0];
    const Column& by = *input.arguments[1];
    State& state = states_[group];
    for (std::size_t i = begin; i < end; ++i) {
      if (!values.is_valid(i) || !by.is_valid(i)) continue;
      const double number = by.number(i);
      if (state.has && !is_better(number, state.by)) continue;
      state = {number, is_double(type_) ? values.number(i) : 0, is_double(type_) ? 0 : values.integer(i),
               true};
    }
  }
  Column results(std::size_t begin, std::size_t end, TextPool&) const override {
    return picked_results(type_, states_, begin, end);
  }
  std::size_t bytes_per_group() const override { return sizeof(State); }

 private:
  struct State {
    double by = 0;
    double number = 0;
    std::int64_t integer = 0;
    bool has = false;
  };
  bool is_better(double candidate, double best) const {
    return which_ == Extreme::least ? candidate < best : candidate > best;
  }
  Extreme which_;
  Type type_;
  std::vector<State> states_;
};

/// Means and squared distances from them, merged as Chan, Golub and LeVeque (1979) do.
class SpreadOf final : public Aggregate {
 public:
  explicit SpreadOf(Spread kind) : kind_(kind) {}
  Type type() const override { return Type::number; }
  AggregatePtr fresh() const override { return std::make_unique<SpreadOf>(kind_); }
  void merge(const Aggregate& behind, std::span<const std::uint32_t> groups, const TextPool&) override {
    const auto& other = static_cast<const SpreadOf&>(behind);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const State& more = other.states_[i];
      if (more.count > 0) states_[groups[i]].add(more.count, more.mean, more.squares);
    }
  }
  void grow(std::size_t groups) override { states_.resize(groups); }
  void add(const AggregateInput& input, std::size_t group, std::size_t begin, std::size_t end) override {
    const Column& column = *input.arguments[0];
    State& state = states_[group];
    for (std::size_t i = begin; i < end; ++i) {
      if (!column.is_valid(i)) continue;
      const double value = column.number(i);
      state.count += 1;
      const double off = value - state.mean;
      state.mean += off / state.count;
      state.squares += off * (value - state.mean);
    }
  }
  void add_whole(std::size_t group, const store::ChunkSummary& chunk) override {
    if (chunk.numbers == 0) return;
    const auto count = static_cast<double>(chunk.numbers);
    states_[group].add(count, chunk.sum / count, chunk.squares);
  }
  bool can_take_whole() const override { return true; }
  Column results(std::size_t begin, std::size_t end, TextPool&) const override {
    const bool of_all = kind_ == Spread::deviation_of_all || kind_ == Spread::variance_of_all;
    const bool is_root = kind_ == Spread::deviation || kind_ == Spread::deviation_of_all;
    std::vector<double> values;
    std::vector<std::uint8_t> has;
    for (std::size_t i = begin; i < end; ++i) {
      const double divisor = of_all ? states_[i].count : states_[i].count - 1;
      has.push_back(divisor > 0 ? 1 : 0);
      const double variance = divisor > 0 ? states_[i].squares / divisor : 0;
      values.push_back(is_root ? std::sqrt(variance) : variance);
    }
    return number_results(values, has);
  }
  std::size_t bytes_per_group() const override { return sizeof(State); }

 private:
  struct State {
    double count = 0;
    double mean = 0;
    double squares = 0;
    void add(double more, double more_mean, double more_squares) {
      const double off = more_mean - mean;
      const double all = count + more;
      squares += more_squares + off * off * count * more / all;
      mean += off * more / all;
      count = all;
    }
  };
  Spread kind_;
  std::vector<State> states_;
};

class Percentile final : public Aggregate {
 public:
  explicit Percentile(double part) : part_(part) {}
  Type type() const override { return Type::number; }
  AggregatePtr fresh() const override { return std::make_unique<Percentile>(part_); }
  void merge(const Aggregate& behind, std::span<const std::uint32_t> groups, const TextPool&) override {
    const auto& other = static_cast<const Percentile&>(behind);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      QuantileSketch& sketch = sketches_[groups[i]];
      const std::size_t before = sketch.bytes();
      sketch.merge(other.sketches_[i]);
      more_ += sketch.bytes() - before;
    }
  }
  void grow(std::size_t groups) override { sketches_.resize(groups); }
  void add(const AggregateInput& input, std::size_t group, std::size_t begin, std::size_t end) override {
    const Column& column = *input.arguments[0];
    QuantileSketch& sketch = sketches_[group];
    const std::size_t before = sketch.bytes();
    for (std::size_t i = begin; i < end; ++i) {
      if (column.is_valid(i)) sketch.add(column.number(i));
    }
    more_ += sketch.bytes() - before;
  }
  Column results(std::size_t begin, std::size_t end, TextPool&) const override {
    std::vector<double> values;
    std::vector<std::uint8_t> has;
    for (std::size_t i = begin; i < end; ++i) {
      has.push_back(sketches_[i].count() != 0 ? 1 : 0);
      values.push_back(sketches_[i].quantile(part_));
    }
    return number_results(values, has);
  }
  std::size_t bytes_per_group() const override { return sizeof(QuantileSketch); }
  std::size_t more_bytes() const override { return more_; }

 private:
  double part_;
  std::vector<QuantileSketch> sketches_;
  std::size_t more_ = 0;
};

/// Sums over the series of a group what each has gained. A counter that falls has begun again at zero.
class CounterGain final : public Aggregate {
 public:
  explicit CounterGain(Counter kind) : kind_(kind) {}
  Type type() const override { return Type::number; }
  AggregatePtr fresh() const override { return std::make_unique<CounterGain>(kind_); }
  void merge(const Aggregate& behind, std::span<const std::uint32_t> groups, const TextPool&) override {
    const auto& other = static_cast<const CounterGain&>(behind);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      State& state = states_[groups[i]];
      close(state);
      State more = other.states_[i];
      close(more);
      state.total += more.total;
      state.has = state.has || more.has;
    }
  }
  void grow(std::size_t groups) override { states_.resize(groups); }
  void add(const AggregateInput& input, std::size_t group, std::size_t begin, std::size_t end) override {
    const Column& values = *input.arguments[0];
    const Column& times = *input.arguments[1];
    State& state = states_[group];
    for (std::size_t i = begin; i < end; ++i) {
      if (!values.is_valid(i) || !times.is_valid(i)) continue;
      const double value = values.number(i);
      const std::int64_t time = times.integer(i);
      if (state.points == 0 || state.origin != input.origin) {
        close(state);
        state.origin = input.origin;
        state.begin = time;
      } else if (kind_ == Counter::delta) {
        state.gain += value - state.value;
      } else {
        state.gain += value >= state.value ? value - state.value : value;
      }
      ++state.points;
      state.value = value;
      state.end = time;
    }
  }
  Column results(std::size_t begin, std::size_t end, TextPool&) const override {
    std::vector<double> values;
    std::vector<std::uint8_t> has;
    for (std::size_t i = begin; i < end; ++i) {
      State state = states_[i];
      close(state);
      values.push_back(state.total);
      has.push_back(state.has ? 1 : 0);
    }
    return number_results(values, has);
  }
  std::size_t bytes_per_group() const override { return sizeof(State); }

 private:
  struct State {
    double total = 0;  // of series that are done with
    double gain = 0;
    double value = 0;
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::uint64_t origin = 0;
    std::size_t points = 0;
    bool has = false;
  };
  /// The series is done with; one point alone says nothing.
  void close(State& state) const {
    const double seconds = (static_cast<double>(state.end) - static_cast<double>(state.begin)) / 1e9;
    if (state.points > 1 && seconds > 0) {
      state.total += kind_ == Counter::rate ? state.gain / seconds : state.gain;
      state.has = true;
    }
    state.gain = 0;
    state.points = 0;
  }
  Counter kind_;
  std::vector<State> states_;
};

}  // namespace

AggregatePtr make_end(End which, Type type) {
  return std::make_unique<EndValue>(which, type);
}

AggregatePtr make_spread(Spread kind) {
  return std::make_unique<SpreadOf>(kind);
}

AggregatePtr make_arg_extreme(Extreme which, Type type) {
  return std::make_unique<ArgExtreme>(which, type);
}

AggregatePtr make_percentile(double part) {
  return std::make_unique<Percentile>(part);
}

AggregatePtr make_counter(Counter kind) {
  return std::make_unique<CounterGain>(kind);
}

}  // namespace dunlin::query
