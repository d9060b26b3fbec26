#pragma once
// Finds the handler for a method and a path by templates such as /api/things/{thing}.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http/server.h"

namespace dunlin::net::http {

/// What the braces of a template matched, by name, decoded.
class PathParameters {
 public:
  /// The value of a name that the template holds; empty for any other.
  std::string_view get(std::string_view name) const;
  void add(std::string name, std::string value) { values_.emplace_back(std::move(name), std::move(value)); }
  /// For the router: the values were added from the last to the first; `names` stand in the template's order.
  void name_backwards(const std::vector<std::string>& names);
  std::size_t size() const { return values_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

using RouteHandler = std::function<void(Request, PathParameters, Responder)>;
/// For requests whose bodies are read while they come.
using StreamHandler = std::function<void(Request, PathParameters, RequestBody, Responder)>;

/// Filled at start-up, then only read. A fixed segment wins over a parameter, whatever the order of the calls
/// to add().
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  /// `path`: "/api/things/{thing}/tokens"; the last segment may be "{rest...}", which takes one or more
  /// segments and gives them joined by '/'. Errors: invalid_argument (no such template), already_exists
  /// (method and template).
  Result<void> add(Method method, std::string_view path, RouteHandler handler);
  /// The same for a route whose bodies, of at most `max_body_bytes`, are read while they come.
  Result<void> add_streamed(Method method, std::string_view path, std::uint64_t max_body_bytes,
                            StreamHandler handler);
  /// For paths that no template matches. Without one they get 404.
  void set_fallback(RouteHandler handler) { fallback_ = std::move(handler); }

  /// Calls the handler of the best match. GET also answers HEAD. A path without the method gets 405 with
  /// Allow, or 204 with Allow for OPTIONS.
  void route(Request request, Responder responder) const;

  /// Each method and template, in the order in which they were added.
  const std::vector<std::pair<Method, std::string>>& routes() const { return routes_; }

  /// What HttpServer needs for the routes of add_streamed(). The router must outlive the server.
  StreamedRequests streamed() const;

  /// The methods for a path; empty if no template matches it. HEAD and OPTIONS are among them where route()
  /// answers them.
  std::vector<Method> allowed(const std::vector<std::string>& segments) const;

 private:
  struct Node;
  struct Route;
  struct Found {
    const Node* node;
    PathParameters parameters;
  };
  Result<void> add_route(Method method, std::string_view path, Route route);
  static std::optional<Found> find(const Node& node, const std::vector<std::string>& segments,
                                   std::size_t at);

  std::unique_ptr<Node> root_;
  std::vector<std::pair<Method, std::string>> routes_;
  RouteHandler fallback_;
};

}  // namespace dunlin::net::http
