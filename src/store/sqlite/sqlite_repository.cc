#include "store/sqlite/sqlite_repository.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/log.h"
#include "store/limits.h"
#include "store/repository_rules.h"
#include "store/sqlite/sqlite_vfs.h"
#include "store/strand.h"

namespace dunlin::store {
namespace {

// Each brings the schema from its index to the next version (PRAGMA user_version). Never changed, only added
// to.
constexpr std::array kMigrations{
    "CREATE TABLE documents (kind INTEGER NOT NULL, tenant INTEGER NOT NULL, id BLOB NOT NULL, version "
    "INTEGER NOT NULL,"
    " fields BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, tenant, id)) WITHOUT ROWID;"
    "CREATE TABLE document_index (kind INTEGER NOT NULL, tenant INTEGER NOT NULL, name BLOB NOT NULL, value "
    "BLOB NOT NULL,"
    " id BLOB NOT NULL, PRIMARY KEY (kind, tenant, name, value, id)) WITHOUT ROWID;",
};

/// Documents with a field's value that are counted to see which condition is the narrowest.
constexpr int kMostCounted = 1000;

Error error_of(const SQLite::Exception& exception) {
  const std::string text = exception.what();
  switch (exception.getErrorCode()) {
    case SQLITE_FULL:
      return {Errc::no_space, text};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {Errc::corrupt, text};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Errc::conflict, text};
    default:
      return {Errc::io, text};
  }
}

/// Runs `work` and turns the library's exceptions into errors.
template <class Work>
auto guarded(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const SQLite::Exception& exception) {
    return std::unexpected(error_of(exception));
  } catch (const std::exception& exception) {
    return fail(Errc::internal, exception.what());
  }
}

void bind(SQLite::Statement& statement, int index, const std::string& bytes) {
  // A null pointer would bind NULL instead of the empty blob.
  statement.bindNoCopy(index, bytes.empty() ? "" : bytes.data(), static_cast<int>(bytes.size()));
}

std::string text_of(const SQLite::Column& column) {
  const auto* bytes = static_cast<const char*>(column.getBlob());
  return bytes == nullptr ? std::string{} : std::string(bytes, static_cast<std::size_t>(column.getBytes()));
}

/// A prepared statement that is ready for the next use when this goes, also when an error is thrown.
class Use {
 public:
  explicit Use(SQLite::Statement& statement) : statement_(statement) {}
  ~Use() {
    statement_.tryReset();
    statement_.clearBindings();  // always succeeds
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  SQLite::Statement* operator->() { return &statement_; }
  SQLite::Statement& operator*() { return statement_; }

 private:
  SQLite::Statement& statement_;
};

/// The connection and its statements. Used by the strand's tasks, one at a time.
class Records {
 public:
  /// Throws SQLite::Exception.
  Records(SqliteEnvironment environment, const std::string& path, std::unique_ptr<File> lock)
      : lock_(std::move(lock)),
        vfs_(environment.fs),
        database_(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX, 0, vfs_.name()),
        writes_metric_(
            environment.metrics.counter("dunlin_store_sqlite_writes_total", "Transactions committed")),
        errors_metric_(
            environment.metrics.counter("dunlin_store_sqlite_errors_total", "Transactions that failed")) {}

  Result<void> prepare();
  Result<std::optional<Document>> get(DocumentKind kind, std::uint32_t tenant, const std::string& id);
  Result<std::vector<Document>> find(const Query& query);
  std::vector<Repository::Field> narrowest_first(const Query& query);
  Result<std::size_t> count(DocumentKind kind, std::uint32_t tenant, const Repository::Field& field);
  Result<std::vector<std::uint64_t>> write(const std::vector<Change>& changes);

 private:
  Result<void> migrate();
  std::uint64_t stored_version(const Change& change);
  void apply(const Change& change, std::uint64_t version);
  Result<std::vector<std::uint64_t>> write_in_transaction(const std::vector<Change>& changes);
  SQLite::Statement& statement(const std::string& sql);

  std::unique_ptr<File> lock_;
  SqliteVfs vfs_;
  SQLite::Database database_;
  std::map<std::string, SQLite::Statement> statements_;
  metrics::Cell& writes_metric_;
  metrics::Cell& errors_metric_;
};

/// Prepared once per text; there are as many texts as ways to ask.
SQLite::Statement& Records::statement(const std::string& sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second;
  constexpr std::size_t kMaxStatements = 64;
  if (statements_.size() >= kMaxStatements) statements_.clear();
  return statements_.emplace(sql, SQLite::Statement(database_, sql)).first->second;
}

Result<void> Records::prepare() {
  // Exclusive locking before WAL: the WAL's index then lives in the heap and no shared memory file is needed.
  database_.exec("PRAGMA locking_mode=EXCLUSIVE");
  database_.exec("PRAGMA temp_store=MEMORY");
  if (database_.execAndGet("PRAGMA journal_mode=WAL").getString() != "wal")
    return fail(Errc::io, "no WAL mode");
  database_.exec("PRAGMA synchronous=FULL");
  database_.exec("PRAGMA cache_size=-2048");  // KiB
  database_.exec("PRAGMA wal_autocheckpoint=1000");
  database_.exec("PRAGMA journal_size_limit=4194304");
  return migrate();
}

Result<void> Records::migrate() {
  const int version = database_.execAndGet("PRAGMA user_version").getInt();
  if (version > static_cast<int>(kMigrations.size())) {
    return fail(Errc::unsupported, "the records' schema has version " + std::to_string(version));
  }
  for (auto next = static_cast<std::size_t>(version); next < kMigrations.size(); ++next) {
    SQLite::Transaction transaction(database_);
    database_.exec(kMigrations.at(next));
    database_.exec("PRAGMA user_version=" + std::to_string(next + 1));
    transaction.commit();
  }
  return {};
}

Result<Document> document_of(SQLite::Statement& row) {
  Document document;
  document.id = text_of(row.getColumn(0));
  document.version = static_cast<std::uint64_t>(row.getColumn(1).getInt64());
  DUNLIN_TRY(document.index, decode_fields(text_of(row.getColumn(2))));
  document.body = text_of(row.getColumn(3));
  return document;
}

Result<std::optional<Document>> Records::get(DocumentKind kind, std::uint32_t tenant, const std::string& id) {
  Use select(statement("SELECT id, version, fields, body FROM documents WHERE kind=? AND tenant=? AND id=?"));
  select->bind(1, static_cast<int>(kind));
  select->bind(2, tenant);
  bind(*select, 3, id);
  if (!select->executeStep()) return std::nullopt;
  DUNLIN_TRY(Document document, document_of(*select));
  return document;
}

/// The condition that fewest documents meet comes first: it leads, the others are looked up for what it
/// finds.
std::vector<Repository::Field> Records::narrowest_first(const Query& query) {
  std::vector<Repository::Field> fields = query.equals;
  if (fields.size() < 2) return fields;
  std::vector<std::pair<int, Repository::Field>> counted;
  for (const Repository::Field& field : fields) {
    Use select(
        statement("SELECT COUNT(*) FROM (SELECT 1 FROM document_index WHERE kind=? AND tenant=? AND name=? "
                  "AND value=? LIMIT " +
                  std::to_string(kMostCounted) + ")"));
    select->bind(1, static_cast<int>(query.kind));
    select->bind(2, query.tenant);
    bind(*select, 3, field.first);
    bind(*select, 4, field.second);
    select->executeStep();
    counted.emplace_back(select->getColumn(0).getInt(), field);
  }
  std::ranges::stable_sort(counted, {}, [](const auto& one) { return one.first; });
  std::ranges::transform(counted, fields.begin(), [](auto& one) { return std::move(one.second); });
  return fields;
}

/// The parameters: 1 kind, 2 tenant, 3 the id to be behind, 4 and 5 the begin and end of the ids, then name
/// and value of each field.
std::string find_statement(std::size_t fields, std::size_t limit, bool has_end) {
  const auto has_field = [](std::size_t i) {
    const std::string index = "i" + std::to_string(i);
    return index + ".kind=?1 AND " + index + ".tenant=?2 AND " + index + ".name=?" +
           std::to_string(6 + 2 * i) + " AND " + index + ".value=?" + std::to_string(7 + 2 * i);
  };
  // CROSS JOIN: SQLite keeps the order. The index has the ids of one value in their order.
  std::string sql = "SELECT d.id, d.version, d.fields, d.body FROM ";
  if (fields > 0) sql += "document_index AS i0 CROSS JOIN ";
  sql += "documents AS d WHERE d.kind=?1 AND d.tenant=?2";
  if (fields > 0) sql += " AND " + has_field(0) + " AND d.id=i0.id";
  const std::string id = fields > 0 ? "i0.id" : "d.id";
  sql += " AND " + id + ">?3 AND " + id + ">=?4";
  if (has_end) sql += " AND " + id + "<?5";
  for (std::size_t i = 1; i < fields; ++i) {
    const std::string index = "i" + std::to_string(i);
    sql += " AND EXISTS (SELECT 1 FROM document_index AS " + index + " WHERE " + has_field(i) + " AND " +
           index + ".id=i0.id)";
  }
  return sql + " ORDER BY " + id + " LIMIT " + std::to_string(limit);
}

Result<std::vector<Document>> Records::find(const Query& query) {
  if (query.equals.size() > kMaxIndexFields) return std::vector<Document>{};  // no document has so many
  const auto end = behind_prefix(query.id_prefix);
  const auto fields = narrowest_first(query);
  Use select(statement(find_statement(fields.size(), limit_of(query), end.has_value())));
  select->bind(1, static_cast<int>(query.kind));
  select->bind(2, query.tenant);
  bind(*select, 3, query.after_id);
  bind(*select, 4, query.id_prefix);
  if (end) bind(*select, 5, *end);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    bind(*select, static_cast<int>(6 + 2 * i), fields[i].first);
    bind(*select, static_cast<int>(7 + 2 * i), fields[i].second);
  }
  std::vector<Document> found;
  while (select->executeStep()) {
    DUNLIN_TRY(Document document, document_of(*select));
    found.push_back(std::move(document));
  }
  return found;
}

Result<std::size_t> Records::count(DocumentKind kind, std::uint32_t tenant, const Repository::Field& field) {
  Use select(
      statement("SELECT COUNT(*) FROM document_index WHERE kind=? AND tenant=? AND name=? AND value=?"));
  select->bind(1, static_cast<int>(kind));
  select->bind(2, tenant);
  bind(*select, 3, field.first);
  bind(*select, 4, field.second);
  return select->executeStep() ? static_cast<std::size_t>(select->getColumn(0).getInt64()) : 0;
}

std::uint64_t Records::stored_version(const Change& change) {
  Use select(statement("SELECT version FROM documents WHERE kind=? AND tenant=? AND id=?"));
  select->bind(1, static_cast<int>(change.kind));
  select->bind(2, change.tenant);
  bind(*select, 3, change.document.id);
  return select->executeStep() ? static_cast<std::uint64_t>(select->getColumn(0).getInt64()) : 0;
}

void Records::apply(const Change& change, std::uint64_t version) {
  const Document& document = change.document;
  const auto run = [&](const char* sql, const auto& bind_rest) {
    Use use(statement(sql));
    use->bind(1, static_cast<int>(change.kind));
    use->bind(2, change.tenant);
    bind(*use, 3, document.id);
    bind_rest(*use);
    use->exec();
  };
  const auto nothing = [](SQLite::Statement&) {};
  if (const auto before = get(change.kind, change.tenant, document.id); before && *before) {
    for (const auto& field : (*before)->index) {
      run("DELETE FROM document_index WHERE kind=? AND tenant=? AND id=? AND name=? AND value=?",
          [&](auto& use) {
            bind(use, 4, field.first);
            bind(use, 5, field.second);
          });
    }
  }
  if (version == 0) return run("DELETE FROM documents WHERE kind=? AND tenant=? AND id=?", nothing);
  const std::string fields = encode_fields(document.index);
  run("INSERT OR REPLACE INTO documents (kind, tenant, id, version, fields, body) VALUES (?,?,?,?,?,?)",
      [&](auto& use) {
        use.bind(4, static_cast<std::int64_t>(version));
        bind(use, 5, fields);
        bind(use, 6, document.body);
      });
  for (const auto& field : document.index) {
    run("INSERT OR IGNORE INTO document_index (kind, tenant, id, name, value) VALUES (?,?,?,?,?)",
        [&](auto& use) {
          bind(use, 4, field.first);
          bind(use, 5, field.second);
        });
  }
}

Result<std::vector<std::uint64_t>> Records::write_in_transaction(const std::vector<Change>& changes) {
  // Rolls back when it goes without commit().
  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  std::vector<std::uint64_t> versions;
  for (const Change& change : changes) {
    DUNLIN_TRY(const std::uint64_t version, next_version(change, stored_version(change)));
    apply(change, version);
    versions.push_back(version);
  }
  transaction.commit();
  writes_metric_.add();
  return versions;
}

Result<std::vector<std::uint64_t>> Records::write(const std::vector<Change>& changes) {
  DUNLIN_CHECK(check_changes(changes));
  if (changes.empty()) return std::vector<std::uint64_t>{};
  auto result = guarded([&] { return write_in_transaction(changes); });
  if (!result && result.error().code != Errc::conflict) {
    errors_metric_.add();
    log::error("store/sqlite", "write failed", {{"error", result.error().message}});
  }
  return result;
}

class SqliteRepository final : public Repository {
 public:
  SqliteRepository(WorkerPool& workers, std::shared_ptr<Records> records)
      : records_(std::move(records)), strand_(workers) {}

  void get(Executor& reply_to, DocumentKind kind, std::uint32_t tenant, std::string id,
           std::move_only_function<void(Result<std::optional<Document>>)> done) override {
    strand_.run(
        [records = records_, &reply_to, kind, tenant, id = std::move(id), done = std::move(done)]() mutable {
          auto answer = guarded([&] { return records->get(kind, tenant, id); });
          reply_to.post(
              [answer = std::move(answer), done = std::move(done)]() mutable { done(std::move(answer)); });
        });
  }

  void find(Executor& reply_to, Query query,
            std::move_only_function<void(Result<std::vector<Document>>)> done) override {
    strand_.run([records = records_, &reply_to, query = std::move(query), done = std::move(done)]() mutable {
      auto answer = guarded([&] { return records->find(query); });
      reply_to.post(
          [answer = std::move(answer), done = std::move(done)]() mutable { done(std::move(answer)); });
    });
  }

  void count(Executor& reply_to, DocumentKind kind, std::uint32_t tenant, Field field,
             std::move_only_function<void(Result<std::size_t>)> done) override {
    strand_.run([records = records_, &reply_to, kind, tenant, field = std::move(field),
                 done = std::move(done)]() mutable {
      auto answer = guarded([&] { return records->count(kind, tenant, field); });
      reply_to.post(
          [answer = std::move(answer), done = std::move(done)]() mutable { done(std::move(answer)); });
    });
  }

  void write(Executor& reply_to, std::vector<Change> changes,
             std::move_only_function<void(Result<std::vector<std::uint64_t>>)> done) override {
    strand_.run(
        [records = records_, &reply_to, changes = std::move(changes), done = std::move(done)]() mutable {
          auto answer = records->write(changes);
          reply_to.post(
              [answer = std::move(answer), done = std::move(done)]() mutable { done(std::move(answer)); });
        });
  }

 private:
  // Shared with tasks that are under way when the store goes.
  std::shared_ptr<Records> records_;
  Strand strand_;
};

}  // namespace

Result<std::unique_ptr<Repository>> open_sqlite_repository(SqliteEnvironment environment,
                                                           const std::string& path) {
  DUNLIN_CHECK(environment.fs.create_folders(parent_folder(path)));
  DUNLIN_TRY(auto lock, environment.fs.lock(path + ".lock"));
  return guarded([&]() -> Result<std::unique_ptr<Repository>> {
    auto records = std::make_shared<Records>(environment, path, std::move(lock));
    DUNLIN_CHECK(records->prepare());
    return std::make_unique<SqliteRepository>(environment.workers, std::move(records));
  });
}

}  // namespace dunlin::store
