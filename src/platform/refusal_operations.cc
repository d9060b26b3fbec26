#include "platform/refusal_operations.h"

#include <boost/json.hpp>
#include <map>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "platform/refusal_json.h"
#include "security/names.h"

namespace dunlin::platform {
namespace {

using model::Field;
using model::FieldType;
using model::Need;
using security::PenaltyTable;
using security::RefusalBook;

constexpr std::int64_t kDefaultRows = 20;
constexpr std::int64_t kMaxRows = 100;
constexpr std::int64_t kDefaultBlockMinutes = 60;
constexpr Duration kFeedInterval = std::chrono::seconds{1};
constexpr std::size_t kMaxFedRows = 20;

constexpr Field kPictureRequest[] = {
    {"span", FieldType::text, Need::optional, "of the history: hour (in steps of 10 s) or day (of a minute)"},
    {"limit", FieldType::integer, Need::optional, "rows of each list, 1 to 100 (20)"}};
constexpr Field kPictureResponse[] = {
    {"total", FieldType::integer, Need::required, "refusals since the server's start"},
    {"kinds", FieldType::array, Need::required, "kind, count, last_at of each that has occurred"},
    {"addresses", FieldType::array, Need::required,
     "the most refused of the last hour: address (of IPv6 the /64), count, uncertain (so many more it may "
     "be), "
     "recent (5 to 10 minutes), first_at, last_at, last_kind, reason, kinds, last_device; "
     "penalty_seconds and blocked_seconds where it waits or is blocked"},
    {"devices", FieldType::array, Need::required,
     "likewise: device (client id or thing), proven, quarantine, last_address"},
    {"users", FieldType::array, Need::required, "likewise: user, last_address, penalty_seconds"},
    {"recent", FieldType::array, Need::required, "the newest first: at, kind, address, device, user, reason"},
    {"blocks", FieldType::array, Need::required, "address, blocked_seconds"},
    {"history", FieldType::object, Need::required, "from, step_seconds, kinds: the counts of each step"},
    {"at", FieldType::text, Need::required, "when this was so"}};
constexpr Field kAddressRequest[] = {
    {"address", FieldType::text, Need::required, "an IPv4 address, an IPv6 one, or its /64"}};
constexpr Field kUserRequest[] = {{"user", FieldType::text, Need::required, "the user's name"}};
constexpr Field kBlockRequest[] = {
    {"address", FieldType::text, Need::required, "an IPv4 address, an IPv6 one, or its /64"},
    {"minutes", FieldType::integer, Need::optional, "for so long, 1 to 43200 (60)"}};
constexpr Field kReleaseResponse[] = {
    {"penalties", FieldType::integer, Need::required, "how many were lifted"},
    {"was_blocked", FieldType::boolean, Need::required, "whether a block was"}};
constexpr Field kReleaseUserResponse[] = {
    {"penalties", FieldType::integer, Need::required, "how many were lifted"}};
constexpr Field kBlockResponse[] = {
    {"address", FieldType::text, Need::required, "whose connections are refused"},
    {"blocked_seconds", FieldType::integer, Need::required, "for how long"}};
constexpr Errc kErrors[] = {Errc::invalid_argument};
constexpr Errc kBlockErrors[] = {Errc::invalid_argument, Errc::limit_exceeded, Errc::conflict};

constexpr model::OperationSpec kRefusals{
    "security.refusals",      model::Method::get,
    "/api/security/refusals", "Show what is refused: by kind, address, device and user.",
    "security:read",          kPictureRequest,
    kPictureResponse,         kErrors};
constexpr model::OperationSpec kRelease{
    "security.release",       model::Method::post,
    "/api/security/release",  "Let an address try again: lift its penalties and its block.",
    "security:write",         kAddressRequest,
    kReleaseResponse,         kErrors,
    model::Audited::by_table, "address"};
constexpr model::OperationSpec kReleaseUser{"security.release-user",
                                            model::Method::post,
                                            "/api/security/release-user",
                                            "Let a user try again: lift the penalties.",
                                            "security:write",
                                            kUserRequest,
                                            kReleaseUserResponse,
                                            kErrors,
                                            model::Audited::by_table,
                                            "user"};
constexpr model::OperationSpec kBlock{
    "security.block",         model::Method::post,
    "/api/security/block",    "Take no new connection from an address for a time.",
    "security:write",         kBlockRequest,
    kBlockResponse,           kBlockErrors,
    model::Audited::by_table, "address"};

std::int64_t whole_seconds(Duration time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

/// By network_of() or the user's name: how long each has to wait.
struct Waits {
  std::map<std::string, Duration, std::less<>> addresses;
  std::map<std::string, Duration, std::less<>> users;

  explicit Waits(const PenaltyTable& penalties) {
    for (PenaltyTable::Waiting& waiting : penalties.waiting()) {
      auto& known = waiting.of == PenaltyTable::Waiting::Of::user ? users : addresses;
      Duration& left = known[std::move(waiting.subject)];
      left = std::max(left, waiting.left);
    }
  }
};

void add_seconds(boost::json::object& row, std::string_view member,
                 const std::map<std::string, Duration, std::less<>>& waits, std::string_view key) {
  if (const auto found = waits.find(key); found != waits.end()) row[member] = whole_seconds(found->second);
}

boost::json::array blocks_json(const std::vector<net::AddressBlocks::Block>& blocks) {
  boost::json::array rows;
  for (const auto& block : blocks)
    rows.push_back({{"address", block.address}, {"blocked_seconds", whole_seconds(block.left)}});
  return rows;
}

boost::json::object show(const RefusalParts& parts, TenantId tenant, const RefusalBook::Picture& picture) {
  const Moment moment{picture.now, picture.wall_now};
  const Waits waits(parts.penalties);
  const auto blocks = parts.blocks.list(picture.now);
  std::map<std::string, Duration, std::less<>> blocked;
  for (const auto& block : blocks) blocked[security::network_of(block.address)] = block.left;
  boost::json::array addresses;
  for (const security::Talker& talker : picture.addresses) {
    boost::json::object row = talker_json(talker, moment, "address", "last_device");
    const std::string network = security::network_of(talker.name.view());
    add_seconds(row, "penalty_seconds", waits.addresses, network);
    add_seconds(row, "blocked_seconds", blocked, network);
    addresses.push_back(std::move(row));
  }
  boost::json::array devices;
  for (const security::Talker& talker : picture.devices) {
    boost::json::object row = talker_json(talker, moment, "device", "last_address");
    row["proven"] = talker.identity == Refusal::Identity::proven;
    row["quarantine"] = parts.standings.of(tenant, talker.name.view()).quarantine == Quarantine::yes;
    devices.push_back(std::move(row));
  }
  boost::json::array users;
  for (const security::Talker& talker : picture.users) {
    boost::json::object row = talker_json(talker, moment, "user", "last_address");
    add_seconds(row, "penalty_seconds", waits.users, talker.name.view());
    users.push_back(std::move(row));
  }
  boost::json::array recent;
  for (const auto& entry : picture.recent) recent.push_back(to_json(entry, moment));
  return {{"total", picture.total},
          {"kinds", kinds_json(picture.kinds, moment)},
          {"addresses", std::move(addresses)},
          {"devices", std::move(devices)},
          {"users", std::move(users)},
          {"recent", std::move(recent)},
          {"blocks", blocks_json(blocks)},
          {"history", history_json(picture)},
          {"at", format_rfc3339(picture.wall_now)}};
}

Result<RefusalBook::Picture> read_picture(const RefusalBook& book, const boost::json::object& request) {
  const std::int64_t limit = model::optional_integer(request, "limit").value_or(kDefaultRows);
  if (limit < 1 || limit > kMaxRows)
    return fail(Errc::invalid_argument, "\"limit\" must be between 1 and 100");
  const std::string span = model::optional_text(request, "span").value_or("hour");
  if (span != "hour" && span != "day") return fail(Errc::invalid_argument, "\"span\" must be hour or day");
  return book.picture(static_cast<std::size_t>(limit),
                      span == "hour" ? RefusalBook::Span::hour : RefusalBook::Span::day);
}

Result<boost::json::object> block(const RefusalParts& parts, const model::Caller& caller,
                                  const boost::json::object& request) {
  const std::string address = model::optional_text(request, "address").value_or("");
  const std::int64_t minutes = model::optional_integer(request, "minutes").value_or(kDefaultBlockMinutes);
  const auto most = std::chrono::duration_cast<std::chrono::minutes>(net::kMaxAddressBlock).count();
  if (minutes < 1 || minutes > most)
    return fail(Errc::invalid_argument, "\"minutes\" must be between 1 and " + std::to_string(most));
  if (security::network_of(address) == security::network_of(caller.address))
    return fail(Errc::conflict, "this is your own address: you would be shut out");
  const Duration time = std::chrono::minutes{minutes};
  DUNLIN_CHECK(parts.blocks.block(address, time, parts.clock.now()));
  return boost::json::object{{"address", address}, {"blocked_seconds", whole_seconds(time)}};
}

boost::json::object release(const RefusalParts& parts, const std::string& address) {
  const std::size_t lifted =
      parts.penalties.forgive({security::network_of(address), {}, PenaltyTable::Waiting::Of::address});
  return {{"penalties", lifted}, {"was_blocked", parts.blocks.unblock(address)}};
}

}  // namespace

void declare_refusals(model::OperationTable& table, RefusalParts parts) {
  table.add(kRefusals,
            [parts](const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
              const auto picture = read_picture(parts.book, request);
              if (!picture) return reply(std::unexpected(picture.error()));
              reply(boost::json::value(show(parts, caller.principal->tenant, *picture)));
            });
  table.add(kRelease, [parts](const model::Caller&, const boost::json::object& request, model::Reply reply) {
    reply(boost::json::value(release(parts, model::optional_text(request, "address").value_or(""))));
  });
  table.add(kReleaseUser,
            [parts](const model::Caller&, const boost::json::object& request, model::Reply reply) {
              const std::size_t lifted = parts.penalties.forgive(
                  {model::optional_text(request, "user").value_or(""), {}, PenaltyTable::Waiting::Of::user});
              reply(boost::json::value{{"penalties", lifted}});
            });
  table.add(kBlock,
            [parts](const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
              auto blocked = block(parts, caller, request);
              if (!blocked) return reply(std::unexpected(blocked.error()));
              reply(boost::json::value(*std::move(blocked)));
            });
}

std::vector<model::OperationSpec> refusal_operations() {
  return {kRefusals, kRelease, kReleaseUser, kBlock};
}

void RefusalFeed::start() {
  timer_ = executor_.schedule(kFeedInterval, [this] {
    timer_ = {};
    look();
    start();
  });
}

void RefusalFeed::look() {
  if (feed_.page_count() == 0 || book_.total() == told_) return;
  const RefusalBook::News news = book_.news(told_, kMaxFedRows);
  told_ = news.total;
  const Moment moment{news.now, news.wall_now};
  boost::json::array recent;
  for (const auto& entry : news.recent) recent.push_back(to_json(entry, moment));
  feed_.refusals(kDefaultTenant, {{"type", "refusals"},
                                  {"at", format_rfc3339(news.wall_now)},
                                  {"total", news.total},
                                  {"kinds", kinds_json(news.kinds, moment)},
                                  {"recent", std::move(recent)}});
}

}  // namespace dunlin::platform
