// AlarmService: what is stored, for people.

#include <algorithm>
#include <cctype>

#include "model/keys.h"
#include "service/alarm/alarm_service.h"
#include "service/alarm/rows.h"
#include "store/keyed_scan.h"

namespace dunlin::alarm {
namespace {

constexpr std::size_t kMaxScannedAlarms = 100'000;

/// Pages through a tenant's stored alarms. Handed from completion to completion.
struct ListScan {
  AlarmService::ListQuery query;
  std::string begin;
  std::string end;
  std::size_t scanned = 0;
  std::vector<Alarm> found;
  std::move_only_function<void(Result<std::vector<Alarm>>)> done;
};

bool holds_text(std::string_view in, std::string_view text) {
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  return !std::ranges::search(in, text, same).empty();
}

bool fits(const AlarmService::ListQuery& query, const Alarm& alarm) {
  if (query.which == AlarmService::ListQuery::Which::open && !alarm.is_open()) return false;
  if (query.state && alarm.state() != *query.state) return false;
  if (alarm.severity < query.least || (query.source && alarm.source != *query.source)) return false;
  if (!query.name.empty() && alarm.name != query.name) return false;
  if (!query.thing.empty() && alarm.thing != query.thing) return false;
  return query.text.empty() || holds_text(alarm.name, query.text) || holds_text(alarm.thing, query.text) ||
         holds_text(alarm.message, query.text);
}

void finish(ListScan& scan) {
  const auto is_newer = [](const Alarm& a, const Alarm& b) {
    return a.raised_at != b.raised_at ? a.raised_at > b.raised_at : a.id > b.id;
  };
  std::ranges::sort(scan.found, is_newer);
  if (scan.found.size() > scan.query.limit) scan.found.resize(scan.query.limit);
  scan.done(std::move(scan.found));
}

void scan_alarms(Executor& executor, store::Keyed& keyed, std::shared_ptr<ListScan> scan) {
  keyed.range(executor, store::Table::alarm, {.begin = scan->begin, .end = scan->end},
              [&executor, &keyed, scan](Result<std::vector<store::Entry>> entries) {
                if (!entries) return scan->done(std::unexpected(entries.error()));
                for (const store::Entry& entry : *entries) {
                  auto alarm = alarm_of(entry);
                  if (!alarm) return scan->done(std::unexpected(alarm.error()));
                  if (fits(scan->query, *alarm)) scan->found.push_back(*std::move(alarm));
                }
                scan->scanned += entries->size();
                if (entries->empty() || scan->scanned >= kMaxScannedAlarms) return finish(*scan);
                scan->begin = entries->back().key + '\0';
                scan_alarms(executor, keyed, scan);
              });
}

}  // namespace

void AlarmService::list(ListQuery query, std::move_only_function<void(Result<std::vector<Alarm>>)> done) {
  auto scan = std::make_shared<ListScan>();
  scan->begin = model::big_endian_32(query.tenant.value);
  scan->end = model::prefix_end(scan->begin);
  scan->query = std::move(query);
  scan->done = std::move(done);
  scan_alarms(executor_, keyed_, std::move(scan));
}

void AlarmService::log_of(TenantId tenant, std::string id, std::move_only_function<void(Result<Log>)> done) {
  get(tenant, id, [this, tenant, id, done = std::move(done)](Result<Alarm> found) mutable {
    if (!found) return done(std::unexpected(found.error()));
    auto log = std::make_shared<Log>();  // shared by the steps of the scan
    auto each = [log](const store::Entry& entry) -> Result<void> {
      DUNLIN_TRY(Event event, event_from_json(entry.value));
      auto& events = event.what == Change::commented ? log->comments : log->history;
      events.push_back(std::move(event));
      return {};
    };
    store::for_each_entry(executor_, keyed_, store::Table::alarm_log, log_range(tenant, id), std::move(each),
                          [log, done = std::move(done)](Result<void> read) mutable {
                            if (!read) return done(std::unexpected(read.error()));
                            std::ranges::sort(log->history, {}, &Event::place);
                            std::ranges::sort(log->comments, {}, &Event::place);
                            done(std::move(*log));
                          });
  });
}

}  // namespace dunlin::alarm
