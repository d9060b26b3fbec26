#include "net/http/router.h"

#include <algorithm>

#include "net/http/limits.h"

namespace dunlin::net::http {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  if (path.size() <= 1) return parts;
  path.remove_prefix(1);
  while (true) {
    const auto slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

std::string joined(const std::vector<std::string>& segments, std::size_t from) {
  std::string out = segments[from];
  for (std::size_t i = from + 1; i < segments.size(); ++i) out += '/' + segments[i];
  return out;
}

bool is_parameter(std::string_view part) {
  return part.size() > 2 && part.front() == '{' && part.back() == '}';
}

}  // namespace

struct Router::Route {
  RouteHandler handler{};
  StreamHandler stream{};  // instead of `handler`
  std::uint64_t max_body_bytes = 0;
  std::vector<std::string> names{};  // of the parameters, in order
};

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> fixed;
  std::unique_ptr<Node> parameter;  // one segment of any content
  std::unique_ptr<Node> rest;       // one segment or more
  std::map<Method, Route> routes;
};

std::string_view PathParameters::get(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
  }
  return {};
}

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

Result<void> Router::add(Method method, std::string_view path, RouteHandler handler) {
  return add_route(method, path, {.handler = std::move(handler)});
}

Result<void> Router::add_streamed(Method method, std::string_view path, std::uint64_t max_body_bytes,
                                  StreamHandler handler) {
  return add_route(method, path, {.stream = std::move(handler), .max_body_bytes = max_body_bytes});
}

Result<void> Router::add_route(Method method, std::string_view path, Route route) {
  if (path.empty() || path.front() != '/')
    return fail(Errc::invalid_argument, "a route does not begin with '/'");
  const auto parts = split(path);
  if (parts.size() > kMaxPathSegments) return fail(Errc::invalid_argument, "a route has too many segments");
  Node* node = root_.get();
  std::vector<std::string> names;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto part = parts[i];
    if (!is_parameter(part)) {
      if (part.find_first_of("{}") != std::string_view::npos)
        return fail(Errc::invalid_argument, "a route has a stray brace");
      auto& next = node->fixed[std::string{part}];
      if (!next) next = std::make_unique<Node>();
      node = next.get();
      continue;
    }
    const bool is_rest = part.ends_with("...}");
    if (is_rest && i + 1 != parts.size())
      return fail(Errc::invalid_argument, "a rest parameter is not the last segment");
    names.emplace_back(part.substr(1, part.size() - (is_rest ? 5 : 2)));
    auto& next = is_rest ? node->rest : node->parameter;
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  route.names = std::move(names);
  const bool added = node->routes.try_emplace(method, std::move(route)).second;
  if (!added) return fail(Errc::already_exists, "a route is there twice");
  routes_.emplace_back(method, path);
  return {};
}

/// Parameters are collected without names here, from the last to the first: names belong to the method's
/// route.
std::optional<Router::Found> Router::find(const Node& node, const std::vector<std::string>& segments,
                                          std::size_t at) {
  if (at == segments.size()) return node.routes.empty() ? std::nullopt : std::optional{Found{&node, {}}};
  if (const auto fixed = node.fixed.find(segments[at]); fixed != node.fixed.end()) {
    if (auto found = find(*fixed->second, segments, at + 1)) return found;
  }
  // An empty segment is no name of a thing.
  if (node.parameter && !segments[at].empty()) {
    if (auto found = find(*node.parameter, segments, at + 1)) {
      found->parameters.add({}, segments[at]);
      return found;
    }
  }
  if (!node.rest) return std::nullopt;
  Found found{node.rest.get(), {}};
  found.parameters.add({}, joined(segments, at));
  return found;
}

std::vector<Method> Router::allowed(const std::vector<std::string>& segments) const {
  const auto found = find(*root_, segments, 0);
  std::vector<Method> methods;
  if (!found) return methods;
  for (const auto& [method, route] : found->node->routes) methods.push_back(method);
  const auto has = [&methods](Method method) {
    return std::find(methods.begin(), methods.end(), method) != methods.end();
  };
  if (has(Method::get) && !has(Method::head)) methods.push_back(Method::head);
  if (!has(Method::options)) methods.push_back(Method::options);
  return methods;
}

StreamedRequests Router::streamed() const {
  const auto of = [this](Method method, const std::vector<std::string>& segments) {
    auto found = find(*root_, segments, 0);
    const Route* route = nullptr;
    if (found) {
      const auto at = found->node->routes.find(method);
      if (at != found->node->routes.end() && at->second.stream) route = &at->second;
    }
    return std::pair(route, found ? std::move(found->parameters) : PathParameters{});
  };
  StreamedRequests streamed;
  streamed.limit = [of](Method method, const std::vector<std::string>& segments) {
    const auto [route, parameters] = of(method, segments);
    return route == nullptr ? std::nullopt : std::optional(route->max_body_bytes);
  };
  streamed.handler = [of](Request request, RequestBody body, Responder responder) {
    auto [route, parameters] = of(request.method, request.segments);
    parameters.name_backwards(route->names);
    route->stream(std::move(request), std::move(parameters), std::move(body), std::move(responder));
  };
  return streamed;
}

void Router::route(Request request, Responder responder) const {
  auto found = request.path == "*" ? std::nullopt : find(*root_, request.segments, 0);
  if (!found) {
    if (fallback_) return fallback_(std::move(request), {}, std::move(responder));
    return responder.send(error_response(Errc::not_found, "there is nothing at this path"));
  }
  const auto& routes = found->node->routes;
  auto route = routes.find(request.method);
  if (route == routes.end() && request.method == Method::head) route = routes.find(Method::get);
  if (route != routes.end() && route->second.handler) {
    const auto& names = route->second.names;
    PathParameters parameters = std::move(found->parameters);
    parameters.name_backwards(names);
    return route->second.handler(std::move(request), std::move(parameters), std::move(responder));
  }
  std::string allow;
  for (const Method method : allowed(request.segments))
    allow.append(allow.empty() ? "" : ", ").append(method_name(method));
  Response response = request.method == Method::options
                          ? Response{.status = 204, .headers = {}, .body = {}}
                          : error_response(405, "method_not_allowed", "this path does not take this method");
  response.headers.set("Allow", std::move(allow));
  responder.send(std::move(response));
}

void PathParameters::name_backwards(const std::vector<std::string>& names) {
  std::reverse(values_.begin(), values_.end());
  for (std::size_t i = 0; i < values_.size() && i < names.size(); ++i) values_[i].first = names[i];
}

}  // namespace dunlin::net::http
