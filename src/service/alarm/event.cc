#include "service/alarm/event.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/core/assert.h"
#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/keys.h"

namespace dunlin::alarm {
namespace {

constexpr std::array<std::string_view, 12> kChanges{"raised",   "updated",   "escalated",  "acknowledged",
                                                    "shelved",  "unshelved", "suppressed", "resumed",
                                                    "flapping", "steady",    "commented",  "cleared"};

/// Ids hold no NUL, so that no alarm's log lies within another's.
std::string log_key(TenantId tenant, std::string_view alarm_id) {
  return model::tenant_key(tenant, alarm_id) + '\0';
}

std::string history_key(TenantId tenant, std::string_view alarm_id, std::uint64_t place) {
  const std::uint64_t slot = place == 0 ? 0 : 1 + (place - 1) % (kMaxHistory - 1);
  return log_key(tenant, alarm_id) + 'h' + static_cast<char>(slot);
}

std::string comment_key(TenantId tenant, std::string_view alarm_id, std::uint64_t place) {
  DUNLIN_ASSERT(place < kMaxComments);
  return log_key(tenant, alarm_id) + 'c' + static_cast<char>(place);
}

}  // namespace

std::string_view change_name(Change change) {
  return kChanges[static_cast<std::size_t>(change)];
}

boost::json::object to_json(const Event& event) {
  return {{"at", format_rfc3339(event.at)},
          {"what", change_name(event.what)},
          {"by", event.by},
          {"why", event.why}};
}

Result<Event> event_from_json(std::string_view text) {
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(text, error);
  if (error || !document.is_object()) return fail(Errc::corrupt, "a stored event is not a JSON object");
  const auto& object = document.get_object();
  const auto at = parse_rfc3339(model::optional_text(object, "at").value_or(""));
  const auto word = std::ranges::find(kChanges, model::optional_text(object, "what").value_or(""));
  if (!at || word == kChanges.end()) return fail(Errc::corrupt, "a stored event has an unknown form");
  Event event;
  event.what = static_cast<Change>(word - kChanges.begin());
  event.at = *at;
  event.by = model::optional_text(object, "by").value_or("");
  event.why = model::optional_text(object, "why").value_or("");
  event.place = static_cast<std::uint64_t>(model::optional_integer(object, "place").value_or(0));
  return event;
}

store::Put stored(TenantId tenant, std::string_view alarm_id, const Event& event) {
  boost::json::object value = to_json(event);
  value["place"] = event.place;
  auto key = event.what == Change::commented ? comment_key(tenant, alarm_id, event.place)
                                             : history_key(tenant, alarm_id, event.place);
  return {store::Table::alarm_log, std::move(key), boost::json::serialize(value)};
}

store::Range log_range(TenantId tenant, std::string_view alarm_id) {
  const std::string begin = log_key(tenant, alarm_id);
  return {.begin = begin, .end = model::prefix_end(begin), .max_entries = kMaxHistory + kMaxComments};
}

void forget_log(store::Batch& batch, TenantId tenant, std::string_view alarm_id, std::uint64_t history,
                std::uint64_t comments) {
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(history, kMaxHistory); ++i)
    batch.deletes.push_back({store::Table::alarm_log, history_key(tenant, alarm_id, i)});
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(comments, kMaxComments); ++i)
    batch.deletes.push_back({store::Table::alarm_log, comment_key(tenant, alarm_id, i)});
}

}  // namespace dunlin::alarm
