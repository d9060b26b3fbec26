#pragma once
// The HTTP side for people and tools: the API, the live feed, MQTT over WebSocket, metrics, health and the
// dashboard.

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/metrics.h"
#include "base/rng.h"
#include "net/http/assets.h"
#include "net/http/router.h"
#include "net/http/server.h"
#include "transport/http/api.h"
#include "transport/http/blob_routes.h"
#include "transport/http/line_routes.h"
#include "transport/http/live_feed.h"
#include "transport/http/pack_routes.h"
#include "transport/http/query_rows.h"

namespace dunlin::transport {

/// Who reads /metrics without a sign-in; everybody else needs "metrics:read".
enum class MetricsAccess : std::uint8_t {
  local,  // who comes from a loopback address
  token,  // nobody: behind a proxy on this machine everybody seems to come from here
  open    // everybody
};

struct WebServerParts {
  Executor& executor;
  const model::OperationTable& table;
  WebDoor door;
  LiveFeed& live;
  metrics::Registry& metrics;
  const net::http::AssetTable& assets;
  std::string version;
  /// Whether the program accepts work (/readyz).
  std::function<bool()> is_ready;
  /// Further paths beside the API: how devices enrol, the status of certificates; may be empty.
  std::function<void(net::http::Router&)> mount_more;
  std::span<const model::OperationSpec> enrolment_operations;
  /// Takes over a stream of MQTT over WebSocket (MQTT 5.0 section 6); it has no handler yet.
  std::function<void(std::unique_ptr<net::Connection>)> accept_mqtt;
  series::LineIngest* lines = nullptr;          // who takes the line protocol; null: nobody
  series::SampleOperations* samples = nullptr;  // who takes packs; null: nobody
  blob::BlobService* blobs = nullptr;           // who keeps large binaries; null: nobody
  query::QueryService* queries = nullptr;       // who answers queries by rows; null: nobody
  RefusalSink* refusals = nullptr;              // who keeps what is refused; null: nobody
  MetricsAccess metrics_access = MetricsAccess::local;
};

/// The headers of every answer: what a browser may load and who may frame it.
net::http::Headers security_headers();

/// One executor's thread. The parts must outlive it.
class WebServer {
 public:
  explicit WebServer(WebServerParts parts);
  ~WebServer();
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;

  /// A connection of an HTTP listener.
  void accept(std::unique_ptr<net::Connection> connection);
  /// Ends the live pages of a user, whose session or rights have ended.
  void end_pages(TenantId tenant, const std::string& user);
  /// Ends idle connections and live pages; answers that are owed are still given.
  void drain();

 private:
  class Page;
  void mount();
  void serve_live(net::http::Request request, net::http::Responder responder);
  void serve_mqtt(const net::http::Request& request, net::http::Responder responder);
  void serve_metrics(net::http::Request request, net::http::Responder responder);
  void open_page(net::http::Upgraded upgraded, const PrincipalRef& principal);
  void forget(Page* page);

  WebServerParts parts_;
  Api api_;
  std::optional<LineRoutes> lines_;
  std::optional<PackRoutes> packs_;
  std::optional<BlobRoutes> blobs_;
  net::http::Router router_;
  net::http::Probe probe_;
  std::map<Page*, std::unique_ptr<Page>> pages_;
  // Null once the server has been destroyed; posted tasks hold it weakly, hence shared.
  std::shared_ptr<WebServer*> self_;
  std::unique_ptr<net::http::HttpServer> server_;
};

}  // namespace dunlin::transport
