#include "service/query/aggregate.h"

#include <algorithm>

#include "base/core/assert.h"
#include "service/query/aggregates.h"
#include "service/query/kernels.h"

namespace dunlin::query {
namespace {

using Made = Result<MadeAggregate>;

Made with_arguments(AggregatePtr aggregate, std::vector<ExpressionPtr> arguments) {
  return MadeAggregate{std::move(aggregate), std::move(arguments)};
}

/// Its type; NULL becomes a number that is NULL.
Type settle_type(ExpressionPtr& value) {
  if (value->type() == Type::null) value = make_null(Type::number);
  return value->type();
}

Made build_count(AggregateCall call) {
  if (call.arguments.empty()) return with_arguments(make_count(CountOf::rows), {});
  DUNLIN_CHECK(expect_arguments(call.arguments, 1, 1));
  const bool distinct = call.quantifier == Syntax::Quantifier::distinct;
  return with_arguments(distinct ? make_count_distinct() : make_count(CountOf::values),
                        std::move(call.arguments));
}

template <SumKind Kind>
Made build_sum(AggregateCall call) {
  DUNLIN_CHECK(expect_arguments(call.arguments, 1, 1));
  const Type type = call.arguments[0]->type() == Type::interval ? Type::interval : Type::number;
  DUNLIN_TRY(call.arguments, coerce_all(std::move(call.arguments), type));
  return with_arguments(make_sum(Kind, type), std::move(call.arguments));
}

template <Extreme Which>
Made build_extreme(AggregateCall call) {
  DUNLIN_CHECK(expect_arguments(call.arguments, 1, 1));
  const Type type = settle_type(call.arguments[0]);
  return with_arguments(make_extreme(Which, type), std::move(call.arguments));
}

template <Spread Kind>
Made build_spread(AggregateCall call) {
  DUNLIN_CHECK(expect_arguments(call.arguments, 1, 1));
  DUNLIN_TRY(call.arguments, coerce_all(std::move(call.arguments), Type::number));
  return with_arguments(make_spread(Kind), std::move(call.arguments));
}

template <End Which>
Made build_end(AggregateCall call) {
  DUNLIN_CHECK(expect_arguments(call.arguments, 2, 2));
  const Type type = settle_type(call.arguments[0]);
  DUNLIN_TRY(call.arguments[1], coerce(std::move(call.arguments[1]), Type::time));
  return with_arguments(make_end(Which, type), std::move(call.arguments));
}

template <Extreme Which>
Made build_arg_extreme(AggregateCall call) {
  DUNLIN_CHECK(expect_arguments(call.arguments, 2, 2));
  const Type type = settle_type(call.arguments[0]);
  DUNLIN_TRY(call.arguments[1], coerce(std::move(call.arguments[1]), Type::number));
  return with_arguments(make_arg_extreme(Which, type), std::move(call.arguments));
}

Made build_percentile(AggregateCall call) {
  DUNLIN_CHECK(expect_arguments(call.arguments, 2, 2));
  DUNLIN_TRY(const ExpressionPtr part, coerce(call.arguments[1], Type::number));
  const Datum* value = part->literal();
  if (value == nullptr || !(value->number >= 0 && value->number <= 1))
    return fail(Errc::invalid_argument, "the second argument must be a number from 0 to 1, such as 0.95");
  call.arguments.pop_back();
  DUNLIN_TRY(call.arguments, coerce_all(std::move(call.arguments), Type::number));
  return with_arguments(make_percentile(value->number), std::move(call.arguments));
}

Made build_median(AggregateCall call) {
  DUNLIN_CHECK(expect_arguments(call.arguments, 1, 1));
  DUNLIN_TRY(call.arguments, coerce_all(std::move(call.arguments), Type::number));
  return with_arguments(make_percentile(0.5), std::move(call.arguments));
}

template <Counter Kind>
Made build_counter(AggregateCall call) {
  DUNLIN_CHECK(expect_arguments(call.arguments, 2, 2));
  if (call.order != AggregateCall::Order::by_time)
    return fail(Errc::invalid_argument,
                "it needs the rows of a table, in their order of time; use it in the sub-select");
  DUNLIN_TRY(call.arguments[0], coerce(std::move(call.arguments[0]), Type::number));
  DUNLIN_TRY(call.arguments[1], coerce(std::move(call.arguments[1]), Type::time));
  return with_arguments(make_counter(Kind), std::move(call.arguments));
}

struct Entry {
  std::string_view name;
  Made (*build)(AggregateCall call);
};
constexpr Entry kAggregates[] = {{"arg_max", build_arg_extreme<Extreme::greatest>},
                                 {"arg_min", build_arg_extreme<Extreme::least>},
                                 {"avg", build_sum<SumKind::mean>},
                                 {"count", build_count},
                                 {"delta", build_counter<Counter::delta>},
                                 {"first", build_end<End::first>},
                                 {"increase", build_counter<Counter::increase>},
                                 {"last", build_end<End::last>},
                                 {"max", build_extreme<Extreme::greatest>},
                                 {"median", build_median},
                                 {"min", build_extreme<Extreme::least>},
                                 {"percentile", build_percentile},
                                 {"rate", build_counter<Counter::rate>},
                                 {"stddev", build_spread<Spread::deviation>},
                                 {"stddev_pop", build_spread<Spread::deviation_of_all>},
                                 {"sum", build_sum<SumKind::sum>},
                                 {"var_pop", build_spread<Spread::variance_of_all>},
                                 {"variance", build_spread<Spread::variance>}};

}  // namespace

void Aggregate::add_whole(std::size_t, const store::ChunkSummary&) {
  DUNLIN_ASSERT(can_take_whole());
}

bool is_aggregate(std::string_view name) {
  return std::ranges::any_of(kAggregates, [name](const Entry& entry) { return entry.name == name; });
}

Result<MadeAggregate> make_aggregate(AggregateCall call) {
  if (call.quantifier == Syntax::Quantifier::distinct && call.name != "count")
    return fail(Errc::unsupported, "DISTINCT is known to count() only");
  for (const Entry& entry : kAggregates) {
    if (entry.name == call.name) return entry.build(std::move(call));
  }
  return fail(Errc::invalid_argument, "there is no aggregate \"" + std::string(call.name) + "\"");
}

Column number_results(std::span<const double> values, std::span<const std::uint8_t> has) {
  Column made = make_column(Type::number, 0);
  made.numbers.assign(values.begin(), values.end());
  made.valid.assign(has.begin(), has.end());
  hide_nan(made);
  return made;
}

}  // namespace dunlin::query
