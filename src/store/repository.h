#pragma once
// Documents of record: things, users, policies, certificates, rules. Small, queried by a few indexed fields,
// changed rarely. No SQL outside store/. Typed repositories (ThingRepo ...) of the services are thin mappings
// over this.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/result.h"

namespace dunlin::store {

enum class DocumentKind : std::uint8_t {
  thing,
  user,
  policy,
  certificate,
  authority,
  token,
  rule,
  setting,
  audit,
  scram,
  thing_keys,
  second_factor,
  role,
  attachment,
  thing_group
};

struct Document {
  std::string id;             // unique within tenant and kind
  std::uint64_t version = 0;  // set by the repository: 1 at creation, +1 at each change
  std::string body;           // JSON
  std::vector<std::pair<std::string, std::string>> index;  // fields that find() can ask for
};

struct Change {
  enum class Action : std::uint8_t { put, remove } action = Action::put;
  DocumentKind kind = DocumentKind::thing;
  std::uint32_t tenant = 1;
  Document document;  // for remove only the id counts
  /// Refused with Errc::conflict unless the stored version is this (0: must not exist yet). Not set: any.
  std::optional<std::uint64_t> expected_version;
};

struct Query {
  DocumentKind kind = DocumentKind::thing;
  std::uint32_t tenant = 1;
  std::vector<std::pair<std::string, std::string>> equals{};  // all must hold
  std::string id_prefix{};
  std::string after_id{};  // answers begin behind this id: the way to page
  std::size_t limit = 100;
};

/// Completions run on the executor named in the call. Any thread may call. Errors: conflict, io, no_space,
/// corrupt.
class Repository {
 public:
  virtual ~Repository() = default;
  virtual void get(Executor& reply_to, DocumentKind kind, std::uint32_t tenant, std::string id,
                   std::move_only_function<void(Result<std::optional<Document>>)> done) = 0;
  /// Sorted by id.
  virtual void find(Executor& reply_to, Query query,
                    std::move_only_function<void(Result<std::vector<Document>>)> done) = 0;
  using Field = std::pair<std::string, std::string>;
  /// How many documents have this field in their index. Without an answer of its own it walks find()'s pages.
  virtual void count(Executor& reply_to, DocumentKind kind, std::uint32_t tenant, Field field,
                     std::move_only_function<void(Result<std::size_t>)> done);
  /// All or nothing, durable when the completion runs; answers the new versions, in order (0 for a removal).
  virtual void write(Executor& reply_to, std::vector<Change> changes,
                     std::move_only_function<void(Result<std::vector<std::uint64_t>>)> done) = 0;
};

}  // namespace dunlin::store
