#include "transport/http/live_queries.h"

#include <boost/json.hpp>
#include <limits>

#include "model/json_fields.h"
#include "model/text.h"
#include "service/query/answer.h"
#include "transport/http/limits.h"

namespace dunlin::transport {

LiveQueries::~LiveQueries() {
  for (auto& [id, running] : running_) parts_.executor.cancel(running.timer);
}

void LiveQueries::start(const boost::json::value& wanted) {
  const boost::json::object none;
  const boost::json::object& asked = wanted.is_object() ? wanted.get_object() : none;
  const std::string id = model::optional_text(asked, "id").value_or("");
  if (id.empty() || id.size() > query::kMaxQueryIdBytes)
    return send_error(id.substr(0, query::kMaxQueryIdBytes),
                      {Errc::invalid_argument, "\"id\" must have 1 to 64 bytes"});
  if (running_.contains(id)) return send_error(id, {Errc::already_exists, "a query of that id runs already"});
  const std::string format = model::optional_text(asked, "format").value_or("json");
  if (format != "json" && format != "csv")
    return send_error(id, {Errc::invalid_argument, "\"format\" must be json or csv"});
  const std::int64_t limit =
      model::optional_integer(asked, "limit").value_or(std::numeric_limits<std::int64_t>::max());
  if (limit < 1) return send_error(id, {Errc::invalid_argument, "\"limit\" must be at least 1"});
  const query::RowFormat rows = format == "csv" ? query::RowFormat::csv : query::RowFormat::ndjson;
  query::StreamRequest request{.caller = parts_.caller,
                               .sql = model::optional_text(asked, "sql").value_or(""),
                               .format = rows,
                               .limit = static_cast<std::uint64_t>(limit)};
  auto stream = query::RowStream::open(parts_.service, std::move(request));
  if (!stream) return send_error(id, stream.error());
  running_.emplace(id, Running{rows, *std::move(stream), {}, {}, std::make_shared<const std::string>(id)});
  read(id);
}

void LiveQueries::cancel(const boost::json::value& wanted) {
  const std::string id = wanted.is_string() ? std::string(wanted.get_string()) : std::string();
  if (!running_.contains(id)) return;
  end(id);
  send_error(id, {Errc::cancelled, "the query was cancelled"});
}

/// The next piece, once the page has taken what there is.
void LiveQueries::read(const std::string& id) {
  Running& running = running_.at(id);
  running.timer = {};
  if (!parts_.keeps_up()) {
    running.timer = parts_.executor.schedule(kQueryRetry, [this, id] { read(id); });
    return;
  }
  running.stream->read(kQueryPieceBytes,
                       [this, id](Result<std::string> piece) { take(id, std::move(piece)); });
}

void LiveQueries::take(const std::string& id, Result<std::string> piece) {
  Running& running = running_.at(id);
  if (!piece) {
    end(id);
    return send_error(id, piece.error());
  }
  const query::RowFormat format = running.format;
  if (piece->empty()) {
    end(id);
    if (format == query::RowFormat::csv) send_part(id, "rows", R"([{"end":{}}])");
    return;
  }
  // Whole lines only: a piece may end inside of a character.
  std::string lines = std::move(running.cut) + *piece;
  const std::size_t whole = lines.rfind('\n') + 1;  // 0 where there is none
  running.cut = lines.substr(whole);
  lines.resize(whole);
  // Others have their turn in between.
  parts_.executor.post([this, weak = std::weak_ptr(running.alive)] {
    if (const auto still = weak.lock()) read(*still);
  });
  if (!lines.empty()) send_lines(id, format, lines);
}

void LiveQueries::send_lines(const std::string& id, query::RowFormat format, std::string_view lines) {
  if (format == query::RowFormat::csv)
    return send_part(id, "csv", model::json_text(boost::json::value(lines)));
  std::string list = "[";
  list += lines.substr(0, lines.size() - 1);
  for (char& c : list) {
    if (c == '\n') c = ',';  // strings of JSON have none
  }
  send_part(id, "rows", list + "]");
}

void LiveQueries::send_part(const std::string& id, std::string_view member, std::string_view json) {
  std::string frame = R"({"type":"query","id":)" + model::json_text(boost::json::value(id)) + ",\"";
  frame += member;
  frame += "\":";
  frame += json;
  frame += '}';
  parts_.send(std::move(frame));
}

void LiveQueries::send_error(const std::string& id, const Error& error) {
  std::string line = query::ndjson_error(error);
  line.pop_back();
  send_part(id, "rows", "[" + line + "]");
}

/// Nothing of it runs any more.
void LiveQueries::end(const std::string& id) {
  const auto found = running_.find(id);
  parts_.executor.cancel(found->second.timer);
  // Its stream may be on the stack.
  parts_.executor.post([gone = std::move(found->second.stream)] {});
  running_.erase(found);
}

}  // namespace dunlin::transport
