#include <array>

#include "base/time_zone.h"
#include "service/query/bucket.h"
#include "service/query/kernels.h"

namespace dunlin::query {
namespace {

/// Rows ascend by time, mostly: a division is needed once for each bucket.
Column bucket(const KernelInput& input) {
  Column made = make_column(Type::time, input.rows);
  made.valid = all_valid(input);
  const auto widths = integers(*input.arguments[0]);
  const auto times = integers(*input.arguments[1]);
  Bucketing bucketing{widths[0], input.arguments[2]->integer(0)};
  std::int64_t begin = 0;
  std::int64_t end = 0;
  for (std::size_t i = 0; i < input.rows; ++i) {
    const std::int64_t time = times[i];
    if (time < begin || time >= end) {
      const auto found = bucketing.begin_of(time);
      begin = found.value_or(time);
      if (__builtin_add_overflow(begin, bucketing.width, &end)) end = begin;
    }
    made.integers[i] = begin;
  }
  return made;
}

constexpr std::int64_t kDay = 86400LL * 1'000'000'000;

/// Days of a time zone, or several: of 23 and 25 hours where clocks are changed.
Column zone_bucket(const KernelInput& input) {
  Column made = make_column(Type::time, input.rows);
  made.valid = all_valid(input);
  const std::int64_t width = integers(*input.arguments[0])[0] / kDay;
  const auto times = integers(*input.arguments[1]);
  const auto zone = system_time_zone(input.texts.text_at(input.arguments[2]->integer(0)));
  Bucketing days{width, kMonday / kDay};
  WallTime begin{}, end{};
  for (std::size_t i = 0; i < input.rows; ++i) {
    const WallTime time = from_unix_nanoseconds(times[i]);
    if (time < begin || time >= end) {
      const std::int64_t first = days.begin_of(zone->day_of(time)).value_or(0);
      begin = zone->begin_of_day(first);
      end = zone->begin_of_day(first + width);
    }
    made.integers[i] = unix_nanoseconds(begin);
  }
  return made;
}

/// The third argument is no time: it names a zone.
Result<ExpressionPtr> build_zone_bucket(std::vector<ExpressionPtr> arguments) {
  const std::string& name = arguments[2]->literal()->text;
  if (system_time_zone(name) == nullptr) {
    return fail(Errc::invalid_argument,
                "\"" + name.substr(0, kMaxZoneNameBytes) +
                    "\" is no time at which buckets begin, and no time zone such as 'Europe/Berlin'");
  }
  const std::int64_t width = arguments[0]->literal()->integer;
  if (width % kDay != 0 || width > 366 * kDay)
    return fail(Errc::invalid_argument, "buckets in a time zone are whole days, 366 at most");
  return make_kernel_call(zone_bucket, Type::time, std::move(arguments));
}

Datum interval_of(std::int64_t length) {
  Datum value;
  value.type = Type::interval;
  value.integer = length;
  return value;
}

Result<ExpressionPtr> build_bucket(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 2, 3));
  DUNLIN_TRY(arguments[0], coerce(std::move(arguments[0]), Type::interval));
  if (arguments[0]->literal() == nullptr)
    return fail(Errc::invalid_argument, "the length of the buckets must be written in the query");
  if (arguments[0]->literal()->integer <= 0)
    return fail(Errc::invalid_argument, "buckets must be longer than nothing");
  DUNLIN_TRY(arguments[1], coerce(std::move(arguments[1]), Type::time));
  Datum origin;
  origin.type = Type::time;
  origin.integer = kMonday;
  if (arguments.size() == 2) {
    arguments.push_back(make_constant(std::move(origin)));
  } else {
    const Datum* third = arguments[2]->literal();
    if (third != nullptr && third->type == Type::text && !parse_time(third->text))
      return build_zone_bucket(std::move(arguments));
    DUNLIN_TRY(arguments[2], coerce(std::move(arguments[2]), Type::time));
    if (arguments[2]->literal() == nullptr)
      return fail(Errc::invalid_argument, "where the buckets begin must be written in the query");
  }
  return make_kernel_call(bucket, Type::time, std::move(arguments));
}

Result<ExpressionPtr> build_trunc(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 2, 2));
  struct Part {
    std::string_view name;
    std::int64_t seconds;
  };
  constexpr std::array<Part, 5> kParts{
      {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}, {"week", 7 * 86400}}};
  const Datum* name = arguments[0]->literal();
  for (const Part& part : kParts) {
    if (name == nullptr || name->text != part.name) continue;
    arguments[0] = make_constant(interval_of(part.seconds * 1'000'000'000));
    return build_bucket(std::move(arguments));
  }
  return fail(Errc::invalid_argument, "date_trunc knows 'second', 'minute', 'hour', 'day' and 'week'");
}

/// The part of a time in a period, in units.
template <std::int64_t Period, std::int64_t Unit, std::int64_t Origin>
Column part_of(const KernelInput& input) {
  Column made = make_column(Type::integer, input.rows);
  made.valid = all_valid(input);
  const auto times = integers(*input.arguments[0]);
  for (std::size_t i = 0; i < input.rows; ++i) {
    std::int64_t into = (times[i] % Period - Origin) % Period;
    if (into < 0) into += Period;
    made.integers[i] = into / Unit;
  }
  return made;
}

constexpr std::int64_t kSecond = 1'000'000'000;

template <Kernel Compute>
Result<ExpressionPtr> build_part(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 1, 1));
  DUNLIN_TRY(arguments, coerce_all(std::move(arguments), Type::time));
  return make_kernel_call(Compute, Type::integer, std::move(arguments));
}

/// Nanoseconds of a time or an interval as seconds.
Column seconds_of(const KernelInput& input) {
  Column made = make_column(Type::number, input.rows);
  const auto from = integers(*input.arguments[0]);
  for (std::size_t i = 0; i < input.rows; ++i) made.numbers[i] = static_cast<double>(from[i]) / 1e9;
  made.valid = all_valid(input);
  return made;
}

Result<ExpressionPtr> build_seconds(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 1, 1));
  if (arguments[0]->type() != Type::time) {
    DUNLIN_TRY(arguments[0], coerce(std::move(arguments[0]), Type::interval));
  }
  return make_kernel_call(seconds_of, Type::number, std::move(arguments));
}

constexpr FunctionEntry kFunctions[] = {
    {"date_trunc", build_trunc},
    {"day_of_week", build_part<part_of<7 * 86400 * kSecond, 86400 * kSecond, kMonday>>},
    {"hour_of_day", build_part<part_of<86400 * kSecond, 3600 * kSecond, 0>>},
    {"minute_of_hour", build_part<part_of<3600 * kSecond, 60 * kSecond, 0>>},
    {"seconds", build_seconds},
    {"time_bucket", build_bucket},
    {"time_bucket_gapfill", build_bucket}};

}  // namespace

std::span<const FunctionEntry> time_functions() {
  return kFunctions;
}

}  // namespace dunlin::query
