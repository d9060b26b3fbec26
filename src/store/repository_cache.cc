#include "store/repository_cache.h"

#include <list>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include "store/limits.h"

namespace dunlin::store {
namespace {

using Key = std::tuple<DocumentKind, std::uint32_t, std::string>;
using Found = std::optional<Document>;

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
    return place->second->second;
  }
  Epoch epoch() const {
    const std::scoped_lock lock(mutex_);
    return epoch_;
  }
  void keep(const Key& key, const Found& found, Epoch since) {
    if (found && found->body.size() > kMaxCachedBytes) return;
    const std::scoped_lock lock(mutex_);
    if (since != epoch_ || writes_ > 0 || places_.contains(key)) return;
    recent_.emplace_front(key, found);
    places_.emplace(key, recent_.begin());
    if (recent_.size() <= kCachedDocuments) return;
    places_.erase(recent_.back().first);
    recent_.pop_back();
  }
  void begin_write(const std::vector<Change>& changes) {
    const std::scoped_lock lock(mutex_);
    ++epoch_;
    ++writes_;
    for (const Change& change : changes) {
      const auto place = places_.find({change.kind, change.tenant, change.document.id});
      if (place == places_.end()) continue;
      recent_.erase(place->second);
      places_.erase(place);
    }
  }
  void end_write() {
    const std::scoped_lock lock(mutex_);
    ++epoch_;
    --writes_;
  }

 private:
  using Entry = std::pair<Key, Found>;
  mutable std::mutex mutex_;
  std::list<Entry> recent_;  // the first was asked for last
  std::map<Key, std::list<Entry>::iterator> places_;
  Epoch epoch_ = 0;
  std::size_t writes_ = 0;  // under way
};

class RepositoryCache final : public Repository {
 public:
  explicit RepositoryCache(std::unique_ptr<Repository> inner) : inner_(std::move(inner)) {}

  void get(Executor& reply_to, DocumentKind kind, std::uint32_t tenant, std::string id,
           std::move_only_function<void(Result<std::optional<Document>>)> done) override {
    Key key{kind, tenant, id};
    if (auto found = documents_->find(key)) {
      reply_to.post(
          [found = *std::move(found), done = std::move(done)]() mutable { done(std::move(found)); });
      return;
    }
    inner_->get(reply_to, kind, tenant, std::move(id),
                [documents = documents_, since = documents_->epoch(), key = std::move(key),
                 done = std::move(done)](Result<std::optional<Document>> read) mutable {
                  if (read) documents->keep(key, *read, since);
                  done(std::move(read));
                });
  }
  void find(Executor& reply_to, Query query,
            std::move_only_function<void(Result<std::vector<Document>>)> done) override {
    inner_->find(reply_to, std::move(query), std::move(done));
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
