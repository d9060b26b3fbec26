#include "store/repository_cache.h"

#include <list>
#include <map>
#include <memory_resource>
#include <mutex>
#include <string_view>
#include <tuple>
#include <utility>

#include "store/limits.h"

namespace dunlin::store {
namespace {

using Key = std::tuple<DocumentKind, std::uint32_t, std::string_view>;
using Found = std::optional<Document>;
using Memory = std::pmr::memory_resource;

/// A document, or that there is none, whose texts are in the memory given.
class Entry {
 public:
  Entry(const Key& key, const Found& found, Memory* memory)
      : kind_(std::get<0>(key)),
        tenant_(std::get<1>(key)),
        id_(std::get<2>(key), memory),
        body_(memory),
        index_(memory) {
    if (!found) return;
    version_ = found->version;
    body_ = found->body;
    for (const auto& [field, value] : found->index) index_.emplace_back(field, value);
  }

  Key key() const { return {kind_, tenant_, id_}; }
  Found found() const {
    if (version_ == kAbsent) return std::nullopt;
    Document document{std::string(id_), version_, std::string(body_), {}};
    for (const auto& [field, value] : index_) document.index.emplace_back(field, value);
    return document;
  }

 private:
  static constexpr std::uint64_t kAbsent = 0;  // versions begin with 1

  DocumentKind kind_;
  std::uint32_t tenant_;
  std::pmr::string id_;
  std::uint64_t version_ = kAbsent;
  std::pmr::string body_;
  std::pmr::vector<std::pair<std::pmr::string, std::pmr::string>> index_;
};

/// Of what was read and has not been written since. Any thread.
class Documents {
 public:
  /// Counts writes that begin and end; what was read between two looks at the same number is as it was.
  using Epoch = std::uint64_t;

  std::optional<Found> find(const Key& key) {
    const std::scoped_lock lock(mutex_);
    const auto place = places_.find(key);
    if (place == places_.end()) return std::nullopt;
    recent_.splice(recent_.begin(), recent_, place->second);
    return place->second->found();
  }
  Epoch epoch() const {
    const std::scoped_lock lock(mutex_);
    return epoch_;
  }
  void keep(const Key& key, const Found& found, Epoch since) {
    if (found && found->body.size() > kMaxCachedBytes) return;
    const std::scoped_lock lock(mutex_);
    if (since != epoch_ || writes_ > 0 || places_.contains(key)) return;
    recent_.emplace_front(key, found, &memory_);
    places_.emplace(recent_.front().key(), recent_.begin());
    if (recent_.size() <= kCachedDocuments) return;
    places_.erase(recent_.back().key());
    recent_.pop_back();
  }
  void begin_write(const std::vector<Change>& changes) {
    const std::scoped_lock lock(mutex_);
    ++epoch_;
    ++writes_;
    for (const Change& change : changes) {
      const auto place = places_.find({change.kind, change.tenant, change.document.id});
      if (place == places_.end()) continue;
      const auto entry = place->second;
      places_.erase(place);  // first: its key is the entry's
      recent_.erase(entry);
    }
  }
  void end_write() {
    const std::scoped_lock lock(mutex_);
    ++epoch_;
    --writes_;
  }

 private:
  mutable std::mutex mutex_;
  // Of its own: what stays here of a burst of connections would else lie between what they leave, a piece on
  // each page, and no page could be given back.
  std::pmr::unsynchronized_pool_resource memory_;
  std::pmr::list<Entry> recent_{&memory_};  // the first was asked for last
  std::pmr::map<Key, std::pmr::list<Entry>::iterator> places_{&memory_};
  Epoch epoch_ = 0;
  std::size_t writes_ = 0;  // under way
};

class RepositoryCache final : public Repository {
 public:
  explicit RepositoryCache(std::unique_ptr<Repository> inner) : inner_(std::move(inner)) {}

  void get(Executor& reply_to, DocumentKind kind, std::uint32_t tenant, std::string id,
           std::move_only_function<void(Result<std::optional<Document>>)> done) override {
    if (auto found = documents_->find({kind, tenant, id})) {
      reply_to.post(
          [found = *std::move(found), done = std::move(done)]() mutable { done(std::move(found)); });
      return;
    }
    inner_->get(reply_to, kind, tenant, id,
                [documents = documents_, since = documents_->epoch(), kind, tenant, id,
                 done = std::move(done)](Result<std::optional<Document>> read) mutable {
                  if (read) documents->keep({kind, tenant, id}, *read, since);
                  done(std::move(read));
                });
  }
  void find(Executor& reply_to, Query query,
            std::move_only_function<void(Result<std::vector<Document>>)> done) override {
    inner_->find(reply_to, std::move(query), std::move(done));
  }
  void count(Executor& reply_to, DocumentKind kind, std::uint32_t tenant, Field field,
             std::move_only_function<void(Result<std::size_t>)> done) override {
    inner_->count(reply_to, kind, tenant, std::move(field), std::move(done));
  }
  void write(Executor& reply_to, std::vector<Change> changes,
             std::move_only_function<void(Result<std::vector<std::uint64_t>>)> done) override {
    documents_->begin_write(changes);
    inner_->write(
        reply_to, std::move(changes),
        [documents = documents_, done = std::move(done)](Result<std::vector<std::uint64_t>> written) mutable {
          documents->end_write();
          done(std::move(written));
        });
  }

 private:
  std::unique_ptr<Repository> inner_;
  // Shared with completions: the last of them may come when the cache has gone.
  std::shared_ptr<Documents> documents_ = std::make_shared<Documents>();
};

}  // namespace

std::unique_ptr<Repository> cache_repository(std::unique_ptr<Repository> inner) {
  return std::make_unique<RepositoryCache>(std::move(inner));
}

}  // namespace dunlin::store
