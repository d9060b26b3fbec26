#include <boost/json.hpp>

#include "base/hex.h"
#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/reply.h"
#include "service/audit/audit.h"

namespace dunlin::audit {
namespace {

using model::Field;
using model::FieldType;
using model::Need;
using security::AuditRecord;

constexpr Field kListRequest[] = {
    {"actor", FieldType::text, Need::optional, "only what this user, thing or service did"},
    {"action", FieldType::text, Need::optional,
     "only actions that begin with this, e.g. user. or session.login"},
    {"object", FieldType::text, Need::optional, "only what was done to this"},
    {"from", FieldType::text, Need::optional, "not before this time, RFC 3339"},
    {"until", FieldType::text, Need::optional, "before this time, RFC 3339"},
    {"before", FieldType::integer, Need::optional, "page: what an earlier answer called next"},
    {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"}};
constexpr Field kListResponse[] = {
    {"records", FieldType::array, Need::required,
     "the newest first: sequence, at, actor, proof, address, action, object, outcome, count, detail"},
    {"next", FieldType::integer, Need::optional,
     "where the next page begins, also when this one is short; absent: no more"}};
constexpr Field kExportRequest[] = {
    {"first", FieldType::integer, Need::optional, "begin with this record (the oldest)"},
    {"through", FieldType::integer, Need::optional, "end with this record (the newest)"},
    {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (1000)"}};
constexpr Field kExportResponse[] = {
    {"records", FieldType::array, Need::required, "the oldest first, as they are hashed"},
    {"through", FieldType::integer, Need::required, "the last record of the range: ask the next page for it"},
    {"next", FieldType::integer, Need::optional, "first of the next page; absent: no more"},
    {"head", FieldType::object, Need::optional,
     "signed: where the log begins and ends; behind the newest record"}};
constexpr Field kVerifyResponse[] = {
    {"state", FieldType::text, Need::required, "none, running, done or failed (the store could not be read)"},
    {"checked", FieldType::integer, Need::required, "records so far"},
    {"of", FieldType::integer, Need::required, "records that there were when it began"},
    {"began_at", FieldType::text, Need::optional, "RFC 3339"},
    {"ended_at", FieldType::text, Need::optional, "RFC 3339; absent while it runs"},
    {"why", FieldType::text, Need::optional, "failed: what the store said"},
    {"ok", FieldType::boolean, Need::optional, "done: whether the whole log is as it was written"},
    {"problem", FieldType::text, Need::optional, "the first thing that is not"},
    {"record", FieldType::integer, Need::optional, "its number, where it is one record's"},
    {"records", FieldType::integer, Need::optional, "that hold, from the oldest on"},
    {"first", FieldType::integer, Need::optional, "the oldest record that is kept"},
    {"last", FieldType::integer, Need::optional, "the newest record when it began"},
    {"hash", FieldType::text, Need::optional, "of that record: note it down elsewhere"},
    {"before_chain", FieldType::integer, Need::optional, "records from before the chain, not verified"}};
constexpr Errc kListErrors[] = {Errc::invalid_argument, Errc::malformed, Errc::corrupt};
constexpr Errc kVerifyErrors[] = {Errc::unavailable};

constexpr model::OperationSpec kList{
    "audit.list", model::Method::get, "/api/audit",  "List records of the audit log.",
    "audit:read", kListRequest,       kListResponse, kListErrors};
constexpr model::OperationSpec kExport{
    "audit.export",      model::Method::get,
    "/api/audit/export", "Read the audit log with its hashes, page by page.",
    "audit:read",        kExportRequest,
    kExportResponse,     kListErrors};
constexpr model::OperationSpec kVerify{"audit.verify",
                                       model::Method::post,
                                       "/api/audit/verify",
                                       "Begin to verify the audit log, or join a verification that runs.",
                                       "audit:read",
                                       {},
                                       kVerifyResponse,
                                       kVerifyErrors,
                                       model::Audited::not_at_all};
constexpr model::OperationSpec kProgress{
    "audit.progress",    model::Method::get,
    "/api/audit/verify", "Show how far the verification is, or what the last one said.",
    "audit:read",        {},
    kVerifyResponse,     {}};

/// Errors: malformed.
Result<std::int64_t> time_field(const boost::json::object& request, std::string_view name) {
  const auto text = model::optional_text(request, name);
  if (!text) return 0;
  const auto time = parse_rfc3339(*text);
  if (!time) {
    return fail(Errc::malformed, "\"" + std::string(name) + "\" must be a time like 2026-01-31T12:00:00Z");
  }
  return unix_milliseconds(*time);
}

/// 0 where it is absent. Errors: invalid_argument.
Result<std::uint64_t> sequence_field(const boost::json::object& request, std::string_view name) {
  const auto number = model::optional_integer(request, name);
  if (!number) return 0;
  if (*number < 1) return fail(Errc::invalid_argument, "\"" + std::string(name) + "\" must be 1 or more");
  return static_cast<std::uint64_t>(*number);
}

boost::json::object to_row(const AuditRecord& record) {
  return {{"sequence", record.sequence}, {"at", format_rfc3339(from_unix_milliseconds(record.at))},
          {"actor", record.actor},       {"proof", record.proof},
          {"address", record.address},   {"action", record.action},
          {"object", record.object},     {"outcome", record.outcome},
          {"count", record.count},       {"detail", record.detail}};
}

Result<security::AuditListQuery> list_query(const model::Caller& caller, const boost::json::object& request) {
  security::AuditListQuery query;
  query.tenant = caller.principal->tenant.value;
  query.filter.actor = model::optional_text(request, "actor").value_or("");
  query.filter.action_prefix = model::optional_text(request, "action").value_or("");
  query.filter.object = model::optional_text(request, "object").value_or("");
  DUNLIN_TRY(query.filter.from, time_field(request, "from"));
  DUNLIN_TRY(query.filter.until, time_field(request, "until"));
  DUNLIN_TRY(query.before, sequence_field(request, "before"));
  DUNLIN_TRY(query.limit, model::limit_field(request));
  return query;
}

Result<security::AuditExportQuery> export_query(const model::Caller& caller,
                                                const boost::json::object& request) {
  security::AuditExportQuery query;
  query.tenant = caller.principal->tenant.value;
  DUNLIN_TRY(query.first, sequence_field(request, "first"));
  DUNLIN_TRY(query.through, sequence_field(request, "through"));
  const std::int64_t limit = model::optional_integer(request, "limit").value_or(kMaxExported);
  if (limit < 1 || limit > kMaxExported)
    return fail(Errc::invalid_argument, "\"limit\" must be between 1 and 1000");
  query.limit = static_cast<std::size_t>(limit);
  return query;
}

boost::json::object exported(const security::AuditExport& page) {
  boost::json::array records;
  for (const AuditRecord& record : page.records)
    records.push_back(boost::json::parse(security::to_json_text(record)));
  boost::json::object answer{{"records", std::move(records)}, {"through", page.through}};
  if (page.next > 0) answer["next"] = page.next;
  if (page.head)
    answer["head"] = boost::json::parse(security::to_json_text(page.head->head, page.head->signature));
  return answer;
}

std::string_view state_name(security::AuditProgress::State state) {
  using State = security::AuditProgress::State;
  switch (state) {
    case State::none:
      return "none";
    case State::running:
      return "running";
    case State::done:
      return "done";
    case State::failed:
      return "failed";
  }
  return "none";
}

void add_report(const security::AuditReport& report, boost::json::object& answer) {
  answer["ok"] = !report.problem.has_value();
  if (report.problem) {
    answer["problem"] = report.problem->why;
    if (report.problem->sequence > 0) answer["record"] = report.problem->sequence;
  }
  answer["records"] = report.records;
  answer["first"] = report.head.first;
  answer["last"] = report.head.last;
  answer["hash"] = to_hex(report.head.hash);
  answer["before_chain"] = report.old;
}

/// What the tenant may know: nothing of another's.
boost::json::object progress_of(const security::AuditLog& log, const model::Caller& caller) {
  using State = security::AuditProgress::State;
  static const security::AuditProgress nothing;
  const auto& found = log.progress();
  const auto& progress = found.tenant == caller.principal->tenant.value ? found : nothing;
  boost::json::object answer{
      {"state", state_name(progress.state)}, {"checked", progress.checked}, {"of", progress.of}};
  if (progress.state == State::none) return answer;
  answer["began_at"] = format_rfc3339(progress.began_at);
  if (progress.state == State::running) return answer;
  answer["ended_at"] = format_rfc3339(progress.ended_at);
  if (progress.state == State::failed) answer["why"] = progress.why;
  if (progress.state == State::done) add_report(progress.report, answer);
  return answer;
}

/// Answers at once: a long log takes longer than a request may.
void begin_verification(security::AuditLog& log, const model::Caller& caller, model::Reply reply) {
  const std::uint32_t tenant = caller.principal->tenant.value;
  if (log.verifying() && log.progress().tenant != tenant)
    return reply(fail(Errc::unavailable, "another verification is under way: try again in a moment"));
  if (!log.verifying()) log.verify(tenant, [](const Result<security::AuditReport>&) {});
  reply(boost::json::value(progress_of(log, caller)));
}

}  // namespace

void declare(security::AuditLog& log, model::OperationTable& table) {
  table.add(kList, [&log](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    auto query = list_query(caller, request);
    if (!query) return reply(std::unexpected(query.error()));
    log.list(*std::move(query), model::reply_with(std::move(reply), [](const security::AuditPage& page) {
      boost::json::object answer = model::list_of("records", page.records, to_row);
      if (page.next > 0) answer["next"] = page.next;
      return answer;
    }));
  });
  table.add(kExport, [&log](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    auto query = export_query(caller, request);
    if (!query) return reply(std::unexpected(query.error()));
    log.export_page(*query, model::reply_with(std::move(reply), exported));
  });
  table.add(kVerify, [&log](const model::Caller& caller, const boost::json::object&, model::Reply reply) {
    begin_verification(log, caller, std::move(reply));
  });
  table.add(kProgress, [&log](const model::Caller& caller, const boost::json::object&, model::Reply reply) {
    reply(boost::json::value(progress_of(log, caller)));
  });
}

std::vector<model::OperationSpec> operations() {
  return {kList, kExport, kVerify, kProgress};
}

}  // namespace dunlin::audit
