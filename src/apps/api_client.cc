#include "apps/api_client.h"

#include <algorithm>
#include <boost/json.hpp>
#include <future>

#include "base/metrics.h"
#include "base/rng.h"
#include "net/epoll_network.h"
#include "net/http/client.h"
#include "net/reactor_threads.h"
#include "net/websocket/client.h"
#include "net/websocket/websocket.h"
#include "net/worker_pool.h"
#include "transport/http/openapi.h"

namespace dunlin::apps {
namespace {

struct Address {
  net::Endpoint endpoint;
  enum class Scheme : std::uint8_t { http, https } scheme = Scheme::http;
  std::string token;
  std::string ca_pem;
};

std::string without_line_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

/// The server that runs on the data folder, as its server.json says.
Result<Address> address_of_folder(const std::string& folder, Fs& fs) {
  auto text = read_file(fs, folder + "/server.json");
  if (!text) {
    return fail(Errc::not_found, "no server runs on the folder " + folder +
                                     "; start one with `dunlin serve --data " + folder +
                                     "`, name its folder with --data, or another server with --server");
  }
  boost::system::error_code error;
  const auto document = boost::json::parse(*text, error);
  const auto* listeners =
      !error && document.is_object() ? document.get_object().if_contains("listeners") : nullptr;
  if (listeners == nullptr || !listeners->is_object())
    return fail(Errc::malformed, folder + "/server.json cannot be read");
  Address address;
  for (const std::string_view name : {"https", "http"}) {
    const auto* where = listeners->get_object().if_contains(name);
    if (where == nullptr || !where->is_string()) continue;
    DUNLIN_TRY(address.endpoint, net::parse_endpoint(where->get_string()));
    address.scheme = name == "https" ? Address::Scheme::https : Address::Scheme::http;
  }
  if (address.endpoint.port == 0)
    return fail(Errc::unavailable, "the server on " + folder + " has no HTTP listener");
  if (address.endpoint.host == "0.0.0.0") address.endpoint.host = "127.0.0.1";
  DUNLIN_TRY(std::string token, read_file(fs, folder + "/admin.token"));
  address.token = without_line_end(std::move(token));
  if (address.scheme == Address::Scheme::https) {
    DUNLIN_TRY(address.ca_pem, read_file(fs, folder + "/pki/root.pem"));
  }
  return address;
}

Result<Address> address_of_server(const CallTarget& target, Fs& fs) {
  Address address;
  std::string_view rest = target.server;
  if (rest.starts_with("https://")) {
    address.scheme = Address::Scheme::https;
  } else if (!rest.starts_with("http://")) {
    return fail(Errc::invalid_argument, "--server must be https://host:port (or http:// on this machine)");
  }
  rest.remove_prefix(rest.find("//") + 2);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  DUNLIN_TRY(address.endpoint, net::parse_endpoint(rest));
  if (address.scheme == Address::Scheme::http && !address.endpoint.is_loopback() &&
      address.endpoint.host != "localhost") {
    return fail(Errc::invalid_argument, "a token is not sent without TLS to another machine: use https://");
  }
  if (target.token_file.empty()) return fail(Errc::invalid_argument, "--server needs --token-file");
  DUNLIN_TRY(std::string token, read_file(fs, target.token_file));
  address.token = without_line_end(std::move(token));
  if (!target.ca_file.empty()) {
    DUNLIN_TRY(address.ca_pem, read_file(fs, target.ca_file));
  }
  return address;
}

net::http::Method method_of(model::Method method) {
  return *net::http::parse_method(model::method_name(method));
}

/// One request to /api/live and what comes of it. The reactor's thread, once made.
class LiveWatch final : public net::websocket::WebSocketHandler {
 public:
  LiveWatch(std::function<ApiClient::Go(std::string_view)> take, std::promise<Result<void>>& ended)
      : take_(std::move(take)), ended_(ended) {}

  void begin(std::unique_ptr<net::Connection> connection, Rng& rng, const std::string& request) {
    net::websocket::WebSocketOptions options;
    options.mask_keys = &rng;
    options.max_message_bytes = kMaxLiveMessageBytes;
    socket_ = std::make_unique<net::websocket::WebSocketConnection>(
        std::move(connection), net::websocket::Role::client, options, *this);
    socket_->send_text(request);
  }
  void on_message(net::websocket::MessageKind kind, ByteView payload) override {
    if (kind == net::websocket::MessageKind::binary || done_) return;
    if (take_(as_text(payload)) == ApiClient::Go::on) return;
    done_ = true;
    socket_->close(net::websocket::CloseCode::normal, "");
  }
  void on_closed(net::websocket::CloseCode, std::string_view reason) override {
    if (done_) return ended_.set_value({});
    ended_.set_value(fail(
        Errc::unavailable,
        "the server ended the connection" + (reason.empty() ? std::string() : ": " + std::string(reason))));
  }

 private:
  static constexpr std::uint64_t kMaxLiveMessageBytes = 16 * 1024 * 1024;
  std::function<ApiClient::Go(std::string_view)> take_;
  std::promise<Result<void>>& ended_;
  std::unique_ptr<net::websocket::WebSocketConnection> socket_;
  bool done_ = false;
};

class NetworkApiClient final : public ApiClient {
 public:
  explicit NetworkApiClient(Address address) : address_(std::move(address)) {}
  ~NetworkApiClient() override {
    threads_.stop();
    client_.reset();
  }

  Result<void> open() {
    if (address_.scheme == Address::Scheme::https) {
      net::TlsClientOptions options;
      options.trusted_ca_pem = address_.ca_pem;
      DUNLIN_TRY(tls_, net::make_tls_client_context(options));
    }
    client_ = std::make_unique<net::http::HttpClient>(network_, threads_.at(0));
    threads_.start();
    return {};
  }

  Result<boost::json::value> call(const model::OperationSpec& operation,
                                  const boost::json::object& fields) override {
    const auto response = send(request(operation, fields));
    if (!response) return std::unexpected(response.error());
    if (response->status >= 300) return std::unexpected(error_of(*response));
    boost::system::error_code error;
    auto document = boost::json::parse(response->body.text(), error);
    if (error) return fail(Errc::malformed, "the server's answer is not JSON");
    return document;
  }

  Result<net::http::Response> exchange(RawRequest wanted) override {
    net::http::ClientRequest request = addressed();
    request.method = wanted.method;
    request.target = std::move(wanted.target);
    for (const auto& [name, value] : wanted.headers) request.headers.add(name, value);
    request.source = std::move(wanted.body);
    return send(std::move(request));
  }

  Result<void> watch(const std::string& request, std::function<Go(std::string_view)> take) override {
    std::promise<Result<void>> ended;
    auto result = ended.get_future();
    LiveWatch watch(std::move(take), ended);
    net::websocket::OpenRequest opening;
    opening.connect.endpoint = address_.endpoint;
    opening.connect.tls = tls_;
    opening.connect.server_name = server_name();
    opening.target = "/api/live";
    opening.headers.add("Authorization", "Bearer " + address_.token);
    threads_.at(0).post([&] {
      net::websocket::open_websocket(network_, threads_.at(0), rng_, std::move(opening),
                                     [&](Result<net::websocket::Opened> opened) {
                                       if (!opened) return ended.set_value(std::unexpected(opened.error()));
                                       watch.begin(std::move(opened->connection), rng_, request);
                                     });
    });
    Result<void> done = result.get();
    // The last call may still be under way there.
    threads_.stop();
    return done;
  }

 private:
  std::string server_name() const {
    return address_.endpoint.host == "127.0.0.1" ? "localhost" : address_.endpoint.host;
  }
  Result<net::http::Response> send(net::http::ClientRequest request) {
    std::promise<Result<net::http::Response>> answered;
    auto answer = answered.get_future();
    threads_.at(0).post([&] {
      client_->send(std::move(request),
                    [&](Result<net::http::Response> response) { answered.set_value(std::move(response)); });
    });
    return answer.get();
  }
  net::http::ClientRequest addressed() const {
    net::http::ClientRequest result;
    result.endpoint = address_.endpoint;
    result.tls = tls_;
    result.server_name = server_name();
    result.headers.add("Authorization", "Bearer " + address_.token);
    return result;
  }
  net::http::ClientRequest request(const model::OperationSpec& operation,
                                   const boost::json::object& fields) const {
    RenderedCall call = render_call(operation, fields);
    net::http::ClientRequest result = addressed();
    result.method = method_of(operation.method);
    result.target = std::move(call.target);
    if (!call.body.empty()) {
      result.headers.add("Content-Type", "application/json");
      result.body = Slice::copy_of(call.body);
    }
    return result;
  }

  Address address_;
  SystemRng rng_;
  metrics::Registry metrics_;
  net::ReactorThreads threads_{1};
  net::ThreadWorkerPool workers_{1};
  net::EpollNetwork network_{threads_.all(), workers_, metrics_};
  std::shared_ptr<net::TlsClientContext> tls_;  // shared with the client's requests
  std::unique_ptr<net::http::HttpClient> client_;
};

}  // namespace

Error error_of(const net::http::Response& response) {
  boost::system::error_code failed;
  const auto document = boost::json::parse(response.body.text(), failed);
  if (!failed && document.is_object()) {
    const auto* error = document.get_object().if_contains("error");
    if (error != nullptr && error->is_object()) {
      const auto* message = error->get_object().if_contains("message");
      if (message != nullptr && message->is_string())
        return {Errc::invalid_argument, std::string(message->get_string())};
    }
  }
  return {Errc::unavailable, "the server answered " + std::to_string(response.status)};
}

RenderedCall render_call(const model::OperationSpec& operation, boost::json::object fields) {
  RenderedCall call;
  std::string_view path = operation.path;
  while (!path.empty()) {
    const std::size_t open = path.find('{');
    call.target += path.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = path.find('}', open);
    const std::string name(path.substr(open + 1, close - open - 1));
    const auto* value = fields.if_contains(name);
    if (value != nullptr) {
      call.target += net::http::percent_encode(value->is_string() ? std::string(value->get_string())
                                                                  : boost::json::serialize(*value));
      fields.erase(name);
    }
    path.remove_prefix(close + 1);
  }
  if (operation.method == model::Method::get || operation.method == model::Method::del) {
    net::http::QueryParameters query;
    for (const auto& member : fields) {
      query.emplace_back(member.key(), member.value().is_string() ? std::string(member.value().get_string())
                                                                  : boost::json::serialize(member.value()));
    }
    if (!query.empty()) call.target += "?" + net::http::format_query(query);
  } else {
    call.body = boost::json::serialize(fields);
  }
  return call;
}

Result<std::unique_ptr<ApiClient>> ApiClient::open(const CallTarget& target, Fs& fs) {
  auto address =
      target.server.empty() ? address_of_folder(target.data_folder, fs) : address_of_server(target, fs);
  if (!address) return std::unexpected(address.error());
  auto client = std::make_unique<NetworkApiClient>(*std::move(address));
  DUNLIN_CHECK(client->open());
  return client;
}

}  // namespace dunlin::apps
