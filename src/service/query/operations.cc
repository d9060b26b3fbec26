#include "service/query/operations.h"

#include <algorithm>
#include <boost/json.hpp>

#include "model/json_fields.h"
#include "service/query/answer.h"
#include "service/query/query_service.h"

namespace dunlin::query {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kRequest[] = {
    {"sql", FieldType::text, Need::required, "SELECT .. FROM .. (the guide on queries says what there is)"},
    {"format", FieldType::text, Need::optional, "json (the default) or csv"},
    {"limit", FieldType::integer, Need::optional, "rows of the answer at most (10000; up to 100000)"},
    {"id", FieldType::text, Need::optional, "a name of your choice, by which series.cancel ends it"}};
constexpr Field kResponse[] = {
    {"columns", FieldType::array, Need::optional, "json: name and type of each"},
    {"rows", FieldType::array, Need::optional,
     "json: an array for each row; times as RFC 3339, intervals as seconds"},
    {"csv", FieldType::text, Need::optional, "csv: the rows as RFC 4180 has them, with a line of names"},
    {"truncated", FieldType::boolean, Need::required,
     "whether there were more rows than the answer may have"},
    {"points_read", FieldType::integer, Need::required, "stored points that were read one by one"},
    {"chunks_by_summary", FieldType::integer, Need::required, "stored chunks that were taken as a whole"},
    {"parts_by_rollup", FieldType::integer, Need::required,
     "minutes, hours and days that were taken from rollups"},
    {"parts_left_out", FieldType::integer, Need::required,
     "of those whose points are gone: left out because the range begins or ends within them"}};
constexpr Errc kErrors[] = {Errc::malformed,      Errc::invalid_argument, Errc::not_found,
                            Errc::already_exists, Errc::unsupported,      Errc::limit_exceeded,
                            Errc::quota_exceeded, Errc::timed_out,        Errc::cancelled};
/// All rows, as they come (row_stream.h).
constexpr std::string_view kMoreTypes[] = {"application/x-ndjson", "text/csv"};
constexpr Field kCancelRequest[] = {
    {"id", FieldType::text, Need::required, "the name that the query was given"}};
constexpr Errc kCancelErrors[] = {Errc::not_found};

constexpr model::OperationSpec kQuery{"series.query",
                                      model::Method::post,
                                      "/api/series/query",
                                      "Answer a query over stored series.",
                                      "series:read",
                                      kRequest,
                                      kResponse,
                                      kErrors,
                                      model::Audited::not_at_all,
                                      {},
                                      kMoreTypes};
constexpr model::OperationSpec kCancel{"series.cancel",
                                       model::Method::del,
                                       "/api/series/query/{id}",
                                       "End a query of one's own that runs.",
                                       "series:read",
                                       kCancelRequest,
                                       {},
                                       kCancelErrors,
                                       model::Audited::not_at_all};

/// Collects an answer.
struct Collected {
  enum class Format : std::uint8_t { json, csv } format = Format::json;
  std::size_t most_rows = kAnswerRows;
  boost::json::array columns;
  boost::json::array rows;
  std::string csv;
  std::size_t row_count = 0;
  std::size_t bytes = 0;
  bool is_truncated = false;

  void set_columns(const std::vector<std::string>& names, const std::vector<Type>& types) {
    if (format == Format::csv) csv = csv_header(names);
    columns = columns_json(names, types);
  }

  RowSink::Go add(const Batch& batch, const TextPool& texts) {
    const std::size_t count = std::min(batch.rows, most_rows - row_count);
    is_truncated = count < batch.rows;
    if (format == Format::csv) {
      for (std::size_t row = 0; row < count; ++row) add_csv_row(csv, batch, texts, row);
      bytes = csv.size();
    } else {
      add_json(batch, texts, count);
    }
    row_count += count;
    is_truncated = is_truncated || bytes > kMaxAnswerBytes;
    return is_truncated ? RowSink::Go::enough : RowSink::Go::on;
  }

  void add_json(const Batch& batch, const TextPool& texts, std::size_t count) {
    for (std::size_t row = 0; row < count; ++row) {
      boost::json::array cells;
      for (const ColumnPtr& column : batch.columns) {
        bytes += column->type == Type::text && column->is_valid(row)
                     ? texts.text_at(column->integer(row)).size() + 4
                     : 16;
        cells.push_back(json_of(*column, row, texts));
      }
      rows.push_back(std::move(cells));
    }
  }

  boost::json::value answer(const QueryCost& cost) {
    boost::json::object made;
    if (format == Format::csv) {
      made["csv"] = std::move(csv);
    } else {
      made["columns"] = std::move(columns);
      made["rows"] = std::move(rows);
    }
    made["truncated"] = is_truncated;
    made["points_read"] = cost.points_read;
    made["chunks_by_summary"] = cost.chunks_by_summary;
    made["parts_by_rollup"] = cost.parts_by_rollup;
    made["parts_left_out"] = cost.parts_left_out;
    return made;
  }
};

}  // namespace

void QueryService::answer(const model::Caller& caller, const boost::json::object& request,
                          model::Reply reply) {
  auto collected = std::make_shared<Collected>();
  const std::string format = model::optional_text(request, "format").value_or("json");
  if (format != "json" && format != "csv")
    return reply(fail(Errc::invalid_argument, "\"format\" must be json or csv"));
  if (format == "csv") collected->format = Collected::Format::csv;
  const std::int64_t limit =
      model::optional_integer(request, "limit").value_or(static_cast<std::int64_t>(kAnswerRows));
  if (limit < 1 || limit > static_cast<std::int64_t>(kMaxAnswerRows))
    return reply(fail(Errc::invalid_argument, "\"limit\" must be between 1 and 100000"));
  collected->most_rows = static_cast<std::size_t>(limit);
  std::string name = model::optional_text(request, "id").value_or("");
  if (auto checked = check_name(caller, name); !checked)
    return reply(std::unexpected(std::move(checked).error()));
  RowSink sink;
  sink.columns = [collected](const auto& names, const auto& types) { collected->set_columns(names, types); };
  sink.rows = [collected](const Batch& batch, const TextPool& texts) { return collected->add(batch, texts); };
  start({caller.principal->tenant, *model::optional_text(request, "sql"), kMaxQueryTime, caller.principal,
         std::move(name)},
        std::move(sink), [collected, reply = std::move(reply)](Result<QueryCost> cost) mutable {
          if (!cost) return reply(std::unexpected(std::move(cost).error()));
          reply(collected->answer(*cost));
        });
}

Result<void> QueryService::check_name(const model::Caller& caller, std::string_view name) {
  if (name.size() > kMaxQueryIdBytes) return fail(Errc::invalid_argument, "\"id\" may have at most 64 bytes");
  if (!name.empty() && find_named(caller, name) != runs_.end())
    return fail(Errc::already_exists, "a query of that id runs already");
  return {};
}

QueryService::Runs::iterator QueryService::find_named(const model::Caller& caller, std::string_view name) {
  const Principal& asker = *caller.principal;
  return std::ranges::find_if(runs_, [&](const auto& entry) {
    const Running& running = entry.second;
    return running.asker && !name.empty() && running.name == name && running.tenant == asker.tenant &&
           running.asker->kind == asker.kind && running.asker->name == asker.name;
  });
}

void QueryService::cancel_named(const model::Caller& caller, std::string_view name, model::Reply reply) {
  const auto found = find_named(caller, name);
  if (found == runs_.end()) return reply(fail(Errc::not_found, "no query of yours with that id runs"));
  cancel(found->first);
  reply(boost::json::object{});
}

void QueryService::declare(model::OperationTable& table) {
  table.add(kQuery, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    answer(caller, request, std::move(reply));
  });
  table.add(kCancel, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    cancel_named(caller, *model::optional_text(request, "id"), std::move(reply));
  });
}

std::vector<model::OperationSpec> operations() {
  return {kQuery, kCancel};
}

}  // namespace dunlin::query
