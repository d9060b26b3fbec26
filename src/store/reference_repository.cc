#include "store/reference_repository.h"

#include <map>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "store/change_file.h"
#include "store/encoding.h"
#include "store/repository_rules.h"
#include "store/strand.h"

namespace dunlin::store {
namespace {

using Key = std::tuple<DocumentKind, std::uint32_t, std::string>;

struct Stored {
  Key key;
  std::optional<Document> document;  // nullopt: removed
};

void encode(std::vector<std::uint8_t>& bytes, const Key& key, const Document* document) {
  append_number(bytes, static_cast<std::uint8_t>(std::get<0>(key)));
  append_number(bytes, std::get<1>(key));
  append_text(bytes, std::get<2>(key));
  append_number(bytes, document == nullptr ? std::uint64_t{0} : document->version);
  if (document == nullptr) return;
  append_text(bytes, document->body);
  append_text(bytes, encode_fields(document->index));
}

Result<std::vector<Stored>> decode(ByteView bytes) {
  Decoder decoder(bytes);
  std::vector<Stored> all;
  while (decoder.ok() && decoder.left() > 0) {
    const auto kind = static_cast<DocumentKind>(decoder.number<std::uint8_t>());
    const auto tenant = decoder.number<std::uint32_t>();
    Stored stored{{kind, tenant, decoder.text()}, std::nullopt};
    if (const auto version = decoder.number<std::uint64_t>(); version != 0) {
      stored.document = Document{std::get<2>(stored.key), version, decoder.text(), {}};
      DUNLIN_TRY(stored.document->index, decode_fields(decoder.text()));
    }
    all.push_back(std::move(stored));
  }
  if (!decoder.ok()) return fail(Errc::corrupt, "a stored change is damaged");
  return all;
}

/// What the strand's tasks share; used by one of them at a time.
struct State {
  std::map<Key, Document> documents;
  std::uint64_t live_bytes = 0;
  std::unique_ptr<ChangeFile> file;

  static std::uint64_t size_of(const Document& document) {
    std::uint64_t size = document.id.size() + document.body.size();
    for (const auto& [name, value] : document.index) size += name.size() + value.size();
    return size;
  }

  void apply(Stored stored) {
    if (const auto found = documents.find(stored.key); found != documents.end()) {
      live_bytes -= size_of(found->second);
      documents.erase(found);
    }
    if (!stored.document) return;
    live_bytes += size_of(*stored.document);
    documents.emplace(std::move(stored.key), *std::move(stored.document));
  }

  Result<std::vector<std::uint64_t>> write(std::vector<Change> changes) {
    DUNLIN_CHECK(check_changes(changes));
    // Later changes see the versions that earlier ones of the same write make.
    std::map<Key, std::uint64_t> changed;
    std::vector<std::uint64_t> versions;
    std::vector<Stored> all;
    std::vector<std::uint8_t> bytes;
    for (Change& change : changes) {
      Key key{change.kind, change.tenant, change.document.id};
      const auto earlier = changed.find(key);
      const auto found = documents.find(key);
      const std::uint64_t stored = found == documents.end() ? 0 : found->second.version;
      DUNLIN_TRY(const std::uint64_t version,
                 next_version(change, earlier != changed.end() ? earlier->second : stored));
      changed[key] = version;
      versions.push_back(version);
      change.document.version = version;
      encode(bytes, key, version == 0 ? nullptr : &change.document);
      all.push_back(
          {std::move(key), version == 0 ? std::nullopt : std::optional{std::move(change.document)}});
    }
    if (all.empty()) return versions;
    DUNLIN_CHECK(file->append(bytes));
    for (Stored& each : all) apply(std::move(each));
    compact_if_worth_it();
    return versions;
  }

  void compact_if_worth_it() {
    if (!file->wants_compaction(live_bytes)) return;
    std::vector<std::vector<std::uint8_t>> all;
    for (const auto& [key, document] : documents) encode(all.emplace_back(), key, &document);
    if (const auto compacted = file->compact(all); !compacted) {
      log::warning("store", "reference store not compacted", {{"error", compacted.error().message}});
    }
  }

  std::vector<Document> find(const Query& query) const {
    std::vector<Document> found;
    const std::string& start = std::max(query.after_id, query.id_prefix);
    for (auto at = documents.lower_bound({query.kind, query.tenant, start}); at != documents.end(); ++at) {
      const auto& [kind, tenant, id] = at->first;
      const bool inside = kind == query.kind && tenant == query.tenant && id.starts_with(query.id_prefix);
      if (!inside || found.size() >= limit_of(query)) break;
      if (id > query.after_id && matches(at->second, query.equals)) found.push_back(at->second);
    }
    return found;
  }
};

class ReferenceRepository final : public Repository {
 public:
  ReferenceRepository(WorkerPool& workers, std::shared_ptr<State> state)
      : state_(std::move(state)), strand_(workers) {}

  void get(Executor& reply_to, DocumentKind kind, std::uint32_t tenant, std::string id,
           std::move_only_function<void(Result<std::optional<Document>>)> done) override {
    strand_.run([state = state_, &reply_to, key = Key{kind, tenant, std::move(id)},
                 done = std::move(done)]() mutable {
      std::optional<Document> answer;
      if (const auto found = state->documents.find(key); found != state->documents.end())
        answer = found->second;
      reply_to.post(
          [answer = std::move(answer), done = std::move(done)]() mutable { done(std::move(answer)); });
    });
  }

  void find(Executor& reply_to, Query query,
            std::move_only_function<void(Result<std::vector<Document>>)> done) override {
    strand_.run([state = state_, &reply_to, query = std::move(query), done = std::move(done)]() mutable {
      reply_to.post(
          [answer = state->find(query), done = std::move(done)]() mutable { done(std::move(answer)); });
    });
  }

  void write(Executor& reply_to, std::vector<Change> changes,
             std::move_only_function<void(Result<std::vector<std::uint64_t>>)> done) override {
    strand_.run([state = state_, &reply_to, changes = std::move(changes), done = std::move(done)]() mutable {
      auto answer = state->write(std::move(changes));
      reply_to.post(
          [answer = std::move(answer), done = std::move(done)]() mutable { done(std::move(answer)); });
    });
  }

 private:
  // Shared with tasks that are under way when the store goes.
  std::shared_ptr<State> state_;
  Strand strand_;
};

}  // namespace

Result<std::unique_ptr<Repository>> open_reference_repository(Fs& fs, WorkerPool& workers,
                                                              const std::string& folder) {
  auto state = std::make_shared<State>();
  const auto replay = [&](ByteView change) -> Result<void> {
    DUNLIN_TRY(auto all, decode(change));
    for (Stored& stored : all) state->apply(std::move(stored));
    return {};
  };
  DUNLIN_TRY(state->file, ChangeFile::open(fs, folder, replay));
  return std::make_unique<ReferenceRepository>(workers, std::move(state));
}

}  // namespace dunlin::store
