#pragma once
// Calls operations of a running server: the one on this machine, found through its data folder, or another by
// its address.

#include <boost/json/fwd.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "apps/commands.h"
#include "base/fs.h"
#include "net/http/client.h"

namespace dunlin::apps {

/// Blocks; one thread.
class ApiClient {
 public:
  /// Errors: not_found (no server runs on the folder), io, malformed.
  static Result<std::unique_ptr<ApiClient>> open(const CallTarget& target, Fs& fs);
  virtual ~ApiClient() = default;

  /// Errors: the server's own, unavailable (no connection), timed_out.
  virtual Result<boost::json::value> call(const model::OperationSpec& operation,
                                          const boost::json::object& fields) = 0;

  /// A request that is no operation's call.
  struct RawRequest {
    net::http::Method method = net::http::Method::get;
    std::string target;
    net::http::Headers headers{};
    std::shared_ptr<net::http::BodySource> body{};  // shared with the caller; null: none
  };
  /// Its answer, of whatever status. Errors: unavailable, timed_out.
  virtual Result<net::http::Response> exchange(RawRequest request) = 0;

  enum class Go : std::uint8_t { on, done };
  /// Sends `request` to the live channel (docs/protocols/live.md) and hands its texts to `take`, on another
  /// thread, until that has enough. Errors: as above, and unavailable when the server ends it.
  virtual Result<void> watch(const std::string& request, std::function<Go(std::string_view)> take) = 0;
};

/// Prints the rows of a query as they come. Errors: the server's own, and as watch().
Result<void> print_rows(const CallCommand& command, const boost::json::object& fields, ApiClient& client);

/// What the server says of a refusal; one that may pass is `unavailable`.
Error error_of(const net::http::Response& response);

/// The target of an operation as method, path with query, and body.
struct RenderedCall {
  std::string target;
  std::string body;  // empty: none
};
RenderedCall render_call(const model::OperationSpec& operation, boost::json::object fields);

}  // namespace dunlin::apps
