#pragma once
// A repository in memory for this room's tests. It can refuse the next write.

#include <algorithm>
#include <map>
#include <tuple>

#include "security/audit.h"
#include "store/repository.h"

namespace dunlin::security {

class FakeRepository final : public store::Repository {
 public:
  using Key = std::tuple<store::DocumentKind, std::uint32_t, std::string>;
  std::map<Key, store::Document> documents;
  bool fail_writes = false;
  int writes = 0;

  store::Document* at(store::DocumentKind kind, const std::string& id) {
    const auto found = documents.find({kind, 1, id});
    return found == documents.end() ? nullptr : &found->second;
  }
  using Repository::count;
  std::size_t count(store::DocumentKind kind) const {
    std::size_t number = 0;
    for (const auto& [key, document] : documents) number += std::get<0>(key) == kind;
    return number;
  }
  void put(store::DocumentKind kind, const std::string& id, std::string body) {
    documents[{kind, 1, id}] = {.id = id, .version = 1, .body = std::move(body), .index = {}};
  }
  /// Whether any stored body holds the text.
  bool mentions(std::string_view text) const {
    for (const auto& [key, document] : documents) {
      if (document.body.contains(text)) return true;
    }
    return false;
  }

  void get(Executor& reply_to, store::DocumentKind kind, std::uint32_t tenant, std::string id,
           std::move_only_function<void(Result<std::optional<store::Document>>)> done) override {
    const auto found = documents.find({kind, tenant, id});
    std::optional<store::Document> answer;
    if (found != documents.end()) answer = found->second;
    reply_to.post(
        [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
  }

  void find(Executor& reply_to, store::Query query,
            std::move_only_function<void(Result<std::vector<store::Document>>)> done) override {
    std::vector<store::Document> answer;
    for (const auto& [key, document] : documents) {
      if (std::get<0>(key) != query.kind || std::get<1>(key) != query.tenant || document.id <= query.after_id)
        continue;
      bool fits = document.id.starts_with(query.id_prefix);
      for (const auto& wanted : query.equals)
        fits = fits && std::ranges::find(document.index, wanted) != document.index.end();
      if (fits && answer.size() < query.limit) answer.push_back(document);
    }
    reply_to.post(
        [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
  }

  void write(Executor& reply_to, std::vector<store::Change> changes,
             std::move_only_function<void(Result<std::vector<std::uint64_t>>)> done) override {
    Result<std::vector<std::uint64_t>> answer = apply(std::move(changes));
    reply_to.post(
        [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
  }

 private:
  Result<std::vector<std::uint64_t>> apply(std::vector<store::Change> changes) {
    ++writes;
    if (fail_writes) return fail(Errc::io, "the disk is gone");
    for (const store::Change& change : changes) {
      const auto found = documents.find({change.kind, change.tenant, change.document.id});
      const std::uint64_t version = found == documents.end() ? 0 : found->second.version;
      if (change.expected_version && *change.expected_version != version)
        return fail(Errc::conflict, "another version");
    }
    std::vector<std::uint64_t> versions;
    for (store::Change& change : changes) {
      // Without AuditChain a record's id is its time and what it says: two of a clock that stands are two.
      const bool is_record = change.action == store::Change::Action::put &&
                             change.kind == store::DocumentKind::audit && is_old_audit_id(change.document.id);
      while (is_record && documents.contains({change.kind, change.tenant, change.document.id}))
        change.document.id += '+';
      const Key key{change.kind, change.tenant, change.document.id};
      if (change.action == store::Change::Action::remove) {
        documents.erase(key);
        versions.push_back(0);
        continue;
      }
      store::Document& stored = documents[key];
      change.document.version = stored.version + 1;
      stored = std::move(change.document);
      versions.push_back(stored.version);
    }
    return versions;
  }
};

}  // namespace dunlin::security
