#include "net/http/assets.h"

#include <openssl/evp.h>

#include <array>

#include "base/core/assert.h"
#include "base/hex.h"

namespace dunlin::net::http {
namespace {

constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
    {"html", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"xml", "application/xml"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/x-icon"},
    {"woff2", "font/woff2"},
    {"woff", "font/woff"},
    {"ttf", "font/ttf"},
    {"wasm", "application/wasm"},
    {"pdf", "application/pdf"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"tar", "application/x-tar"},
    {"csv", "text/csv"},
    {"pem", "application/x-pem-file"},
};

/// The weight of one element, "gzip;q=0.5": 0 to 1000, or nothing if it is malformed.
std::optional<int> weight_of(std::string_view parameters) {
  if (parameters.empty()) return 1000;
  const auto text = trimmed(parameters.substr(1));
  if (text.size() < 3 || (text[0] != 'q' && text[0] != 'Q') || text[1] != '=') return std::nullopt;
  const auto number = text.substr(2);
  if (number.size() > 5 || (number[0] != '0' && number[0] != '1')) return std::nullopt;
  int weight = (number[0] - '0') * 1000;
  int unit = 100;
  for (std::size_t i = 1; i < number.size(); ++i) {
    if (i == 1 && number[i] == '.') continue;
    if (i == 1 || number[i] < '0' || number[i] > '9') return std::nullopt;
    weight += (number[i] - '0') * unit;
    unit /= 10;
  }
  return weight > 1000 ? std::nullopt : std::optional{weight};
}

struct Weights {
  std::optional<int> gzip, brotli, identity, any;
};

Weights read_weights(std::string_view accept_encoding) {
  Weights weights;
  for (const auto element : list_elements(accept_encoding)) {
    const auto semicolon = element.find(';');
    const auto name = trimmed(element.substr(0, semicolon));
    const auto weight =
        weight_of(semicolon == std::string_view::npos ? std::string_view{} : element.substr(semicolon));
    if (!weight) continue;
    if (equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip")) weights.gzip = weight;
    if (equals_ignoring_case(name, "br")) weights.brotli = weight;
    if (equals_ignoring_case(name, "identity")) weights.identity = weight;
    if (name == "*") weights.any = weight;
  }
  return weights;
}

std::string digest_of(const Slice& bytes) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  const int done = EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr);
  DUNLIN_ASSERT(done == 1 && length >= 16);
  return to_hex(ByteView{digest}.first(16));
}

std::string_view suffix_of(Encoding encoding) {
  switch (encoding) {
    case Encoding::gzip:
      return "-gz";
    case Encoding::brotli:
      return "-br";
    case Encoding::identity:
      break;
  }
  return "";
}

const Slice& body_of(const Asset& asset, Encoding encoding) {
  switch (encoding) {
    case Encoding::gzip:
      return asset.gzip;
    case Encoding::brotli:
      return asset.brotli;
    case Encoding::identity:
      break;
  }
  return asset.plain;
}

}  // namespace

std::string_view content_type_of(std::string_view path) {
  const auto dot = path.rfind('.');
  if (dot != std::string_view::npos) {
    for (const auto& [extension, type] : kTypes) {
      if (equals_ignoring_case(path.substr(dot + 1), extension)) return type;
    }
  }
  return "application/octet-stream";
}

Encoding choose_encoding(std::optional<std::string_view> accept_encoding, bool has_gzip, bool has_brotli) {
  if (!accept_encoding) return Encoding::identity;
  const Weights weights = read_weights(*accept_encoding);
  Encoding best = Encoding::identity;
  // Identity is acceptable unless it is excluded; when everything is excluded it is sent all the same.
  int best_weight = weights.identity.value_or(weights.any == 0 ? 0 : 1);
  const int gzip = has_gzip ? weights.gzip.value_or(weights.any.value_or(0)) : 0;
  if (gzip > 0 && gzip >= best_weight) {
    best = Encoding::gzip;
    best_weight = gzip;
  }
  const int brotli = has_brotli ? weights.brotli.value_or(weights.any.value_or(0)) : 0;
  if (brotli > 0 && brotli >= best_weight) best = Encoding::brotli;
  return best;
}

bool matches_entity_tag(std::string_view if_none_match, std::string_view entity_tag) {
  if (trimmed(if_none_match) == "*") return true;
  for (auto element : list_elements(if_none_match)) {
    if (element.starts_with("W/")) element.remove_prefix(2);
    if (element.size() >= 2 && element.front() == '"' && element.back() == '"' &&
        element.substr(1, element.size() - 2) == entity_tag) {
      return true;
    }
  }
  return false;
}

void AssetTable::add(std::string path, Asset asset) {
  std::string entity_tag = digest_of(asset.plain);
  const auto type = content_type_of(path);
  entries_.insert_or_assign(std::move(path), Entry{std::move(asset), std::move(entity_tag), type});
}

Response AssetTable::serve(std::string_view path, const Request& request) const {
  const auto found = entries_.find(path == "/" ? std::string_view{"/index.html"} : path);
  if (found == entries_.end()) return error_response(Errc::not_found, "there is nothing at this path");
  if (request.method != Method::get && request.method != Method::head) {
    Response refused = error_response(405, "method_not_allowed", "this path does not take this method");
    refused.headers.set("Allow", "GET, HEAD");
    return refused;
  }
  const Entry& entry = found->second;
  const Encoding encoding = choose_encoding(request.headers.get("Accept-Encoding"), !entry.asset.gzip.empty(),
                                            !entry.asset.brotli.empty());
  // Each encoding is a representation of its own and needs its own tag (RFC 9110 section 8.8.3.3).
  const std::string entity_tag = entry.entity_tag + std::string{suffix_of(encoding)};
  Response response{.status = 200, .headers = headers_, .body = {}};
  response.headers.set("ETag", '"' + entity_tag + '"');
  response.headers.set("Vary", "Accept-Encoding");
  response.headers.set("Cache-Control", entry.asset.cache == CachePolicy::immutable
                                            ? "public, max-age=31536000, immutable"
                                            : "no-cache");
  const auto condition = request.headers.get("If-None-Match");
  if (condition && matches_entity_tag(*condition, entity_tag)) {
    response.status = 304;
    return response;
  }
  response.headers.set("Content-Type", std::string{entry.content_type});
  if (encoding != Encoding::identity)
    response.headers.set("Content-Encoding", encoding == Encoding::gzip ? "gzip" : "br");
  response.body = body_of(entry.asset, encoding);
  return response;
}

}  // namespace dunlin::net::http
