#include "service/monitor/forecast_operations.h"

#include <boost/json.hpp>
#include <utility>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/reply.h"
#include "service/analytics/forecaster.h"
#include "service/analytics/limits.h"
#include "service/monitor/expected_band.h"
#include "service/series/json_forms.h"

namespace dunlin::monitor {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kRequest[] = {
    {"device", FieldType::text, Need::required, "the device"},
    {"channel", FieldType::text, Need::required, "its channel"},
    {"steps", FieldType::integer, Need::optional,
     "how many steps ahead, up to 1000 (24); a step is between two points"},
    {"limit", FieldType::number, Need::optional,
     "say when the value goes past this, in the next 10000 steps"},
    {"from", FieldType::any, Need::optional,
     "learn from this time on: Unix ms or RFC 3339 (28 days before the last point)"}};
constexpr Field kResponse[] = {
    {"device", FieldType::text, Need::required, "the device"},
    {"channel", FieldType::text, Need::required, "its channel"},
    {"unit", FieldType::text, Need::required, "SenML unit, or empty"},
    {"step_seconds", FieldType::number, Need::required, "between two points; 0: too few points to know"},
    {"season_steps", FieldType::integer, Need::required,
     "after so many steps it repeats itself; 1: none found"},
    {"points", FieldType::integer, Need::required, "points that were learned from"},
    {"time", FieldType::array, Need::required, "times ahead, RFC 3339"},
    {"value", FieldType::array, Need::required, "expected values, one per time"},
    {"low", FieldType::array, Need::required, "nine of ten values will be between low"},
    {"high", FieldType::array, Need::required, "and high"},
    {"reaches", FieldType::text, Need::optional, "when the limit is passed, by the expected values"},
    {"earliest", FieldType::text, Need::optional, "likewise by the band"}};
constexpr Errc kErrors[] = {Errc::not_found, Errc::invalid_argument, Errc::limit_exceeded, Errc::unavailable};

constexpr model::OperationSpec kForecast{"series.forecast",
                                         model::Method::get,
                                         "/api/series/forecast",
                                         "Foretell the next values of a series, and when a limit is reached.",
                                         "series:read",
                                         kRequest,
                                         kResponse,
                                         kErrors};

constexpr Field kExpectedRequest[] = {
    {"device", FieldType::text, Need::required, "the device"},
    {"channel", FieldType::text, Need::required, "its channel"},
    {"from", FieldType::any, Need::optional, "begin: Unix ms or RFC 3339 (one hour before `to`)"},
    {"to", FieldType::any, Need::optional, "end, exclusive (now)"},
    {"points", FieldType::integer, Need::optional, "in at most so many parts, up to 5000 (600)"}};
constexpr Field kExpectedResponse[] = {
    {"t", FieldType::array, Need::required, "times in Unix ms, ascending"},
    {"low", FieldType::array, Need::required, "values were expected from here, one per time"},
    {"high", FieldType::array, Need::required, "to here"},
    {"score", FieldType::array, Need::required,
     "how unusual the most unusual one was: 0 to 1, from 0.5 on an anomaly"}};

constexpr model::OperationSpec kExpected{
    "series.expected",      model::Method::get,
    "/api/series/expected", "Where the values of a series were expected, by what came before each.",
    "series:read",          kExpectedRequest,
    kExpectedResponse,      kErrors};

/// What is learned on the way through the points.
struct Learned {
  analytics::Forecaster forecaster;
  std::size_t points = 0;
};

/// As much of the past as has some nine tenths of the points that may be read, if they are spread evenly.
Duration past_of(const series::SeriesStore& store, const series::SeriesInfo& info, Duration most) {
  const series::SeriesEntry* entry = store.entry(info.id);
  if (entry == nullptr || entry->points == 0) return most;
  const Duration all = info.last.time - series::SeriesStore::begin_of(*entry);
  const auto each = all / static_cast<std::int64_t>(entry->points);
  constexpr auto kWanted = static_cast<std::int64_t>(kMaxForecastPoints / 10 * 9);
  return each >= most / kWanted ? most : each * kWanted;
}

boost::json::object answer(const series::SeriesInfo& info, const Learned& learned, std::size_t steps,
                           std::optional<double> limit) {
  boost::json::array time, value, low, high;
  for (const analytics::Forecast& next : learned.forecaster.next(steps)) {
    time.push_back(boost::json::value(format_rfc3339(next.time)));
    value.push_back(next.value);
    low.push_back(next.band.low);
    high.push_back(next.band.high);
  }
  boost::json::object made{{"device", info.device},
                           {"channel", info.channel},
                           {"unit", info.unit},
                           {"step_seconds", std::chrono::duration<double>(learned.forecaster.step()).count()},
                           {"season_steps", learned.forecaster.season()},
                           {"points", learned.points},
                           {"time", std::move(time)},
                           {"value", std::move(value)},
                           {"low", std::move(low)},
                           {"high", std::move(high)}};
  if (limit) {
    const auto reach = learned.forecaster.reach(*limit, analytics::kMaxForecastSteps);
    if (reach.expected) made["reaches"] = format_rfc3339(*reach.expected);
    if (reach.earliest) made["earliest"] = format_rfc3339(*reach.earliest);
  }
  return made;
}

}  // namespace

void ForecastOperations::forecast(const model::Caller& caller, const boost::json::object& request,
                                  model::Reply reply) {
  const series::SeriesInfo* info =
      store_.find(caller.principal->tenant, *model::optional_text(request, "device"),
                  *model::optional_text(request, "channel"));
  if (info == nullptr) return reply(fail(Errc::not_found, "there is no such series; see series.list"));
  const std::int64_t steps = model::optional_integer(request, "steps").value_or(kDefaultForecastSteps);
  if (steps < 1 || steps > kMaxToldForecastSteps)
    return reply(fail(Errc::invalid_argument, "\"steps\" must be between 1 and 1000"));
  const auto from =
      series::time_field(request, "from", earlier_by(info->last.time, past_of(store_, *info, kForecastPast)));
  if (!from) return reply(std::unexpected(from.error()));
  auto learned = std::make_shared<Learned>();  // shared by the learner and the completion
  learn(
      {info->tenant, {info->id}, *from, WallTime::max(), kMaxForecastPoints},
      [learned](WallTime time, double value) {
        learned->forecaster.add(time, value);
        ++learned->points;
      },
      [info, learned, steps, limit = model::optional_number(request, "limit"),
       reply = std::move(reply)](Result<void> scanned) mutable {
        if (!scanned) return reply(std::unexpected(scanned.error()));
        reply(boost::json::value(answer(*info, *learned, static_cast<std::size_t>(steps), limit)));
      });
}

void ForecastOperations::learn(series::ScanSet set, std::function<void(WallTime, double)> learn,
                               std::move_only_function<void(Result<void>)> done) {
  if (running_ >= kMaxForecasts)
    return done(fail(Errc::unavailable, "other forecasts are being made; try again when one is done"));
  ++running_;
  series::ScanVisitor visitor;
  visitor.block = [learn = std::move(learn)](const series::Block& block) {
    for (std::size_t i = block.begin; i < block.end; ++i) {
      if (const auto value = series::number_at(block.columns, i))
        learn(from_unix_nanoseconds(block.columns.times[i]), *value);
    }
    return series::ScanGo::on;
  };
  store_.scan(std::move(set), std::move(visitor),
              [this, done = std::move(done)](Result<void> scanned) mutable {
                --running_;
                done(std::move(scanned));
              });
}

void ForecastOperations::expected(const model::Caller& caller, const boost::json::object& request,
                                  model::Reply reply) {
  const series::SeriesInfo* info =
      store_.find(caller.principal->tenant, *model::optional_text(request, "device"),
                  *model::optional_text(request, "channel"));
  if (info == nullptr) return reply(fail(Errc::not_found, "there is no such series; see series.list"));
  const std::int64_t parts = model::optional_integer(request, "points").value_or(kDefaultExpectedParts);
  if (parts < 1 || parts > kMaxExpectedParts)
    return reply(fail(Errc::invalid_argument, "\"points\" must be between 1 and 5000"));
  const auto to = series::time_field(request, "to", executor_.wall_now());
  if (!to) return reply(std::unexpected(to.error()));
  const auto from = series::time_field(request, "from", *to - std::chrono::hours{1});
  if (!from) return reply(std::unexpected(from.error()));
  if (*from >= *to) return reply(fail(Errc::invalid_argument, "\"from\" must be before \"to\""));
  // Shared by the learner and the completion.
  auto band = std::make_shared<ExpectedBand>(*from, *to, static_cast<std::size_t>(parts));
  const WallTime begin = earlier_by(*from, past_of(store_, *info, kExpectedPast));
  learn(
      {info->tenant, {info->id}, begin, *to, kMaxForecastPoints},
      [band](WallTime time, double value) { band->add(time, value); },
      [band, reply = std::move(reply)](Result<void> scanned) mutable {
        if (!scanned) return reply(std::unexpected(scanned.error()));
        boost::json::array t, low, high, score;
        for (const ExpectedBand::Part& part : band->take()) {
          t.push_back(unix_milliseconds(part.time));
          low.push_back(part.low);
          high.push_back(part.high);
          score.push_back(part.score);
        }
        reply(boost::json::value{{"t", std::move(t)},
                                 {"low", std::move(low)},
                                 {"high", std::move(high)},
                                 {"score", std::move(score)}});
      });
}

void ForecastOperations::declare(model::OperationTable& table) {
  table.add(kForecast, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    forecast(caller, request, std::move(reply));
  });
  table.add(kExpected, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    expected(caller, request, std::move(reply));
  });
}

std::vector<model::OperationSpec> ForecastOperations::operations() {
  return {kForecast, kExpected};
}

}  // namespace dunlin::monitor
