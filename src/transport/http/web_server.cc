#include "transport/http/web_server.h"

#include "base/core/assert.h"
#include "net/websocket/handshake.h"
#include "net/websocket/stream.h"
#include "net/websocket/websocket.h"
#include "transport/http/limits.h"

namespace dunlin::transport {
namespace {

using net::http::PathParameters;
using net::http::Request;
using net::http::Responder;
using net::http::Response;
using net::websocket::CloseCode;

net::http::ServerOptions server_options(net::http::Probe& probe, const net::http::Router& router) {
  net::http::ServerOptions options;
  options.max_body_bytes = kMaxApiBodyBytes;
  options.headers = security_headers();
  options.probe = &probe;
  options.streamed = router.streamed();
  return options;
}

/// Whether a browser's request comes from a page of this server. Tools send no Origin and no cookie.
bool is_own_origin(std::string_view origin, const Request& request) {
  const std::size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  return net::http::equals_ignoring_case(origin.substr(scheme + 3), request.headers.get("Host").value_or(""));
}

std::vector<model::OperationSpec> byte_operations(const WebServerParts& parts) {
  return parts.blobs == nullptr ? std::vector<model::OperationSpec>() : blob::transfer_operations();
}

LiveRights live_rights(const PrincipalRef& asker) {
  const Principal& principal = *asker;
  LiveRights rights;
  rights.asker = asker;
  if (model::has_permission(principal, "security:read")) rights.refusals = LiveRights::Refusals::shown;
  if (!model::has_permission(principal, "trace:read")) return rights;
  const bool payloads = model::has_permission(principal, "trace:payload");
  rights.trace = payloads ? LiveTrace::Rights::payloads : LiveTrace::Rights::events;
  return rights;
}

}  // namespace

net::http::Headers security_headers() {
  return {
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src "
       "'self'; font-src 'self'; "
       "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"}};
}

/// One live page: a WebSocket and its place in the feed.
class WebServer::Page final : public net::websocket::WebSocketHandler, public LiveSink {
 public:
  Page(WebServer& server, net::http::Upgraded upgraded, PrincipalRef principal)
      : server_(server),
        principal_(std::move(principal)),
        socket_(std::move(upgraded.connection), net::websocket::Role::server, options(), *this,
                std::move(upgraded.unread)),
        page_(server.parts_.live.open(principal_->tenant, *this, live_rights(principal_))) {
    if (!page_) socket_.close(CloseCode::policy_violation, "too many live pages are open");
    look_at_expiry();
  }
  ~Page() override { server_.parts_.executor.cancel(expiry_timer_); }

  bool is_of(TenantId tenant, std::string_view user) const {
    return principal_->tenant == tenant && principal_->name == user;
  }
  void end(std::string_view why) { socket_.close(CloseCode::policy_violation, why); }

  void on_message(net::websocket::MessageKind kind, ByteView payload) override {
    if (kind == net::websocket::MessageKind::binary)
      return socket_.close(CloseCode::unsupported_data, "send text");
    if (page_) page_->on_request(as_text(payload));
  }
  void on_closed(CloseCode, std::string_view) override { server_.forget(this); }

  void send_text(std::string text) override {
    if (backlog() > 4 * kMaxLiveBacklogBytes)
      return socket_.close(CloseCode::policy_violation, "the page does not read");
    socket_.send_text(text);
  }
  void send_binary(std::string bytes) override { socket_.send_binary(as_bytes(bytes)); }
  std::size_t backlog() const override { return socket_.pending_output(); }
  void leave() { socket_.close(CloseCode::going_away, "the server ends"); }

 private:
  static net::websocket::WebSocketOptions options() {
    net::websocket::WebSocketOptions result;
    result.max_message_bytes = kMaxLiveRequestBytes;
    return result;
  }
  /// The session or token that opened the page ends at a time of the wall clock, which may be set: hence
  /// looks.
  void look_at_expiry() {
    if (principal_->expires_at == 0) return;
    Executor& executor = server_.parts_.executor;
    const Duration left = from_unix_milliseconds(principal_->expires_at) - executor.wall_now();
    if (left <= Duration{0}) return end("the session has ended; sign in again");
    expiry_timer_ = executor.schedule(std::min(left, kPageExpiryLook), [this] { look_at_expiry(); });
  }

  WebServer& server_;
  PrincipalRef principal_;
  TimerId expiry_timer_;
  net::websocket::WebSocketConnection socket_;
  std::unique_ptr<LivePage> page_;
};

WebServer::WebServer(WebServerParts parts)
    : parts_(std::move(parts)),
      api_(parts_.table, parts_.door, parts_.version, parts_.enrolment_operations, byte_operations(parts_),
           parts_.refusals),
      probe_(parts_.metrics),
      self_(std::make_shared<WebServer*>(this)) {
  mount();
  server_ = std::make_unique<net::http::HttpServer>(parts_.executor, server_options(probe_, router_),
                                                    [this](Request request, Responder responder) {
                                                      router_.route(std::move(request), std::move(responder));
                                                    });
}

WebServer::~WebServer() = default;

void WebServer::accept(std::unique_ptr<net::Connection> connection) {
  server_->accept(std::move(connection));
}

void WebServer::drain() {
  server_->drain();
  for (const auto& [key, page] : pages_) page->leave();
}

void WebServer::end_pages(TenantId tenant, const std::string& user) {
  for (const auto& [key, page] : pages_) {
    if (page->is_of(tenant, user)) page->end("the session has ended; sign in again");
  }
}

void WebServer::mount() {
  api_.mount(router_);
  if (parts_.mount_more) parts_.mount_more(router_);
  if (parts_.lines != nullptr) lines_.emplace(api_, *parts_.lines).mount(router_);
  if (parts_.samples != nullptr) packs_.emplace(api_, *parts_.samples, parts_.executor).mount(router_);
  if (parts_.queries != nullptr) serve_query_rows(api_, parts_.executor, *parts_.queries);
  if (parts_.blobs != nullptr) blobs_.emplace(api_, *parts_.blobs).mount(router_);
  const auto get = [this](std::string_view path, net::http::RouteHandler handler) {
    DUNLIN_ASSERT(router_.add(net::http::Method::get, path, std::move(handler)).has_value());
  };
  get("/api/live", [this](Request request, PathParameters, Responder responder) {
    serve_live(std::move(request), std::move(responder));
  });
  get("/mqtt", [this](Request request, PathParameters, Responder responder) {
    serve_mqtt(request, std::move(responder));
  });
  get("/metrics", [this](Request request, PathParameters, Responder responder) {
    serve_metrics(std::move(request), std::move(responder));
  });
  get("/healthz", [](Request, PathParameters, Responder responder) {
    responder.send(net::http::text_response(200, "ok\n"));
  });
  get("/readyz", [this](Request, PathParameters, Responder responder) {
    const bool ready = parts_.is_ready();
    responder.send(ready
                       ? net::http::text_response(200, "ready\n")
                       : net::http::text_response(
                             503, "starting, stopping, draining, short of memory, or the disk has broken\n"));
  });
  api_.describe(router_);
  router_.set_fallback([this](Request request, PathParameters, Responder responder) {
    if (request.path == "/api" || request.path.starts_with("/api/")) {
      return responder.send(
          net::http::error_response(Errc::not_found, "there is no such operation; see /api/openapi.json"));
    }
    responder.send(parts_.assets.serve(request.path, request));
  });
}

void WebServer::serve_live(Request request, Responder responder) {
  auto upgrade = net::websocket::accept_upgrade(request, {});
  if (!upgrade) return responder.send(net::websocket::refuse_upgrade(upgrade.error()));
  if (!upgrade->origin.empty() && !is_own_origin(upgrade->origin, request)) {
    return responder.send(net::http::error_response(Errc::permission_denied,
                                                    "live pages are served to this server's own pages only"));
  }
  api_.identify(request, [this, headers = std::move(upgrade->headers),
                          responder = std::move(responder)](Result<model::Caller> caller) mutable {
    if (!caller)
      return responder.send(net::http::error_response(caller.error().code, caller.error().message));
    const Principal& principal = *caller->principal;
    const auto refuse = [&](Error why) {
      api_.tell_refused(*caller, why);
      responder.send(net::http::error_response(why.code, why.message));
    };
    if (principal.kind == PrincipalKind::anonymous) return refuse({Errc::unauthenticated, "sign in first"});
    if (!model::has_permission(principal, "series:read"))
      return refuse({Errc::permission_denied, "this needs the permission \"series:read\""});
    responder.upgrade(std::move(headers), [weak = std::weak_ptr(self_),
                                           principal = caller->principal](net::http::Upgraded upgraded) {
      if (const auto self = weak.lock()) (*self)->open_page(std::move(upgraded), principal);
    });
  });
}

void WebServer::open_page(net::http::Upgraded upgraded, const PrincipalRef& principal) {
  auto page = std::make_unique<Page>(*this, std::move(upgraded), principal);
  Page* key = page.get();
  pages_.emplace(key, std::move(page));
}

void WebServer::forget(Page* page) {
  // From a later turn: the page is inside its own call now.
  parts_.executor.post([weak = std::weak_ptr(self_), page] {
    if (const auto self = weak.lock()) (*self)->pages_.erase(page);
  });
}

void WebServer::serve_mqtt(const Request& request, Responder responder) {
  auto upgrade = net::websocket::accept_upgrade(
      request, {{"mqtt"}, net::websocket::UpgradeOptions::Subprotocol::required});
  if (!upgrade) return responder.send(net::websocket::refuse_upgrade(upgrade.error()));
  responder.upgrade(std::move(upgrade->headers), [weak = std::weak_ptr(self_)](net::http::Upgraded upgraded) {
    const auto self = weak.lock();
    if (!self) return;
    (*self)->parts_.accept_mqtt(std::make_unique<net::websocket::WebSocketStream>(
        std::move(upgraded.connection), net::websocket::Role::server, net::websocket::WebSocketOptions{},
        std::move(upgraded.unread)));
  });
}

void WebServer::serve_metrics(Request request, Responder responder) {
  const auto answer = [this](Responder to) {
    Response response = net::http::text_response(200, parts_.metrics.expose());
    response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    to.send(std::move(response));
  };
  const bool local = parts_.metrics_access == MetricsAccess::local && request.peer->address.is_loopback();
  if (local || parts_.metrics_access == MetricsAccess::open) return answer(std::move(responder));
  api_.identify(request, [this, answer,
                          responder = std::move(responder)](Result<model::Caller> caller) mutable {
    if (!caller)
      return responder.send(net::http::error_response(caller.error().code, caller.error().message));
    const Principal& principal = *caller->principal;
    if (model::has_permission(principal, "metrics:read")) return answer(std::move(responder));
    const bool stranger = principal.kind == PrincipalKind::anonymous;
    const Error why = stranger ? Error{Errc::unauthenticated,
                                       "send a token with \"metrics:read\" (Authorization: Bearer ...)"}
                               : Error{Errc::permission_denied, "this needs the permission \"metrics:read\""};
    api_.tell_refused(*caller, why);
    responder.send(net::http::error_response(why.code, why.message));
  });
}

}  // namespace dunlin::transport
