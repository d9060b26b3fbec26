#pragma once
// The kinds of aggregate. Internal to the room.

#include "service/query/aggregate.h"

namespace dunlin::query {

enum class CountOf : std::uint8_t { rows, values };
AggregatePtr make_count(CountOf what);
AggregatePtr make_count_distinct();
enum class SumKind : std::uint8_t { sum, mean };
/// Of numbers or intervals.
AggregatePtr make_sum(SumKind kind, Type type);
enum class Extreme : std::uint8_t { least, greatest };
AggregatePtr make_extreme(Extreme which, Type type);
enum class Spread : std::uint8_t { deviation, deviation_of_all, variance, variance_of_all };
AggregatePtr make_spread(Spread kind);
enum class End : std::uint8_t { first, last };
/// Of a value and a time.
AggregatePtr make_end(End which, Type type);
/// Of a value of the type and a number.
AggregatePtr make_arg_extreme(Extreme which, Type type);
AggregatePtr make_percentile(double part);
enum class Counter : std::uint8_t { delta, increase, rate };
/// Of a number and a time; rows of one origin ascend by time.
AggregatePtr make_counter(Counter kind);

/// A number for each group, NULL where `has` is 0.
Column number_results(std::span<const double> values, std::span<const std::uint8_t> has);

}  // namespace dunlin::query
