#include "platform/refusal_json.h"

#include <boost/json.hpp>

#include "base/time_text.h"
#include "security/names.h"

namespace dunlin::platform {
namespace {

using security::kMaxRefusalReason;
using security::kMaxTalkerName;
using security::RefusalBook;

std::string name_text(std::string_view name) {
  return security::shown_text(name, kMaxTalkerName);
}

void add_if_known(boost::json::object& row, std::string_view member, std::string_view name) {
  if (!name.empty()) row[member] = name_text(name);
}

std::int64_t whole_seconds(Duration time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

}  // namespace

std::string Moment::text(Instant at) const {
  return format_rfc3339(wall_now - (now - at));
}

boost::json::object to_json(const RefusalBook::Entry& entry, const Moment& moment) {
  boost::json::object row{{"at", moment.text(entry.at)}, {"kind", refusal_kind_name(entry.kind)}};
  add_if_known(row, "address", entry.address.view());
  add_if_known(row, "device", entry.device.view());
  add_if_known(row, "user", entry.user.view());
  row["reason"] = security::shown_text(entry.reason.view(), kMaxRefusalReason);
  return row;
}

boost::json::array kinds_json(const RefusalBook::Kinds& kinds, const Moment& moment) {
  boost::json::array rows;
  for (std::size_t i = 0; i < kRefusalKinds; ++i) {
    if (kinds[i].count == 0) continue;
    rows.push_back({{"kind", refusal_kind_name(static_cast<RefusalKind>(i))},
                    {"count", kinds[i].count},
                    {"last_at", moment.text(kinds[i].last)}});
  }
  return rows;
}

boost::json::object talker_json(const security::Talker& talker, const Moment& moment, std::string_view name,
                                std::string_view peer) {
  boost::json::array kinds;
  for (std::size_t i = 0; i < kRefusalKinds; ++i) {
    if ((talker.kinds >> i & 1U) != 0) kinds.emplace_back(refusal_kind_name(static_cast<RefusalKind>(i)));
  }
  boost::json::object row{{name, name_text(talker.name.view())},
                          {"count", talker.sure()},
                          {"uncertain", talker.over},
                          {"recent", security::TopTalkers::recent(talker, moment.now)},
                          {"first_at", moment.text(talker.first)},
                          {"last_at", moment.text(talker.last)},
                          {"last_kind", refusal_kind_name(talker.last_kind)},
                          {"reason", security::shown_text(talker.reason.view(), kMaxRefusalReason)},
                          {"kinds", std::move(kinds)}};
  add_if_known(row, peer, talker.peer.view());
  return row;
}

boost::json::object history_json(const RefusalBook::Picture& picture) {
  boost::json::object kinds;
  for (std::size_t kind = 0; kind < kRefusalKinds; ++kind) {
    boost::json::array counts;
    std::uint64_t sum = 0;
    for (const auto& row : picture.history) {
      sum += row.counts[kind];
      counts.push_back(row.counts[kind]);
    }
    if (sum > 0) kinds[refusal_kind_name(static_cast<RefusalKind>(kind))] = std::move(counts);
  }
  boost::json::object history{{"step_seconds", whole_seconds(picture.step)}};
  if (!picture.history.empty())
    history["from"] = format_rfc3339(picture.wall_now - picture.history.front().ago);
  history["kinds"] = std::move(kinds);
  return history;
}

}  // namespace dunlin::platform
