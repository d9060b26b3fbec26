#pragma once
// Files that are part of the program: the dashboard. They are whole in memory, some already compressed.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/http/message.h"

namespace dunlin::net::http {

/// By the file name's extension, with charset for text; "application/octet-stream" when it is not known.
std::string_view content_type_of(std::string_view path);

enum class Encoding { identity, gzip, brotli };
/// The best of the offered encodings by Accept-Encoding (RFC 9110 section 12.5.3): by weight, then brotli
/// before gzip before identity.
Encoding choose_encoding(std::optional<std::string_view> accept_encoding, bool has_gzip, bool has_brotli);

/// If-None-Match: "*" or a list of entity tags, compared weakly (RFC 9110 section 13.1.2).
bool matches_entity_tag(std::string_view if_none_match, std::string_view entity_tag);

enum class CachePolicy {
  revalidate,  // no-cache: the browser asks each time and gets 304
  immutable,   // for names that hold a hash of their content
};

struct Asset {
  Slice plain;
  Slice gzip;    // empty: none
  Slice brotli;  // empty: none
  CachePolicy cache = CachePolicy::revalidate;
};

/// Filled at start-up, then only read; any thread.
class AssetTable {
 public:
  /// `headers` go with every asset (security policy and the like).
  explicit AssetTable(Headers headers) : headers_(std::move(headers)) {}

  /// `path` as in a request, "/index.html". A second asset of the same path replaces the first.
  void add(std::string path, Asset asset);
  bool contains(std::string_view path) const { return entries_.find(path) != entries_.end(); }

  /// The answer to GET or HEAD for `path` ("/" is "/index.html"): 200, 304, 404 or 405.
  Response serve(std::string_view path, const Request& request) const;

 private:
  struct Entry {
    Asset asset;
    std::string entity_tag;  // without quotes
    std::string_view content_type;
  };
  Headers headers_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace dunlin::net::http
