#include "service/series/operations.h"

#include <boost/json.hpp>

#include "model/json_fields.h"
#include "service/series/json_forms.h"
#include "service/series/series_service.h"
#include "service/series/storage_operations.h"

namespace dunlin::series {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kDevice{"device", FieldType::text, Need::optional, "only series of this device"};
constexpr Field kListRequest[] = {kDevice};
constexpr Field kListResponse[] = {
    {"series", FieldType::array, Need::required,
     "device, channel, unit and last value of each, and whether it is derived"}};
constexpr Field kRangeRequest[] = {
    {"device", FieldType::text, Need::required, "the device"},
    {"channel", FieldType::text, Need::required, "its channel"},
    {"from", FieldType::any, Need::optional, "begin: Unix ms or RFC 3339 (one hour before `to`)"},
    {"to", FieldType::any, Need::optional, "end, exclusive (now)"},
    {"points", FieldType::integer, Need::optional, "downsample to at most this many (1000)"}};
constexpr Field kRangeResponse[] = {
    {"unit", FieldType::text, Need::required, "SenML unit, or empty"},
    {"device", FieldType::text, Need::required, "the device"},
    {"channel", FieldType::text, Need::required, "its channel"},
    {"t", FieldType::array, Need::required, "times in Unix ms, ascending"},
    {"value", FieldType::array, Need::required, "means, one per time"},
    {"min", FieldType::array, Need::required, "minima"},
    {"max", FieldType::array, Need::required, "maxima"},
    {"count", FieldType::array, Need::required, "how many points each stands for"}};
constexpr Errc kRangeErrors[] = {Errc::not_found, Errc::invalid_argument, Errc::limit_exceeded};

constexpr model::OperationSpec kList{"series.list", model::Method::get, "/api/series", "List series.",
                                     "series:read", kListRequest,       kListResponse, {}};
constexpr model::OperationSpec kLast{"series.last", model::Method::get, "/api/series/last", "Last values.",
                                     "series:read", kListRequest,       kListResponse,      {}};
constexpr model::OperationSpec kRange{
    "series.range", model::Method::get, "/api/series/range", "Values of a series over a time.",
    "series:read",  kRangeRequest,      kRangeResponse,      kRangeErrors};

boost::json::object to_json(const SeriesInfo& info) {
  return {{"device", info.device},
          {"channel", info.channel},
          {"unit", info.unit},
          {"t", unix_milliseconds(info.last.time)},
          {"value", value_json(info.last.value)},
          {"quality", quality_name(info.last.quality)},
          {"derived", (info.last.flags & model::kDerived) != 0}};
}

void list_series(SeriesStore& store, const model::Caller& caller, const boost::json::object& request,
                 model::Reply reply) {
  boost::json::array rows;
  const std::string device = model::optional_text(request, "device").value_or("");
  for (const SeriesInfo* info : store.list(caller.principal->tenant, device)) rows.push_back(to_json(*info));
  reply(boost::json::value{{"series", std::move(rows)}});
}

/// Whole milliseconds stay whole numbers: nanoseconds have more digits than a double.
boost::json::value milliseconds_of(WallTime time) {
  const std::int64_t nanoseconds = unix_nanoseconds(time);
  const std::int64_t whole = nanoseconds / 1'000'000;
  const std::int64_t rest = nanoseconds % 1'000'000;
  if (rest == 0) return boost::json::value(whole);
  return boost::json::value(static_cast<double>(whole) + static_cast<double>(rest) / 1e6);
}

boost::json::value range_answer(const SeriesInfo& info, const std::vector<Bucket>& buckets) {
  boost::json::array t, value, min, max, count;
  for (const Bucket& bucket : buckets) {
    t.push_back(milliseconds_of(bucket.time));
    value.push_back(bucket.mean);
    min.push_back(bucket.min);
    max.push_back(bucket.max);
    count.push_back(bucket.count);
  }
  return {{"device", info.device}, {"channel", info.channel},   {"unit", info.unit},
          {"t", std::move(t)},     {"value", std::move(value)}, {"min", std::move(min)},
          {"max", std::move(max)}, {"count", std::move(count)}};
}

}  // namespace

void SeriesService::declare(model::OperationTable& table) {
  const auto list = [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    list_series(store_, caller, request, std::move(reply));
  };
  table.add(kList, list);
  table.add(kLast, list);
  declare_storage(table, store_);
  table.add(kRange, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    const auto to = time_field(request, "to", executor_.wall_now());
    if (!to) return reply(std::unexpected(to.error()));
    const auto from = time_field(request, "from", *to - std::chrono::hours{1});
    if (!from) return reply(std::unexpected(from.error()));
    const std::int64_t points = model::optional_integer(request, "points").value_or(1000);
    if (points < 1 || points > static_cast<std::int64_t>(kMaxPointsPerAnswer)) {
      return reply(fail(Errc::invalid_argument, "\"points\" must be between 1 and 10000"));
    }
    if (*from >= *to) return reply(fail(Errc::invalid_argument, "\"from\" must be before \"to\""));
    const SeriesInfo* info = store_.find(caller.principal->tenant, *model::optional_text(request, "device"),
                                         *model::optional_text(request, "channel"));
    if (info == nullptr) return reply(fail(Errc::not_found, "there is no such series; see series.list"));
    store_.downsampled(info->id, info->tenant, *from, *to, static_cast<std::size_t>(points),
                       [info, reply = std::move(reply)](Result<std::vector<Bucket>> buckets) mutable {
                         if (!buckets) return reply(std::unexpected(buckets.error()));
                         reply(range_answer(*info, *buckets));
                       });
  });
}

std::vector<model::OperationSpec> operations() {
  std::vector<model::OperationSpec> all{kList, kLast, kRange};
  for (const model::OperationSpec& more : storage_operations()) all.push_back(more);
  return all;
}

}  // namespace dunlin::series
