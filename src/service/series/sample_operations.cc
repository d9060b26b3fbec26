#include "service/series/sample_operations.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/mapping.h"
#include "service/series/json_forms.h"

namespace dunlin::series {
namespace {

using model::Field;
using model::FieldType;
using model::Need;
using model::Sample;

constexpr std::size_t kMaxUnitBytes = 32;
constexpr std::int64_t kDefaultPoints = 1000;

constexpr Field kWriteRequest[] = {
    {"samples", FieldType::array, Need::required,
     "objects with device, channel, value, and optionally time (Unix ms or RFC 3339; now), unit, quality "
     "(good, uncertain, bad) and flags (1 historical, 2 estimated, 8 derived): at most 10000"}};
constexpr Field kWriteResponse[] = {{"stored", FieldType::integer, Need::required, "how many: all of them"}};
constexpr Errc kWriteErrors[] = {Errc::invalid_argument, Errc::limit_exceeded, Errc::no_space,
                                 Errc::unavailable};
constexpr Field kPointsRequest[] = {
    {"device", FieldType::text, Need::required, "the device"},
    {"channel", FieldType::text, Need::required, "its channel"},
    {"from", FieldType::any, Need::optional, "begin: Unix ms or RFC 3339 (the first point)"},
    {"to", FieldType::any, Need::optional, "end, exclusive (the last point)"},
    {"limit", FieldType::integer, Need::optional, "at most so many, up to 10000 (1000)"}};
constexpr Field kPointsResponse[] = {
    {"device", FieldType::text, Need::required, "the device"},
    {"channel", FieldType::text, Need::required, "its channel"},
    {"unit", FieldType::text, Need::required, "SenML unit, or empty"},
    {"time", FieldType::array, Need::required, "times, RFC 3339 to the nanosecond, ascending"},
    {"value", FieldType::array, Need::required, "values, one per time"},
    {"quality", FieldType::array, Need::required, "good, uncertain or bad, one per time"},
    {"flags", FieldType::array, Need::required,
     "sum of 1 (historical), 2 (estimated) and 8 (derived), one per time"},
    {"next", FieldType::text, Need::optional, "the time with which the next points begin"}};
constexpr Errc kPointsErrors[] = {Errc::not_found, Errc::invalid_argument, Errc::limit_exceeded};

// Not in the audit log: what is measured is no act of administration, and there is too much of it.
constexpr model::OperationSpec kWrite{"series.write",
                                      model::Method::post,
                                      "/api/series/write",
                                      "Store samples, all of them or none.",
                                      "series:write",
                                      kWriteRequest,
                                      kWriteResponse,
                                      kWriteErrors,
                                      model::Audited::not_at_all};
constexpr model::OperationSpec kPoints{
    "series.points", model::Method::get, "/api/series/points", "The points of a series as they are stored.",
    "series:read",   kPointsRequest,     kPointsResponse,      kPointsErrors};

Result<std::string> name_of(const boost::json::object& sample, std::string_view member) {
  const auto name = model::optional_text(sample, member);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (!name || name->empty() || name->size() > model::kMaxChannelBytes ||
      std::ranges::any_of(*name, is_control))
    return fail(Errc::invalid_argument, "\"" + std::string(member) +
                                            "\" must be a text of 1 to 256 bytes without control characters");
  return *name;
}

Result<model::Value> value_of(const boost::json::object& sample) {
  const auto* value = sample.if_contains("value");
  if (value != nullptr) {
    if (value->is_bool()) return model::Value{value->get_bool()};
    if (value->is_int64()) return model::Value{value->get_int64()};
    if (value->is_number()) return model::Value{value->to_number<double>()};
    if (value->is_string() && value->get_string().size() <= kMaxTextValueBytes)
      return model::Value{std::string(value->get_string())};
  }
  return fail(Errc::invalid_argument,
              "\"value\" must be a number, a truth value, or a text of at most 1024 bytes");
}

/// Beside what and where it was measured.
Result<void> read_rest(const boost::json::object& fields, Sample& sample) {
  if (const auto unit = model::optional_text(fields, "unit")) sample.unit = *unit;
  if (sample.unit.size() > kMaxUnitBytes)
    return fail(Errc::invalid_argument, "\"unit\" has at most 32 bytes");
  if (const auto word = model::optional_text(fields, "quality")) {
    const auto quality = quality_of(*word);
    if (!quality) return fail(Errc::invalid_argument, "\"quality\" must be good, uncertain or bad");
    sample.quality = *quality;
  }
  const auto flags = model::optional_integer(fields, "flags").value_or(0);
  if (flags < 0 || (flags & ~std::int64_t{model::kStatedFlags}) != 0)
    return fail(Errc::invalid_argument, "\"flags\" must be a sum of 1, 2 and 8");
  sample.flags = static_cast<std::uint8_t>(flags);
  return {};
}

Result<Sample> read_sample(const boost::json::value& value, TenantId tenant, WallTime now) {
  if (!value.is_object()) return fail(Errc::invalid_argument, "it is not an object");
  const boost::json::object& fields = value.get_object();
  constexpr std::array<std::string_view, 7> kKnown = {"device", "channel", "time", "value",
                                                      "unit",   "quality", "flags"};
  for (const auto& member : fields) {
    if (std::ranges::find(kKnown, std::string_view(member.key())) == kKnown.end())
      return fail(Errc::invalid_argument, "it has an unknown member");
  }
  Sample sample;
  sample.tenant = tenant;
  DUNLIN_TRY(sample.device, name_of(fields, "device"));
  DUNLIN_TRY(sample.channel, name_of(fields, "channel"));
  DUNLIN_TRY(sample.value, value_of(fields));
  DUNLIN_TRY(sample.t_source, time_field(fields, "time", now));
  sample.t_server = now;
  sample.origin.protocol = "http";
  DUNLIN_CHECK(read_rest(fields, sample));
  return sample;
}

Result<std::vector<Sample>> read_samples(const boost::json::array& list, TenantId tenant, WallTime now) {
  if (list.size() > kMaxSamplesPerWrite)
    return fail(Errc::limit_exceeded, "at most 10000 samples go into one call");
  std::vector<Sample> samples;
  samples.reserve(list.size());
  for (const auto& each : list) {
    auto sample = read_sample(each, tenant, now);
    if (!sample)
      return fail(sample.error().code,
                  "samples[" + std::to_string(samples.size()) + "]: " + sample.error().message);
    samples.push_back(*std::move(sample));
  }
  return samples;
}

Result<std::vector<NewPoint>> resolved(SeriesStore& store, const std::vector<Sample>& samples) {
  std::vector<NewPoint> points;
  points.reserve(samples.size());
  for (const Sample& sample : samples) {
    const auto series = store.resolve(sample.tenant, sample.device, sample.channel, sample.unit);
    if (!series)
      return fail(Errc::limit_exceeded, "there are 1,000,000 series already: no further one is made");
    points.push_back({*series, {sample.t_source, sample.value, sample.quality, sample.flags}});
  }
  return points;
}

boost::json::value points_answer(const SeriesInfo& info, const std::vector<Point>& points,
                                 std::size_t limit) {
  boost::json::array time, value, quality, flags;
  for (std::size_t i = 0; i < std::min(points.size(), limit); ++i) {
    time.push_back(boost::json::value(format_rfc3339_exact(points[i].time)));
    value.push_back(value_json(points[i].value));
    quality.push_back(boost::json::value(quality_name(points[i].quality)));
    flags.push_back(points[i].flags);
  }
  boost::json::object answer{{"device", info.device},     {"channel", info.channel},
                             {"unit", info.unit},         {"time", std::move(time)},
                             {"value", std::move(value)}, {"quality", std::move(quality)},
                             {"flags", std::move(flags)}};
  if (points.size() > limit) answer["next"] = format_rfc3339_exact(points[limit].time);
  return answer;
}

}  // namespace

SampleOperations::SampleOperations(Executor& executor, SeriesStore& store, metrics::Registry& metrics)
    : executor_(executor),
      store_(store),
      stored_(metrics.counter("dunlin_series_samples_stored_total", "Samples stored")) {}

void SampleOperations::declare(model::OperationTable& table) {
  table.add(kWrite, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    write(caller, request, std::move(reply));
  });
  table.add(kPoints, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    points(caller, request, std::move(reply));
  });
}

std::vector<model::OperationSpec> SampleOperations::operations() {
  return {kWrite, kPoints};
}

void SampleOperations::write(const model::Caller& caller, const boost::json::object& request,
                             model::Reply reply) {
  auto samples =
      read_samples(request.at("samples").get_array(), caller.principal->tenant, executor_.wall_now());
  if (!samples) return reply(std::unexpected(samples.error()));
  const std::size_t count = samples->size();
  store(*std::move(samples), [count, reply = std::move(reply)](Result<void> stored) mutable {
    if (!stored) return reply(std::unexpected(stored.error()));
    reply(boost::json::value{{"stored", count}});
  });
}

void SampleOperations::store(std::vector<Sample> samples, std::move_only_function<void(Result<void>)> done) {
  auto points = resolved(store_, samples);
  if (!points) return done(std::unexpected(points.error()));
  store_.write_points(*std::move(points), [this, samples = std::move(samples),
                                           done = std::move(done)](Result<void> written) mutable {
    if (!written) return done(std::move(written));
    stored_.add(static_cast<std::int64_t>(samples.size()));
    for (const auto& handler : handlers_) handler(samples);
    done({});
  });
}

void SampleOperations::points(const model::Caller& caller, const boost::json::object& request,
                              model::Reply reply) {
  const auto from = time_field(request, "from", WallTime::min());
  if (!from) return reply(std::unexpected(from.error()));
  const auto to = time_field(request, "to", WallTime::max());
  if (!to) return reply(std::unexpected(to.error()));
  const std::int64_t limit = model::optional_integer(request, "limit").value_or(kDefaultPoints);
  if (limit < 1 || limit > static_cast<std::int64_t>(kMaxPointsPerAnswer))
    return reply(fail(Errc::invalid_argument, "\"limit\" must be between 1 and 10000"));
  const SeriesInfo* info = store_.find(caller.principal->tenant, *model::optional_text(request, "device"),
                                       *model::optional_text(request, "channel"));
  if (info == nullptr) return reply(fail(Errc::not_found, "there is no such series; see series.list"));
  const auto most = static_cast<std::size_t>(limit);
  store_.points(info->id, info->tenant, *from, *to, most + 1,
                [info, most, reply = std::move(reply)](Result<std::vector<Point>> found) mutable {
                  if (!found) return reply(std::unexpected(found.error()));
                  reply(points_answer(*info, *found, most));
                });
}

}  // namespace dunlin::series
