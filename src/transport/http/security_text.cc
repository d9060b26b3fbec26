#include "transport/http/security_text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "base/core/assert.h"
#include "base/time_text.h"

namespace dunlin::transport {
namespace {

using net::http::PathParameters;
using net::http::Request;
using net::http::Responder;
using net::http::Response;

constexpr std::string_view kPath = "/.well-known/security.txt";
constexpr std::string_view kHttps = "https://";

/// One line of printable ASCII that a URI may have (RFC 3986 appendix A), behind one of these beginnings.
bool is_uri(std::string_view text, std::span<const std::string_view> beginnings) {
  if (text.size() > kMaxSecurityUriBytes) return false;
  const auto begins = [&](std::string_view with) {
    return text.starts_with(with) && text.size() > with.size();
  };
  if (std::ranges::none_of(beginnings, begins)) return false;
  return std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < '\x7f' && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
  });
}

Response answer(const SecurityText& text, const Clock& clock) {
  if (text.contacts.empty())
    return net::http::text_response(404, "this server names no contact for reports (security_txt.contact)\n");
  // Section 3: text/plain in UTF-8.
  Response response = net::http::text_response(200, render_security_text(text, clock.wall_now()));
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.headers.set("Cache-Control", "public, max-age=3600");
  return response;
}

}  // namespace

Result<void> check_security_text(const SecurityText& text) {
  constexpr std::array<std::string_view, 3> kContacts = {kHttps, "mailto:", "tel:"};
  if (text.contacts.size() > kMaxSecurityContacts)
    return fail(Errc::invalid_argument, "security_txt.contact may name at most " +
                                            std::to_string(kMaxSecurityContacts) + " contacts");
  if (!std::ranges::all_of(text.contacts, [&](const auto& uri) { return is_uri(uri, kContacts); }))
    return fail(Errc::invalid_argument,
                "security_txt.contact must name URIs that begin with mailto:, https:// "
                "or tel:, of at most " +
                    std::to_string(kMaxSecurityUriBytes) + " bytes");
  if (text.policy.empty()) return {};
  if (!is_uri(text.policy, std::span(&kHttps, 1)))
    return fail(Errc::invalid_argument,
                "security_txt.policy must be a URI that begins with https://, of at most " +
                    std::to_string(kMaxSecurityUriBytes) + " bytes");
  if (text.contacts.empty())
    return fail(Errc::invalid_argument, "security_txt.policy needs a security_txt.contact");
  return {};
}

std::string render_security_text(const SecurityText& text, WallTime now) {
  DUNLIN_ASSERT(!text.contacts.empty());
  std::string lines;
  for (const std::string& uri : text.contacts) lines += "Contact: " + uri + '\n';
  lines +=
      "Expires: " + format_rfc3339(std::chrono::floor<std::chrono::days>(now) + kSecurityTextLife) + '\n';
  if (!text.policy.empty()) lines += "Policy: " + text.policy + '\n';
  return lines;
}

void mount_security_text(net::http::Router& router, SecurityText text, const Clock& clock) {
  const auto added = router.add(
      net::http::Method::get, kPath,
      [text = std::move(text), &clock](const Request&, const PathParameters&, Responder responder) {
        responder.send(answer(text, clock));
      });
  DUNLIN_ASSERT(added.has_value());
}

}  // namespace dunlin::transport
