#pragma once
// An answer that is taken piece by piece while it is made.

#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "service/query/query_service.h"

namespace dunlin::query {

/// csv: RFC 4180 with a line of names. ndjson: a line {"columns":[{"name":..,"type":..}]}, a line for each
/// row (an array), and at the end {"end":{"rows":..,"points_read":..,"chunks_by_summary":..}} or
/// {"error":{"code":..,"message":..}}.
enum class RowFormat : std::uint8_t { csv, ndjson };

struct StreamRequest {
  model::Caller caller;
  std::string sql;
  RowFormat format = RowFormat::ndjson;
  std::string name{};  // by which the caller can cancel it; may be empty
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();  // of rows
};

/// One query. It is cancelled with this object, which must go before the service. One thread, the service's.
class RowStream {
  struct State;

 public:
  /// Errors: as check_name().
  static Result<std::unique_ptr<RowStream>> open(QueryService& service, StreamRequest request);
  ~RowStream();
  RowStream(const RowStream&) = delete;
  RowStream& operator=(const RowStream&) = delete;

  /// The next piece: at least one byte, at most `most`; empty: that was all. One call at a time; `done` runs
  /// within the call or later, not behind this object. The query goes on as pieces are taken. Errors: the
  /// query's; of ndjson only before the first piece, later ones are its last line.
  void read(std::size_t most, std::move_only_function<void(Result<std::string>)> done);

  /// For open().
  explicit RowStream(std::shared_ptr<State> state);

 private:
  // Shared with the query, which may end later.
  std::shared_ptr<State> state_;
};

}  // namespace dunlin::query
