#include "service/series/storage_operations.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <memory>
#include <string>

#include "model/json_fields.h"
#include "service/series/json_forms.h"
#include "service/series/open_windows.h"

namespace dunlin::series {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kDeleteRequest[] = {
    {"device", FieldType::text, Need::required, "the device"},
    {"channel", FieldType::text, Need::optional, "its channel (all of them)"},
    {"from", FieldType::any, Need::optional, "begin: Unix ms or RFC 3339 (the beginning of all)"},
    {"to", FieldType::any, Need::optional, "end, exclusive (the end of all)"}};
constexpr Field kDeleteResponse[] = {
    {"series", FieldType::integer, Need::required, "how many were gone through"}};
constexpr Errc kDeleteErrors[] = {Errc::not_found, Errc::invalid_argument, Errc::no_space};
constexpr Field kUsageRequest[] = {
    {"device", FieldType::text, Need::optional, "its channels; without: devices"},
    {"limit", FieldType::integer, Need::optional, "rows, the largest first (100)"}};
constexpr Field kUsageResponse[] = {
    {"series", FieldType::integer, Need::required, "how many there are"},
    {"points", FieldType::integer, Need::required, "points in chunks"},
    {"open_points", FieldType::integer, Need::required, "points that are not in chunks yet"},
    {"bytes", FieldType::integer, Need::required, "of these chunks, before the disk's own compression"},
    {"rollup_bytes", FieldType::integer, Need::required, "of rollups, likewise"},
    {"open_bytes", FieldType::integer, Need::required, "memory of what is not in chunks yet, of all tenants"},
    {"log_bytes", FieldType::integer, Need::required, "the log that keeps it, of all tenants"},
    {"rows", FieldType::array, Need::required,
     "name, series, points, open_points, bytes and rollup_bytes of each"}};
constexpr Errc kUsageErrors[] = {Errc::invalid_argument};

constexpr model::OperationSpec kDelete{
    "series.delete", model::Method::del,
    "/api/series",   "Delete measurements: of a device, a channel, or a time.",
    "series:delete", kDeleteRequest,
    kDeleteResponse, kDeleteErrors};
constexpr model::OperationSpec kUsage{
    "series.usage",      model::Method::get,
    "/api/series/usage", "What stored measurements take, the largest first.",
    "series:read",       kUsageRequest,
    kUsageResponse,      kUsageErrors};

/// Deletes in one series after another. Shared by its completions; one at a time.
struct Deleting {
  SeriesStore& store;
  TenantId tenant;
  std::vector<Deletion> left;
  std::size_t count;
  model::Reply reply;
};

void delete_next(std::shared_ptr<Deleting> work) {
  if (work->left.empty()) return work->reply(boost::json::value{{"series", work->count}});
  const Deletion deletion = work->left.back();
  work->left.pop_back();
  work->store.erase(work->tenant, deletion, [work](Result<void> result) {
    // Another call may have been quicker.
    if (!result && result.error().code != Errc::not_found)
      return work->reply(std::unexpected(result.error()));
    delete_next(work);
  });
}

void delete_points(SeriesStore& store, const model::Caller& caller, const boost::json::object& request,
                   model::Reply reply) {
  const auto from = time_field(request, "from", WallTime::min());
  if (!from) return reply(std::unexpected(from.error()));
  const auto to = time_field(request, "to", WallTime::max());
  if (!to) return reply(std::unexpected(to.error()));
  if (*from >= *to) return reply(fail(Errc::invalid_argument, "\"from\" must be before \"to\""));
  const TenantId tenant = caller.principal->tenant;
  const std::string device = model::optional_text(request, "device").value_or("");
  if (device.empty()) return reply(fail(Errc::invalid_argument, "\"device\" must name a device"));
  const auto channel = model::optional_text(request, "channel");
  std::vector<Deletion> deletions;
  for (const SeriesInfo* info : store.list(tenant, device))
    if (!channel || info->channel == *channel) deletions.push_back({info->id, *from, *to});
  if (deletions.empty()) return reply(fail(Errc::not_found, "there is no such series; see series.list"));
  const std::size_t count = deletions.size();
  delete_next(
      std::make_shared<Deleting>(Deleting{store, tenant, std::move(deletions), count, std::move(reply)}));
}

struct Usage {
  std::uint64_t series = 0;
  std::uint64_t points = 0;
  std::uint64_t open_points = 0;
  std::uint64_t bytes = 0;
  std::uint64_t rollup_bytes = 0;
  void add(const SeriesEntry& entry) {
    ++series;
    points += entry.points;
    bytes += entry.bytes;
    rollup_bytes += entry.rollups.bytes;
    for (const auto& window : entry.windows) open_points += window->open.size() + window->sealing.size();
  }
};

boost::json::array rows_of(const std::map<std::string, Usage, std::less<>>& by_name, std::size_t limit) {
  std::vector<std::pair<std::string_view, const Usage*>> sorted;
  for (const auto& [name, usage] : by_name) sorted.emplace_back(name, &usage);
  std::ranges::stable_sort(sorted, std::ranges::greater(), [](const auto& row) {
    return std::pair{row.second->bytes + row.second->rollup_bytes, row.second->open_points};
  });
  boost::json::array rows;
  for (const auto& [name, usage] : sorted) {
    if (rows.size() == limit) break;
    rows.push_back(boost::json::object{{"name", name},
                                       {"series", usage->series},
                                       {"points", usage->points},
                                       {"open_points", usage->open_points},
                                       {"bytes", usage->bytes},
                                       {"rollup_bytes", usage->rollup_bytes}});
  }
  return rows;
}

void tell_usage(SeriesStore& store, const model::Caller& caller, const boost::json::object& request,
                model::Reply reply) {
  const auto limit = model::limit_field(request);
  if (!limit) return reply(std::unexpected(limit.error()));
  const std::string device = model::optional_text(request, "device").value_or("");
  Usage all;
  std::map<std::string, Usage, std::less<>> by_name;
  for (const SeriesEntry* entry : store.entries(caller.principal->tenant, device)) {
    all.add(*entry);
    by_name[device.empty() ? entry->info.device : entry->info.channel].add(*entry);
  }
  reply(boost::json::value{{"series", all.series},
                           {"points", all.points},
                           {"open_points", all.open_points},
                           {"bytes", all.bytes},
                           {"rollup_bytes", all.rollup_bytes},
                           {"open_bytes", store.open_bytes()},
                           {"log_bytes", store.log_bytes()},
                           {"rows", rows_of(by_name, *limit)}});
}

}  // namespace

void declare_storage(model::OperationTable& table, SeriesStore& store) {
  table.add(kDelete, [&store](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    delete_points(store, caller, request, std::move(reply));
  });
  table.add(kUsage, [&store](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    tell_usage(store, caller, request, std::move(reply));
  });
}

std::vector<model::OperationSpec> storage_operations() {
  return {kDelete, kUsage};
}

}  // namespace dunlin::series
