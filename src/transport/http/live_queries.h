#pragma once
// Queries of a page over its WebSocket. Format: docs/protocols/live.md.

#include <boost/json/fwd.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/executor.h"
#include "model/operation.h"
#include "service/query/row_stream.h"

namespace dunlin::transport {

/// One page's. One executor's thread, that of the service, which must outlive it.
class LiveQueries {
 public:
  struct Parts {
    Executor& executor;
    query::QueryService& service;
    model::Caller caller;                   // may ask
    std::function<void(std::string)> send;  // a text frame
    std::function<bool()> keeps_up;         // false: what the page has not taken is too much already
  };
  explicit LiveQueries(Parts parts) : parts_(std::move(parts)) {}
  ~LiveQueries();
  LiveQueries(const LiveQueries&) = delete;
  LiveQueries& operator=(const LiveQueries&) = delete;

  /// {"id":"1","sql":"..","format":"csv","limit":1000}; the last two may be left out.
  void start(const boost::json::value& wanted);
  /// The id.
  void cancel(const boost::json::value& wanted);

 private:
  struct Running {
    query::RowFormat format = query::RowFormat::ndjson;
    std::unique_ptr<query::RowStream> stream;
    std::string cut;  // of the last piece, behind its last whole line
    TimerId timer{};
    // Its id. Tasks hold it weakly: another query of that id is not theirs.
    std::shared_ptr<const std::string> alive;
  };
  void read(const std::string& id);
  void take(const std::string& id, Result<std::string> piece);
  void send_lines(const std::string& id, query::RowFormat format, std::string_view lines);
  void send_part(const std::string& id, std::string_view member, std::string_view json);
  void send_error(const std::string& id, const Error& error);
  void end(const std::string& id);

  Parts parts_;
  std::map<std::string, Running> running_;
};

}  // namespace dunlin::transport
