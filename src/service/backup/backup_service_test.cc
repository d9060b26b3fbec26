// The operations: who may name a folder, what is told while a backup is under way and after it.
#include "service/backup/backup_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/virtual_executor.h"
#include "base/virtual_fs.h"
#include "model/json_fields.h"
#include "service/backup/limits.h"
#include "service/backup/restore.h"

namespace dunlin::backup {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

model::Caller caller(PrincipalKind kind, Proof proof) {
  Principal principal;
  principal.kind = kind;
  principal.proof = proof;
  principal.name = "somebody";
  principal.permissions = {"backup:write", "backup:read"};
  return {seal(std::move(principal)), "127.0.0.1"};
}

struct BackupServiceTest : testing::Test {
  BackupServiceTest() {
    EXPECT_TRUE(disk.create_folders("data"));
    put("data/a", "content");
    make("/configured");
  }
  void put(const std::string& path, std::string_view text) {
    EXPECT_TRUE(write_file_atomically(fs, path, as_bytes(text)));
  }
  void make(const std::string& folder) {
    service = std::make_unique<BackupService>(ServiceParts{executor, workers, fs, clock, metrics, record},
                                              ServiceOptions{"data", folder, 2, "1.2.3"});
    table = std::make_unique<model::OperationTable>();
    service->declare(*table);
  }
  /// Until the answer is there; the backup goes on.
  Result<json::value> call(std::string_view name, const model::Caller& who, json::object request) {
    std::optional<Result<json::value>> answer;
    table->invoke(*table->find(name), who, std::move(request),
                  [&](auto given) { answer = std::move(given); });
    scheduler.run_until([&] { return answer.has_value(); }, std::chrono::seconds{1});
    EXPECT_TRUE(answer);
    return answer ? *std::move(answer) : fail(Errc::internal, "no answer");
  }
  /// So many tasks.
  void run_some(int count) {
    scheduler.run_until([&] { return count-- <= 0; }, std::chrono::seconds{1});
  }
  json::object status() { return call("system.backup-status", user, {})->get_object(); }

  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  VirtualWorkerPool workers{executor};
  VirtualFs disk;
  SnapshotFs fs{disk};
  metrics::Registry metrics;
  std::vector<std::string> records;  // behind the answers
  const model::CallRecorder record = [this](const model::Caller& who, const model::CallRecord& told,
                                            auto recorded) {
    records.push_back(who.principal->name + " " + std::string(told.action) + " " + told.object + " " +
                      (told.outcome == model::CallRecord::Outcome::failed ? "failed: " : "") + told.detail);
    recorded({});
  };
  const model::Caller user = caller(PrincipalKind::user, Proof::token);
  const model::Caller local = caller(PrincipalKind::service, Proof::token);
  std::unique_ptr<model::OperationTable> table;
  std::unique_ptr<BackupService> service;
};

TEST_F(BackupServiceTest, GoesIntoTheConfiguredFolderAndTellsHowFarItIs) {
  put("data/large", std::string(3 * kBlockBytes, 'x'));
  const auto begun = call("system.backup", user, {});
  ASSERT_TRUE(begun) << begun.error().message;
  EXPECT_EQ(begun->at("folder"), "/configured");
  EXPECT_EQ(status()["state"], "running");
  EXPECT_EQ(call("system.backup", user, {}).error().code, Errc::conflict);
  run_some(3);
  EXPECT_GT(status()["running"].at("bytes_done").to_number<std::uint64_t>(), 0U);
  EXPECT_EQ(status()["running"].at("bytes").to_number<std::uint64_t>(), 3 * kBlockBytes + 7);
  scheduler.run_ready();
  const json::object after = status();
  EXPECT_EQ(after.at("state"), "idle");
  EXPECT_EQ(after.at("last").at("outcome"), "done");
  EXPECT_EQ(after.at("last").at("instant"), begun->at("instant"));
  EXPECT_EQ(metrics.value("dunlin_backup_taken_total"), 1);
  EXPECT_EQ(metrics.value("dunlin_backup_last_bytes"), 3 * kBlockBytes + 7);
  EXPECT_TRUE(restore(fs, {"/configured", {}, "new"}));
  make("/configured");
  EXPECT_EQ(status().at("last").at("instant"), begun->at("instant")) << "after a restart";
}

TEST_F(BackupServiceTest, OnlyTheLocalCommandLineNamesAFolder) {
  const auto refused = call("system.backup", user, {{"to", "/elsewhere"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::permission_denied);
  EXPECT_FALSE(disk.exists("/elsewhere"));
  EXPECT_TRUE(call("system.backup", local, {{"to", "/elsewhere"}, {"keep", 1}}));
  scheduler.run_ready();
  EXPECT_TRUE(disk.exists("/elsewhere/manifests"));
  for (json::object wrong : {json::object{{"to", "relative"}}, json::object{{"to", "/e"}, {"keep", 0}},
                             json::object{{"to", "/e"}, {"keep", 1001}}, json::object{{"keep", 3}}})
    EXPECT_EQ(call("system.backup", local, std::move(wrong)).error().code, Errc::invalid_argument);
  make("");
  const auto nowhere = call("system.backup", user, {});
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message, HasSubstr("backup.folder"));
}

TEST_F(BackupServiceTest, AFailureIsToldAndTheNextOneMayBeTaken) {
  put("data/large", std::string(3 * kBlockBytes, 'x'));
  disk.set_capacity((1ULL << 40) - disk.free_space("data").value() + kBlockBytes);
  ASSERT_TRUE(call("system.backup", user, {}));
  scheduler.run_ready();
  EXPECT_EQ(status().at("last").at("outcome"), "failed");
  EXPECT_FALSE(status().at("last").at("error").get_string().empty());
  EXPECT_EQ(metrics.value("dunlin_backup_failures_total"), 1);
  disk.set_capacity(1ULL << 40);
  ASSERT_TRUE(call("system.backup", user, {}));
  scheduler.run_ready();
  EXPECT_EQ(status().at("last").at("outcome"), "done");
}

TEST_F(BackupServiceTest, ABackupThatFailedBehindItsAnswerWasInNoAuditRecord) {
  put("data/large", std::string(3 * kBlockBytes, 'x'));
  ASSERT_TRUE(call("system.backup", user, {}));
  scheduler.run_ready();
  EXPECT_THAT(records, testing::IsEmpty()) << "the call itself is recorded by the table";
  put("data/larger", std::string(3 * kBlockBytes, 'y'));
  disk.set_capacity((1ULL << 40) - disk.free_space("data").value() + kBlockBytes);
  ASSERT_TRUE(call("system.backup", user, {}));
  scheduler.run_ready();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_THAT(records.front(), testing::StartsWith("somebody system.backup /configured failed: "));
  EXPECT_THAT(records.front(), HasSubstr(std::string(status().at("last").at("error").get_string())));
}

TEST_F(BackupServiceTest, AServerThatStopsTakesItsBackupBack) {
  put("data/large", std::string(3 * kBlockBytes, 'x'));
  ASSERT_TRUE(call("system.backup", user, {}));
  run_some(3);
  service->stop();
  scheduler.run_ready();
  EXPECT_EQ(status().at("last").at("outcome"), "failed");
  EXPECT_EQ(verify(fs, "/configured")->backups, 0U);
  ASSERT_TRUE(call("system.backup", user, {}));
  service.reset();
  scheduler.run_ready();
  EXPECT_EQ(verify(fs, "/configured")->backups, 0U) << "one that is destroyed likewise";
}

}  // namespace
}  // namespace dunlin::backup
